from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.image.reference import DOCKER_HUB, NotAReference, Reference, parse_reference

WORD = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?", fullmatch=True)
REPOSITORY = st.lists(WORD, min_size=1, max_size=3).map("/".join)
REGISTRY = st.sampled_from(
    ["ghcr.io", "docker.io", "127.0.0.1:4280", "localhost", "r.acme.co:5000"]
)
TAG = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGEST = st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


@given(REGISTRY, REPOSITORY, TAG, DIGEST)
def test_what_is_written_is_read_back(
    registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    text = (
        f"{registry}/{repository}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    )
    read = parse_reference(text)
    assert (read.tag, read.digest) == (tag, digest)
    assert parse_reference(str(read)) == read


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused_with_an_example(text: str) -> None:
    with suppress(NotAReference):
        read = parse_reference(text)
        assert parse_reference(str(read)) == read
        return
    assert "ghcr.io/berriai/litellm:v1.106.2" in NotAReference(text).problem.next_step


def test_short_names_are_docker_hubs() -> None:
    assert parse_reference("postgres:18") == Reference(DOCKER_HUB, "library/postgres", "18")
    assert parse_reference("valkey/valkey").name == "docker.io/valkey/valkey"


@pytest.mark.parametrize(
    "text", ["ghcr.io/../v2/x:1", "ghcr.io/a:b c", "a@sha256:12", "https://a/b"]
)
def test_nothing_reaches_an_address_that_is_no_name(text: str) -> None:
    with pytest.raises(NotAReference, match="no reference of the form"):
        parse_reference(text)
