"""Who signs LiteLLM's images, by what they are verified, and for which releases each holds.

Source: the vendor's announcement BerriAI/litellm #48242 (2026-11-15) and the release pages of the
versions named here. The compromised 1.107.0 carried a valid signature of the first key: that an
image is signed says who published it, never that it is good. The deny list is for that.
"""

import hashlib
import re
from collections.abc import Mapping
from importlib import resources

from stacks.values import Signer
from stacks.versions import order

IDENTITY = (
    "https://github.com/BerriAI/project-releaser/.github/workflows/release.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"
ANNOUNCEMENT = "BerriAI/litellm #48242"

KEY_FILES: Mapping[Signer, str] = {Signer.LITELLM_0112E53: "litellm-0112e53.pub"}
"""Keys that are part of this project, in gateway/data/signing; never fetched when it runs."""

KEY_SHA256: Mapping[Signer, str] = {
    # cosign.pub at BerriAI/litellm 0112e53046018d726492c814b3644b7d376029d0
    Signer.LITELLM_0112E53: "ff8869bf14ba9d10af7b64b9d479543b44daec0165e715753c43ff8a998f6dd3",
    # cosign.pub at BerriAI/litellm e82a3c646908ba0a6ee0beddc4310d7a6cac4065; stated by the vendor
    # with v1.104.6, v1.105.4 and v1.106.3
    Signer.LITELLM_E82A3C6: "e3fe3e08c44b16407fe0b37c43b4f8b603b3a0f4ee74c29e647bc022d762c2c0",
}
KEY_SOURCE: Mapping[Signer, str] = {
    Signer.LITELLM_E82A3C6: "https://raw.githubusercontent.com/BerriAI/litellm/"
    "e82a3c646908ba0a6ee0beddc4310d7a6cac4065/cosign.pub",
}

FIRST_SIGNED = "1.83.0"
_VENDORS = re.compile(
    r"(?:(?:ghcr\.io|docker\.litellm\.ai)/berriai|docker\.io/litellm)/litellm(?:[-_][a-z_]+)?"
)


_FIRST, _SECOND, _KEYLESS = (
    Signer.LITELLM_0112E53,
    Signer.LITELLM_E82A3C6,
    Signer.LITELLM_KEYLESS,
)
_LINES: Mapping[int, tuple[tuple[int, Signer | None], ...]] = {
    103: ((0, _FIRST), (8, _SECOND), (12, None)),
    104: ((0, _FIRST), (6, _SECOND), (10, None)),
    105: ((0, _FIRST), (4, _SECOND), (8, None)),
    106: ((0, _FIRST), (3, _SECOND), (9, None)),
    107: ((0, None),),
    108: ((0, _SECOND), (10, _KEYLESS)),
    109: ((0, _SECOND), (2, None), (3, _KEYLESS)),
    110: ((0, None), (1, _KEYLESS)),
}
"""By minor version: from which patch release on which way holds; None: nobody has looked."""

_BEFORE = ((0, _FIRST),)
_SINCE = ((0, _KEYLESS),)


def is_vendors(repository: str) -> bool:
    """Tell whether `registry/repository` is one that the vendor publishes and signs itself."""
    return _VENDORS.fullmatch(repository.lower()) is not None


def signer_of(version: str) -> Signer | None:
    """Return who signed a release of the vendor; None where nobody has looked, or nobody did."""
    at = order(version)
    if at[:1] != (1,) or at < order(FIRST_SIGNED) or len(at) < 3:  # noqa: PLR2004 - three numbers
        return None
    _, minor, patch = at
    others = _BEFORE if minor < min(_LINES) else _SINCE
    return [signer for since, signer in _LINES.get(minor, others) if patch >= since][-1]


def own_copy(signer: Signer) -> str | None:
    """Return the vendor's key that is part of this project, as PEM; None where it is not."""
    name = KEY_FILES.get(signer)
    if name is None:
        return None
    folder = resources.files("gateway").joinpath("data", "signing")
    return folder.joinpath(name).read_text(encoding="ascii")


def key_sha256(pem: str) -> str:
    """Return the SHA-256 of a key's file, which ends with one line break."""
    return hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()
