import pytest

from gateway.image.judging import problems_with
from gateway.image.reference import parse_reference
from gateway.image.releases import DENIED_DIGESTS, KNOWN_GOOD
from gateway.image.resolved import VERSION_LABEL, Resolved

FINE = f"sha256:{'1' * 64}"
(DENIED,) = DENIED_DIGESTS
PLACE = "Pulumi.dev.yaml: gateway:image"


def told(
    label: str,
    *,
    repository: str = "ghcr.io/berriai/litellm",
    digests: tuple[str, str] = (FINE, FINE),
) -> list[str]:
    image = Resolved(parse_reference(f"{repository}:v9"), *digests, {VERSION_LABEL: label})
    found = problems_with(image, KNOWN_GOOD, place=PLACE)
    assert all(problem.place == PLACE and problem.next_step for problem in found)
    return [problem.id for problem in found]


@pytest.mark.parametrize("digests", [(DENIED, FINE), (FINE, DENIED)])
def test_a_denied_digest_is_refused_under_every_tag_and_label(digests: tuple[str, str]) -> None:
    assert told("v1.106.2", digests=digests) == ["image.denied"]
    assert told("", repository="r.acme.co/gateway", digests=digests) == ["image.denied"]


@pytest.mark.parametrize("label", ["1.107.0", "v1.107.0-stable", "main-v1.82.8", "1.83.7"])
def test_a_label_that_names_a_denied_or_too_old_release_is_refused(label: str) -> None:
    assert told(label) == ["image.denied"]


@pytest.mark.parametrize("label", ["1.106.2", "v1.106.2", "main-v1.106.2-stable", "main", "", "x"])
def test_a_label_that_fits_or_names_no_release_says_nothing(label: str) -> None:
    assert told(label) == []


@pytest.mark.parametrize("label", ["1.106.3", "v1.106.2-rc.1", "1.106.2rc1"])
def test_a_label_of_another_release_contradicts_the_settings(label: str) -> None:
    assert told(label) == ["image.version"]
    assert told(label, repository="r.acme.co/gateway") == []  # its label is its maker's own
