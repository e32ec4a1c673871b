"""What LiteLLM really does with a setting, and on which releases."""

from dataclasses import dataclass

from stacks.versions import Versions


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about LiteLLM's behaviour.

    `effect` is a sentence that a message can end with. `evidence` are sources that a reader can
    open. `test` names the truth test that shows it on real proxies; where there is none,
    `untested` says why it cannot be shown here.
    """

    id: str
    effect: str
    versions: Versions
    evidence: tuple[str, ...]
    test: str | None = None
    untested: str = ""


ALLOWED_FAILS_OF_3 = Fact(
    id="allowed_fails.equal_to_default",
    effect='a router `allowed_fails` of 3 equals the default and is read as "not set"',
    versions=Versions(until="1.109.0"),
    evidence=("BerriAI/litellm #40405", "litellm/router_utils/cooldown_handlers.py"),
)
