from pathlib import Path

import pytest

from gateway.image.signature import (
    KEY_VARIABLE,
    Verdict,
    problems_before,
    read_outcome,
    refusal,
    verification,
)
from gateway.image.signers import (
    IDENTITY,
    ISSUER,
    KEY_FILES,
    KEY_SHA256,
    key_sha256,
    own_copy,
    signer_of,
)
from stacks.problem import ProblemError
from stacks.settings import Image, Promotion
from stacks.values import Signature, Signer
from tests.unit.gateway.example import example

DIGEST = f"sha256:{'1' * 64}"
OTHER_KEY = "-----BEGIN PUBLIC KEY-----\n" + "A" * 60 + "\n-----END PUBLIC KEY-----\n"


def asked(**image: object) -> tuple[str, ...]:
    return verification(Image(digest=DIGEST, **image), "dev", place=str).arguments  # type: ignore[arg-type]


def ids(**image: object) -> list[str]:
    with pytest.raises(ProblemError, match="image") as caught:
        verification(Image(**image), "dev", place=str)  # type: ignore[arg-type]
    return [problem.id for problem in caught.value.problems]


def test_the_default_release_is_asked_for_by_the_key_that_is_part_of_this_project() -> None:
    made = verification(Image(digest=DIGEST), "live", place=str)
    reference = f"ghcr.io/berriai/litellm@{DIGEST}"
    assert made.arguments == ("cosign", "verify", "--key", f"env://{KEY_VARIABLE}", reference)
    assert key_sha256(made.environment[KEY_VARIABLE]) == KEY_SHA256[Signer.LITELLM_0112E53]


def test_each_key_here_is_what_its_vendor_said() -> None:
    for signer in KEY_FILES:
        pem = own_copy(signer)
        assert pem is not None
        assert key_sha256(pem) == KEY_SHA256[signer]


def test_a_release_without_a_key_is_asked_for_by_the_workflow_that_made_it() -> None:
    words = asked(version="1.109.3")
    assert words[2:6] == ("--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER)


@pytest.mark.parametrize(
    ("version", "signer"),
    [
        ("1.84.0", Signer.LITELLM_0112E53),
        ("1.103.7", Signer.LITELLM_0112E53),
        ("1.103.8", Signer.LITELLM_E82A3C6),
        ("1.106.2", Signer.LITELLM_0112E53),
        ("1.106.3", Signer.LITELLM_E82A3C6),
        ("1.108.9", Signer.LITELLM_E82A3C6),
        ("1.108.10", Signer.LITELLM_KEYLESS),
        ("1.109.1", Signer.LITELLM_E82A3C6),
        ("1.109.2", None),
        ("1.112.0", Signer.LITELLM_KEYLESS),
        ("1.107.0", None),
        ("1.82.9", None),
    ],
)
def test_who_signed_a_release_is_what_the_vendor_said_of_it(
    version: str, signer: Signer | None
) -> None:
    assert signer_of(version) == signer


def test_what_nobody_knows_is_asked_for_and_never_guessed() -> None:
    assert ids(version="1.109.2", digest=DIGEST) == ["image.no_signer"]
    assert ids(repository="r.acme.co/litellm", digest=DIGEST) == ["image.no_signer"]
    assert ids(version="1.106.3", digest=DIGEST) == ["image.no_key"]
    assert ids(signer=Signer.OWN_KEY) == ["image.no_digest", "image.no_key"]


def test_a_key_that_is_not_the_vendors_does_not_pass_for_it() -> None:
    assert ids(version="1.106.3", signer="litellm-e82a3c6", key=OTHER_KEY, digest=DIGEST) == [
        "image.key"
    ]
    words = asked(repository="r.acme.co/litellm", key=OTHER_KEY, transparency_log=False)
    assert words[2:5] == ("--key", f"env://{KEY_VARIABLE}", "--insecure-ignore-tlog=true")


@pytest.mark.parametrize(
    ("code", "errors", "verdict"),
    [
        (0, "", Verdict.VERIFIED),
        (10, "Error: no signatures found", Verdict.UNSIGNED),
        (1, "Error: no signatures found", Verdict.UNSIGNED),
        (12, "Error: no matching signatures: invalid signature", Verdict.NOT_THEIRS),
        (12, "Error: in words to come", Verdict.NOT_THEIRS),
        (1, "error: dial tcp: lookup ghcr.io: no such host", Verdict.ERRORED),
        (-9, "", Verdict.ERRORED),
    ],
)
def test_what_cosign_could_not_tell_is_no_answer_about_the_image(
    code: int, errors: str, verdict: Verdict
) -> None:
    assert read_outcome(code, errors) is verdict
    if verdict is not Verdict.VERIFIED:
        made = verification(Image(digest=DIGEST), "dev", place=str)
        told = refusal(made, verdict, errors, again="gateway image verify dev")
        assert DIGEST in told.place
        assert told.next_step


def test_live_requires_a_signature_and_waits_for_its_first_promotion() -> None:
    settings = example(image={"signature": Signature.REQUIRED})
    assert [problem.id for problem in problems_before(settings, str)] == ["image.no_digest"]
    waiting = settings.model_copy(update={"promotion": Promotion(source="dev")})
    assert list(problems_before(waiting, str)) == []
    live = Path(__file__).parents[4] / "Pulumi.live.yaml"
    assert "signature: required" in live.read_text(encoding="utf-8")
