"""Which releases and images of LiteLLM are never run; the one table that rules and `pin` read."""

import re
from collections.abc import Iterable

from stacks.versions import FIRST_CHECKED, order

KNOWN_GOOD = "1.106.2"
DENIED_VERSIONS = {
    "1.82.7": "stole credentials (BerriAI/litellm #24512)",
    "1.82.8": "stole credentials (BerriAI/litellm #24518)",
    "1.107.0": "was a compromised release, with a valid signature (BerriAI/litellm #48242)",
}
DENIED_DIGESTS = {
    "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e": "1.107.0",
}

_OFFICIAL = re.compile(
    r"(?:^|/)(?:berriai/)?litellm(?:[-_](?:database|non_root|proxy|spend_logs))?$"
)
_LABEL = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+(?:[.-]?[a-z][a-z0-9.-]*)?)")


def is_litellm(repository: str) -> bool:
    """Tell whether a repository, with or without its registry, is one of LiteLLM's, or a mirror."""
    return _OFFICIAL.search(repository.lower()) is not None


def denied_digest(digests: Iterable[str]) -> tuple[str, str] | None:
    """Return the first digest that is denied, and the release whose image it is."""
    return next(((one, DENIED_DIGESTS[one]) for one in digests if one in DENIED_DIGESTS), None)


def denied_version(version: str) -> str | None:
    """Return why a version is never run: compromised, or older than the floor; None if it may be.

    A suffix makes no other release of it: `1.107.0-stable` is 1.107.0.
    """
    why = DENIED_VERSIONS.get(".".join(map(str, order(version))))
    if why is None and order(version) and order(version) < order(FIRST_CHECKED):
        return f"has known vulnerabilities: {FIRST_CHECKED} is the first without them"
    return why


def version_of_label(label: str) -> str | None:
    """Return the release that `org.opencontainers.image.version` names.

    None for what names none: where an image is built from a branch, the label has its name.
    """
    found = _LABEL.fullmatch(label.strip().lower().removeprefix("main-"))
    return found[1] if found else None


def same_version(one: str, other: str) -> bool:
    """Tell whether two spellings name one release: `1.106.2` and `1.106.2-stable` do."""
    return order(one) == order(other) and _suffix(one) == _suffix(other)


def _suffix(version: str) -> str:
    """Return what makes a release another one: `rc1` does, `stable` does not."""
    rest = re.sub(r"^[0-9]+\.[0-9]+\.[0-9]+", "", version)
    return re.sub(r"[.-]", "", re.sub(r"-stable$", "", rest))
