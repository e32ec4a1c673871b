"""For which releases of LiteLLM a statement is known to hold."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

FIRST_CHECKED = "1.84.0"  # the first release without known vulnerabilities: nothing older is run
LAST_CHECKED = "1.109.1"

_NUMBER = re.compile(r"[0-9]+")


class Holds(StrEnum):
    """Whether a statement holds on a release; UNVERIFIED: nobody has looked at that release."""

    YES = "yes"
    NO = "no"
    UNVERIFIED = "unverified"


class Versions(NamedTuple):
    """A statement's releases, found by running or reading them.

    `since` is the first release that it holds for and `until` the first that it no longer holds
    for; None says that it holds at that end of what was looked at, from `first` to `last`, both
    included. Outside of that it is unverified, unless a change inside already decides.
    """

    since: str | None = None
    until: str | None = None
    first: str = FIRST_CHECKED
    last: str = LAST_CHECKED

    def hold(self, version: str) -> Holds:
        """Tell whether the statement holds on `version`."""
        at = order(version)
        if self.since is not None and at < order(self.since):
            return Holds.NO
        if self.until is not None and at >= order(self.until):
            return Holds.NO
        if order(self.first) <= at <= order(self.last):
            return Holds.YES
        return Holds.UNVERIFIED

    def __str__(self) -> str:
        """Return `1.84.0 to 1.108.11` or, at an open end, `from 1.103.0` and `before 1.109.0`."""
        if self.since and self.until:
            return f"from {self.since}, before {self.until}"
        if self.until:
            return f"before {self.until}"
        return f"from {self.since}" if self.since else "all that are supported"


EVERY = Versions()


@lru_cache(maxsize=256)
def order(version: str) -> tuple[int, ...]:
    """Return what sorts versions; a suffix (`-stable`, `.rc1`) is left out of it."""
    numbers = _NUMBER.findall(version.split("-", maxsplit=1)[0])
    return tuple(int(number) for number in numbers[:3])
