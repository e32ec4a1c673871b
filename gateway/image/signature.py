"""How cosign is asked whether an image is signed, and what its answer means."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.image.reference import NotAReference, parse_reference
from gateway.image.signers import (
    ANNOUNCEMENT,
    IDENTITY,
    ISSUER,
    KEY_SHA256,
    KEY_SOURCE,
    is_vendors,
    key_sha256,
    own_copy,
    signer_of,
)
from stacks.problem import Problem, ProblemError
from stacks.settings import Image, Settings
from stacks.values import Signature, Signer

COSIGN = "cosign"
KEY_VARIABLE = "GATEWAY_IMAGE_KEY"
INSTALL = "https://docs.sigstore.dev/cosign/system_config/installation"
GET_COSIGN = f"install cosign (`brew install cosign`, or {INSTALL})"
QUOTED = 400  # characters of cosign's own words

# cmd/cosign/errors/exit_codes.go of cosign 2 and 3.
_UNSIGNED = frozenset({10, 11, 13})  # no signature, no such tag, a signature without certificate
_NOT_THEIRS = 12
_SAYS_UNSIGNED = "no signatures found"
_SAYS_NOT_THEIRS = ("no matching signatures", "invalid signature", "none of the expected ident")


class Verdict(StrEnum):
    """What a verification came to; ERRORED: cosign could not be asked, so nothing is known."""

    VERIFIED = "verified"
    UNSIGNED = "unsigned"
    NOT_THEIRS = "not_theirs"
    ERRORED = "errored"


@dataclass(frozen=True, slots=True)
class Verification:
    """One question to cosign: its words, its environment, and whose signature it asks for.

    The key goes by the environment, so that the words are the same in every checkout; neither
    holds a secret.
    """

    reference: str
    signer: Signer
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    key_sha256: str = ""

    @property
    def shell(self) -> str:
        """The command as a shell takes it."""
        return shlex.join(self.arguments)

    @property
    def by(self) -> str:
        """Whose signature it is, in words."""
        if self.signer is Signer.LITELLM_KEYLESS:
            return f"{self.signer}: {IDENTITY}"
        return f"{self.signer}: the key with the SHA-256 {self.key_sha256}"


def verification(
    image: Image, environment: str, *, place: Callable[[str], str], registry: str = ""
) -> Verification:
    """Return how an image's signature is verified; `ProblemError` with all that keeps it from it.

    `registry` is a host that is asked in place of the image's own: the sandbox's.
    """
    problems = tuple(_problems(image, environment, place))
    if problems:
        raise ProblemError(problems)
    signer = _signer(image)
    named = parse_reference(image.reference)
    name = f"{registry}/{named.repository}" if registry else named.name
    reference = f"{name}@{image.digest}"
    options = () if image.transparency_log else ("--insecure-ignore-tlog=true",)
    if signer is None or signer is Signer.LITELLM_KEYLESS:
        who = ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)
        return Verification(
            reference,
            Signer.LITELLM_KEYLESS,
            (COSIGN, "verify", *who, *options, reference),
        )
    key = image.key or own_copy(signer) or ""
    words = (COSIGN, "verify", "--key", f"env://{KEY_VARIABLE}", *options, reference)
    return Verification(reference, signer, words, {KEY_VARIABLE: key}, key_sha256(key))


def problems_before(settings: Settings, place: Callable[[str], str]) -> Iterator[Problem]:
    """Yield what keeps a required verification from being made at all, as far as settings say.

    An environment that waits for its first promotion has no digest yet, and nothing to deploy.
    """
    if settings.image.signature is not Signature.REQUIRED:
        return
    waits = settings.promotion is not None and settings.promotion.file is None
    for problem in _problems(settings.image, settings.environment, place):
        if not (waits and problem.id == "image.no_digest"):
            yield problem


def read_outcome(code: int, errors: str) -> Verdict:
    """Return what cosign's exit code and words mean; every other failure is none of the image."""
    if code == 0:
        return Verdict.VERIFIED
    said = errors.lower()
    if code == _NOT_THEIRS or any(words in said for words in _SAYS_NOT_THEIRS):
        return Verdict.NOT_THEIRS
    if code in _UNSIGNED or _SAYS_UNSIGNED in said:
        return Verdict.UNSIGNED
    return Verdict.ERRORED


