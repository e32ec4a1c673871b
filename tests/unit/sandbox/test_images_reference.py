"""References: what is taken apart, what is written out and what is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.images.reference import DIGEST, parse_reference, sandbox_digest
from sandbox.images.versions import tags_of, version_of_tag
from sandbox.interfaces import ImageError

WORD = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
REPOSITORY = st.lists(WORD, min_size=1, max_size=3).map("/".join)
TAG = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=40).filter(
    lambda tag: tag[0] not in ".-"
)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
REGISTRY = st.sampled_from(["ghcr.io", "registry.fly.io", "localhost:5000", "localhost"])


@given(REGISTRY, REPOSITORY, st.none() | TAG, st.none() | HEX)
def test_what_was_put_together_is_taken_apart(
    registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    text = f"{registry}/{repository}"
    text += f":{tag}" if tag else ""
    text += f"@{digest}" if digest else ""
    asked = parse_reference(text)
    assert (asked.registry, asked.repository) == (registry, repository)
    assert (asked.tag, asked.digest) == (tag, digest)


@given(st.text())
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    try:
        parse_reference(text)
    except ImageError as error:
        assert "is not written as" in str(error)  # noqa: PT017 -- most texts, not all, are refused


@pytest.mark.parametrize(
    ("short", "registry", "repository"),
    [
        ("postgres", "registry-1.docker.io", "library/postgres"),
        ("docker.io/postgres:18", "registry-1.docker.io", "library/postgres"),
        ("valkey/valkey:9", "registry-1.docker.io", "valkey/valkey"),
        ("ghcr.io/berriai/litellm", "ghcr.io", "berriai/litellm"),
    ],
)
def test_docker_hub_s_short_forms_are_written_out(
    short: str, registry: str, repository: str
) -> None:
    asked = parse_reference(short)
    assert (asked.registry, asked.repository) == (registry, repository)


@pytest.mark.parametrize(
    "text", ["", ":tag", "a b", "UPPER/case", "x:", "x@sha256:12", "x@", "x:../../etc", "x/", "/x"]
)
def test_a_malformed_reference_shows_a_good_one(text: str) -> None:
    with pytest.raises(ImageError, match=r"for example ghcr\.io/berriai/litellm:v1\.106\.2"):
        parse_reference(text)


def test_a_digest_is_always_the_same() -> None:
    # Pinned: settings and promoted releases on disk hold such digests.
    expected = "sha256:df617624d6863be22f2d902b1a19d555948b461059defac7814c7590a8c04b62"
    assert sandbox_digest("stub", "1") == expected


@given(REPOSITORY, TAG, TAG)
def test_two_tags_have_two_digests(repository: str, one: str, other: str) -> None:
    digests = {sandbox_digest(repository, one), sandbox_digest(repository, other)}
    assert len(digests) == len({one, other})
    assert all(DIGEST.fullmatch(digest) for digest in digests)


@given(st.tuples(*[st.integers(0, 300)] * 3).filter(lambda version: version >= (1, 108, 0)))
def test_every_published_tag_names_its_version(numbers: tuple[int, int, int]) -> None:
    version = ".".join(map(str, numbers))
    assert {version_of_tag(tag) for tag in tags_of(version)} == {version}
