"""The client against a registry that answers as told; nothing that it says is believed."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.image.reference import parse_reference
from gateway.image.registry import INDEX_TYPES, MANIFEST_TYPES, Registry
from gateway.image.registry_errors import RegistryError

REFERENCE = parse_reference("ghcr.io/berriai/litellm:v1.106.2")
TOKEN = "marker-of-a-token"
Answer = Callable[[httpx.Request], httpx.Response | None]


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def text(document: Any) -> bytes:
    return json.dumps(document).encode()


CONFIG = text({"created": "2026-10-20", "config": {"Labels": {"a": "b"}}})
MANIFEST = text({"mediaType": MANIFEST_TYPES[0], "config": {"digest": digest(CONFIG)}})


def index(architecture: str = "amd64") -> bytes:
    platform = {"os": "linux", "architecture": architecture}
    entry = {"digest": digest(MANIFEST), "platform": platform}
    return text({"mediaType": INDEX_TYPES[0], "manifests": [entry]})


def registry(
    *, first: Answer = lambda _: None, tag: bytes | None = None, slept: list[float] | None = None
) -> Registry:
    """Make a registry with one image; `first` may answer before it."""
    top = index() if tag is None else tag
    bodies = {"v1.106.2": top, digest(MANIFEST): MANIFEST, digest(CONFIG): CONFIG}

    def answer(request: httpx.Request) -> httpx.Response:
        told = first(request)
        if told is not None:
            return told
        if request.url.path == "/token":
            assert request.url.params["scope"] == "repository:berriai/litellm:pull"
            assert "authorization" not in request.headers
            return httpx.Response(200, json={"token": TOKEN})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            realm = 'Bearer realm="https://ghcr.io/token",service="ghcr.io"'
            return httpx.Response(401, headers={"www-authenticate": realm})
        return httpx.Response(200, content=bodies[request.url.path.rpartition("/")[2]])

    client = httpx.Client(transport=httpx.MockTransport(answer))
    return Registry(client, sleep=(slept if slept is not None else []).append)


def refused(made: Registry) -> str:
    with pytest.raises(RegistryError, match="image") as caught:
        made.resolve(REFERENCE)
    assert TOKEN not in str(caught.value)
    return caught.value.problem.id


def test_a_tag_is_an_index_with_a_part_for_flys_machines() -> None:
    found = registry().resolve(REFERENCE)
    assert (found.digest, found.platform_digest) == (digest(index()), digest(MANIFEST))
    assert found.labels == {"a": "b"}


def test_an_image_of_one_platform_has_one_digest() -> None:
    found = registry(tag=MANIFEST).resolve(REFERENCE)
    assert found.digests == (digest(MANIFEST),)


def test_what_is_not_for_flys_machines_is_refused() -> None:
    assert refused(registry(tag=index("arm64"))) == "image.platform"


@pytest.mark.parametrize("part", ["v1.106.2", digest(MANIFEST), digest(CONFIG)])
def test_bytes_that_do_not_fit_their_digest_are_never_believed(part: str) -> None:
    def other(request: httpx.Request) -> httpx.Response | None:
        if request.headers.get("authorization") and request.url.path.endswith(part):
            headers = {"docker-content-digest": digest(index())}
            return httpx.Response(200, content=MANIFEST + b" ", headers=headers)
        return None

    assert refused(registry(first=other)) == "image.bytes"


def test_a_blob_elsewhere_is_fetched_without_the_token() -> None:
    seen = []

    def elsewhere(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "storage.example":
            seen.append("authorization" in request.headers)
            return httpx.Response(200, content=CONFIG)
        if "/blobs/" in request.url.path and request.headers.get("authorization"):
            return httpx.Response(307, headers={"location": "https://storage.example/x"})
        return None

    assert registry(first=elsewhere).resolve(REFERENCE).labels == {"a": "b"}
    assert seen == [False]


@pytest.mark.parametrize("location", ["http://storage.example/x", "ftp://x/y", "/v2/again"])
def test_no_redirect_leads_out_of_encryption_nor_round_in_circles(location: str) -> None:
    asked = []

    def away(request: httpx.Request) -> httpx.Response | None:
        asked.append(request.url.scheme)
        return httpx.Response(302, headers={"location": location})

    assert refused(registry(first=away)) == "image.registry"
    assert set(asked) == {"https"}


@pytest.mark.parametrize(
    ("status", "headers", "problem", "pauses"),
    [
        (404, {}, "image.unknown", []),
        (403, {}, "image.private", []),
        (401, {"www-authenticate": 'Basic realm="x"'}, "image.private", []),
        (401, {"www-authenticate": 'Bearer realm="http://x/token"'}, "image.registry", []),
        (429, {"retry-after": "3"}, "image.rate_limited", [3.0, 3.0]),
        (429, {"retry-after": "3600"}, "image.rate_limited", []),
        (503, {}, "image.registry", [1.0, 2.0]),
    ],
)
def test_each_refusal_says_what_it_is(
    status: int, headers: dict[str, str], problem: str, pauses: list[float]
) -> None:
    slept: list[float] = []
    made = registry(first=lambda _: httpx.Response(status, headers=headers), slept=slept)
    assert (refused(made), slept) == (problem, pauses)


def test_no_answer_is_asked_for_again_and_a_flood_is_not_read_to_its_end() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    slept: list[float] = []
    assert refused(registry(first=silent, slept=slept)) == "image.unreachable"
    assert slept == [1.0, 2.0]
    flood = httpx.Response(200, content=b" " * (5 * 1024 * 1024))
    with pytest.raises(RegistryError, match="more than 4194304 bytes"):
        registry(first=lambda _: flood).resolve(REFERENCE)