def refusal(asked: Verification, verdict: Verdict, errors: str, *, again: str) -> Problem:
    """Return the problem of an image that was not verified; `again` is the command to run then."""
    if verdict is Verdict.ERRORED:
        return Problem(
            f"image {asked.reference}",
            "image.cosign",
            "",
            f"cosign could not tell whether it is signed: {quoted(errors)}",
            f"mend what it names, then: {again}",
        )
    signed = "it is signed, and not" if verdict is Verdict.NOT_THEIRS else "it is not signed"
    some = ""
    if verdict is Verdict.UNSIGNED and asked.signer is not Signer.OWN_KEY:
        some = "; some of the vendor's releases are not (BerriAI/litellm #32306, #34360)"
    return Problem(
        f"image {asked.reference}",
        f"image.{verdict}",
        "",
        f"{signed} by {asked.by}{some}; nothing was changed",
        "take a release that verifies: this image may be anybody's",
    )


def no_cosign(place: str, *, again: str) -> Problem:
    """Return the problem of a computer without cosign."""
    return Problem(
        place,
        "image.no_cosign",
        "",
        "cosign verifies signatures, and it is not on PATH; nothing was changed",
        f"{GET_COSIGN}, then: {again}",
    )


def quoted(errors: str) -> str:
    """Return cosign's own reason, in one line of limited length."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reasons = [line for line in lines if line.lower().startswith("error")] or lines
    return (reasons[0] if reasons else "it said nothing")[:QUOTED]


def _signer(image: Image) -> Signer | None:
    """Return who has to have signed; None where nothing says it."""
    if image.signer is not None:
        return image.signer
    if image.key is not None:
        return Signer.OWN_KEY
    try:
        repository = parse_reference(image.reference).name
    except NotAReference:
        return None
    return signer_of(image.version) if is_vendors(repository) else None


def _problems(image: Image, environment: str, place: Callable[[str], str]) -> Iterator[Problem]:
    if image.digest is None:
        yield Problem(
            place("image.digest"),
            "image.no_digest",
            "",
            "a signature is verified of a digest: a tag can name another image a moment later",
            f"gateway image pin {environment}",
        )
    try:
        parse_reference(image.reference)
    except NotAReference as error:
        yield error.problem
        return
    signer = _signer(image)
    if signer is None:
        yield _nobody(image, place)
    elif signer is Signer.OWN_KEY and image.key is None:
        yield Problem(
            place("image.key"),
            "image.no_key",
            "",
            f"image.signer is {signer}, and no key is there to verify with",
            "set image.key to the text of the public key (cosign.pub)",
        )
    elif signer in KEY_SHA256:
        yield from _other_key(image, signer, place)


def _nobody(image: Image, place: Callable[[str], str]) -> Problem:
    vendors = is_vendors(parse_reference(image.reference).name)
    what = (
        f"nobody has looked by what LiteLLM {image.version} is signed: its vendor went over from a"
        f" key to none in November 2026 ({ANNOUNCEMENT})"
        if vendors
        else "who signs the images of this repository is not known"
    )
    step = (
        f"set image.signer to {Signer.LITELLM_KEYLESS} or {Signer.LITELLM_E82A3C6}, whichever the"
        " release's page names"
        if vendors
        else "set image.key to the public key of who signs them"
    )
    return Problem(place("image.signer"), "image.no_signer", image.repository, what, step)


def _other_key(image: Image, signer: Signer, place: Callable[[str], str]) -> Iterator[Problem]:
    """Yield what is wrong with a key that has to be the vendor's."""
    expected = KEY_SHA256[signer]
    if image.key is None and own_copy(signer) is None:
        yield Problem(
            place("image.key"),
            "image.no_key",
            "",
            f"LiteLLM {image.version} is signed with the key {signer}, which is no part of this"
            " project",
            f"set image.key to the text of {KEY_SOURCE[signer]}; its SHA-256 is {expected}"
            f" ({ANNOUNCEMENT})",
        )
    elif image.key is not None and key_sha256(image.key) != expected:
        yield Problem(
            place("image.key"),
            "image.key",
            f"SHA-256 {key_sha256(image.key)}",
            f"the vendor's key {signer} has the SHA-256 {expected}",
            f"leave image.key out, or set image.signer to {Signer.OWN_KEY} if the key is your own",
        )
