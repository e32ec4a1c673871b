"""What a registry is asked of an image over the OCI distribution API, and how it can fail.

Anonymous pulls only: a 401 names where a token is had (`WWW-Authenticate: Bearer realm=...`), and
it is asked without any password. Sources: opencontainers/distribution-spec 1.1, the token
specification of distribution/distribution, opencontainers/image-spec 1.1.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from gateway.image.reference import DIGEST, Reference
from gateway.image.registry_errors import (
    RegistryError,
    host,
    other_bytes,
    private,
    refused,
    strange,
    unreachable,
)
from gateway.image.resolved import Resolved

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = {"Accept": ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))}
LARGEST_BYTES = 4 * 1024 * 1024  # the specification has registries take manifests of at least 4 MiB
LARGEST_TOKEN_BYTES = 256 * 1024
ATTEMPTS = 3
PAUSE_S = 1.0
LONGEST_PAUSE_S = 20.0  # a registry that asks for more is told of at once
REDIRECTS = 5
TIMEOUT_S = 15.0

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Registry:
    """Asks registries about images; `client` must not follow redirects by itself.

    `at` is the address that answers for every registry, in place of their own: the sandbox's.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        at: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._at = at.rstrip("/")
        self._sleep = sleep
        self._tokens: dict[str, str] = {}

    def resolve(self, reference: Reference) -> Resolved:
        """Return what a reference means now, by its tag, else by its digest.

        Every text is compared with its digest. Raises `RegistryError`.
        """
        named = reference.named_by
        digest, document = self._manifest(reference, named)
        platform_digest = digest
        if _is_index(document):
            platform_digest = _for_linux(document, str(reference))
            _, document = self._manifest(reference, platform_digest)
        config = document.get("config")
        blob = str(config.get("digest", "")) if isinstance(config, Mapping) else ""
        if not DIGEST.fullmatch(blob):
            raise strange(str(reference), "its manifest names no configuration")
        told = _json(self._blob(reference, blob), str(reference))
        inner = told.get("config")
        labels = inner.get("Labels") if isinstance(inner, Mapping) else None
        kept = {str(k): str(v) for k, v in labels.items()} if isinstance(labels, Mapping) else {}
        return Resolved(reference, digest, platform_digest, kept, str(told.get("created") or ""))

    def digest_of(self, reference: Reference) -> str:
        """Return the digest that a reference's tag has now."""
        return self._manifest(reference, reference.named_by)[0]

    def _manifest(self, reference: Reference, named: str) -> tuple[str, dict[str, Any]]:
        url = f"{self._base(reference)}/v2/{reference.repository}/manifests/{named}"
        answer, body = self._get(reference, url, ACCEPT)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        claimed = answer.headers.get("docker-content-digest", digest)
        expected = named if DIGEST.fullmatch(named) else claimed
        if not digest == claimed == expected:
            wrong = expected if digest != expected else claimed
            raise other_bytes(str(reference), wrong, digest)
        return digest, _json(body, str(reference))

    def _blob(self, reference: Reference, digest: str) -> bytes:
        url = f"{self._base(reference)}/v2/{reference.repository}/blobs/{digest}"
        _, body = self._get(reference, url, {})
        actual = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if actual != digest:
            raise other_bytes(str(reference), digest, actual)
        return body

    def _base(self, reference: Reference) -> str:
        if self._at:
            return self._at
        name = urlsplit(f"//{reference.registry}").hostname
        return f"{'http' if name in _LOOPBACK else 'https'}://{reference.registry}"

    def _get(
        self, reference: Reference, url: str, headers: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        place = str(reference)
        answer, body = self._followed(place, url, self._with_token(reference, headers))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            challenge = answer.headers.get("www-authenticate", "")
            self._tokens[reference.name] = self._token(reference, challenge)
            answer, body = self._followed(place, url, self._with_token(reference, headers))
        if answer.status_code != httpx.codes.OK:
            raise refused(place, *_status(answer), body)
        return answer, body

    def _with_token(self, reference: Reference, headers: Mapping[str, str]) -> dict[str, str]:
        token = self._tokens.get(reference.name)
        return {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def _token(self, reference: Reference, challenge: str) -> str:
        place = str(reference)
        scheme, _, rest = challenge.partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        realm = asked.pop("realm", "")
        if scheme.lower() != "bearer" or not realm:
            raise private(place)
        if not self._may_ask(realm):
            raise strange(place, f"it sends for a token to {host(realm)}, without encryption")
        wanted = {"scope": f"repository:{reference.repository}:pull", **asked}
        wanted.pop("error", None)
        url = httpx.URL(realm).copy_merge_params(wanted)
        answer, body = self._followed(place, str(url), {}, most=LARGEST_TOKEN_BYTES)
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise private(place)
        if answer.status_code != httpx.codes.OK:
            raise refused(place, *_status(answer), body)
        found = _json(body, place)
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise strange(place, "its token service answers without a token")
        return token

    def _followed(
        self, place: str, url: str, headers: dict[str, str], *, most: int = LARGEST_BYTES
    ) -> tuple[httpx.Response, bytes]:
        """Ask, and go where it sends; the token goes to no other host than it is for."""
        for _ in range(REDIRECTS + 1):
            answer, body = self._asked(place, url, headers, most)
            if not answer.has_redirect_location:
                return answer, body
            after = _joined(place, url, answer.headers["location"])
            if not self._may_ask(after):
                raise strange(place, f"it sends on to {host(after)}, without encryption")
            if httpx.URL(after).netloc != httpx.URL(url).netloc or not _same_scheme(after, url):
                headers = {k: v for k, v in headers.items() if k != "Authorization"}
            url = after
        raise strange(place, f"it sends on more than {REDIRECTS} times")

    def _may_ask(self, url: str) -> bool:
        """Tell whether an address is encrypted, or on this machine, where the registry is."""
        found = urlsplit(url)
        return found.scheme == "https" or (
            found.scheme == "http" and found.hostname in _LOOPBACK and bool(self._at)
        )

    def _asked(
        self, place: str, url: str, headers: Mapping[str, str], most: int
    ) -> tuple[httpx.Response, bytes]:
        """Ask once, and again after what passes: no answer, 5xx, a limit with a short wait."""
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer, body = self._once(place, url, headers, most)
            except (httpx.RequestError, httpx.InvalidURL) as error:
                if last or isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
                    raise unreachable(place, url, error) from error
                self._sleep(PAUSE_S * attempt)
                continue
            pause = _pause_s(answer, attempt)
            if last or pause is None or pause > LONGEST_PAUSE_S:
                return answer, body
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self, place: str, url: str, headers: Mapping[str, str], most: int
    ) -> tuple[httpx.Response, bytes]:
        body = bytearray()
        with self._client.stream("GET", url, headers=dict(headers)) as answer:
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > most:
                    raise strange(place, f"it answers with more than {most} bytes")
        return answer, bytes(body)


def _is_index(document: Mapping[str, Any]) -> bool:
    return document.get("mediaType") in INDEX_TYPES or isinstance(document.get("manifests"), list)


def _for_linux(index: Mapping[str, Any], place: str) -> str:
    """Return the digest of the part for linux/amd64, what Fly's machines are."""
    seen = []
    for entry in index.get("manifests") or ():
        platform = entry.get("platform") if isinstance(entry, Mapping) else None
        if not isinstance(platform, Mapping):
            continue
        spelled = f"{platform.get('os')}/{platform.get('architecture')}"
        digest = str(entry.get("digest", ""))
        if spelled == "linux/amd64" and DIGEST.fullmatch(digest):
            return digest
        seen.append(spelled)
    there = ", ".join(sorted(set(seen) - {"unknown/unknown"})) or "none"
    raise RegistryError(
        place,
        "platform",
        f"Fly's machines are linux/amd64, and the image is for: {there}",
        "take an image that is built for linux/amd64",
    )


def _json(body: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise strange(place, "its answer is no JSON object")
    return found


def _pause_s(answer: httpx.Response, attempt: int) -> float | None:
    """Return how long to wait before asking again; None when that is of no use."""
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        asked = answer.headers.get("retry-after", "")
        return float(asked) if asked.isascii() and asked.isdigit() else PAUSE_S * attempt
    return PAUSE_S * attempt if answer.is_server_error else None


def _status(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("retry-after", "")


def _joined(place: str, url: str, location: str) -> str:
    try:
        return str(httpx.URL(url).join(location))
    except httpx.InvalidURL as error:
        raise strange(place, "it sends on to what is no address") from error


def _same_scheme(one: str, other: str) -> bool:
    return urlsplit(one).scheme == urlsplit(other).scheme
