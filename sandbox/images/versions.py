"""Which LiteLLM version an image tag names, and which versions are never run."""

import re

from sandbox.interfaces import ImageError

DEFAULT = "1.106.2"
REFUSED = {
    "1.82.7": "it was published by an attacker and stole credentials (BerriAI/litellm #24512)",
    "1.82.8": "it was published by an attacker and stole credentials (BerriAI/litellm #24512)",
    "1.107.0": "it is a compromised release",
}
REFUSED_DIGESTS = {
    "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e": "1.107.0",
}
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:rc|\.post|\.dev)\d+)?")
TAGGED = re.compile(rf"(?:main-)?v?({VERSION.pattern})(?:-[a-z][a-z0-9.-]*)?")


def checked_version(version: str) -> str:
    """Return the version when it may be run; raise `ImageError` when not."""
    if VERSION.fullmatch(version) is None:
        raise ImageError(f'"{version}" is not a LiteLLM version; expected for example {DEFAULT}')
    if reason := REFUSED.get(version):
        raise ImageError(f"LiteLLM {version} is refused: {reason}; use {DEFAULT}")
    return version


def version_of_tag(tag: str) -> str:
    """Return the version in `v1.106.2`, `1.106.2`, `main-v1.106.2` or `main-v1.106.2-stable`."""
    found = TAGGED.fullmatch(tag)
    if found is None:
        raise ImageError(
            f'the LiteLLM image tag "{tag}" names no version; expected for example v{DEFAULT}'
        )
    return checked_version(found[1])


def tags_of(version: str) -> list[str]:
    """Return the tags under which a version is published."""
    return [f"v{version}", version, f"main-v{version}", f"main-v{version}-stable"]
