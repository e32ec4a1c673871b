"""What a fact about LiteLLM's behaviour consists of."""

from typing import NamedTuple

from stacks.versions import EVERY, Versions


class Fact(NamedTuple):
    """One statement about LiteLLM's behaviour.

    `effect` is a sentence that a message can end with. `evidence` are sources that a reader can
    open, and what was read in which release. `test` names the truth test that shows it on real
    proxies; where there is none, `untested` says why it cannot be shown here.
    """

    id: str
    effect: str
    evidence: tuple[str, ...]
    versions: Versions = EVERY
    test: str | None = None
    untested: str = ""
