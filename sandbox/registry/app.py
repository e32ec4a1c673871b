"""A registry on this machine: the part of the OCI distribution API that a pull needs.

Source: opencontainers/distribution-spec 1.1 and the token specification of
distribution/distribution. Every request needs a token, which everybody gets.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.registry.faults import REFUSALS
from sandbox.registry.published import INDEX, digest_of
from sandbox.registry.store import RegistryStore

TOKEN_PATH = "/registry/token"  # noqa: S105 - where tokens are had
STORAGE_PATH = "/registry/storage/{repository:path}/{digest}"
DONE = (
    ("GET", "/v2/", "Say that this is a registry, to who has a token."),
    ("GET", "/v2/{repository}/manifests/{reference}", "An index or a manifest, by tag or digest."),
    ("GET", "/v2/{repository}/blobs/{digest}", "A configuration, a layer, what a signature signs."),
    ("GET", "/v2/{repository}/tags/list", "The tags that are known; not all that are there."),
    ("GET", "/v2/{repository}/referrers/{digest}", "Nothing: signatures hang below tags here."),
    ("GET", TOKEN_PATH, "A token for the scope that is asked for, to everybody."),
)


def registry_routes(store: RegistryStore) -> list[Route]:
    """Return the routes, with their full paths."""

    async def token(request: Request) -> Response:
        if store.faults.private:
            return _error(401, "UNAUTHORIZED", "authentication required")
        given = store.give_token(request.query_params.get("scope", ""))
        return JSONResponse({"token": given, "access_token": given, "expires_in": 300})

    async def base(request: Request) -> Response:
        return JSONResponse({}) if _token_of(request) else _unauthorized(request, "")

    async def manifest(request: Request) -> Response:
        repository = request.path_params["repository"]
        refused = _refused(store, request, repository)
        if refused is not None:
            return refused
        found = store.manifest(repository, request.path_params["reference"])
        if found is None:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        content, media_type = found
        headers = {"docker-content-digest": digest_of(content)}
        body = content + b"\n" if store.faults.other_bytes else content
        return Response(body, media_type=media_type, headers=headers)

    async def blob(request: Request) -> Response:
        repository, digest = request.path_params["repository"], request.path_params["digest"]
        refused = _refused(store, request, repository)
        if refused is not None:
            return refused
        if store.faults.redirect_blobs:
            port = request.url.port
            path = STORAGE_PATH.replace("{repository:path}", repository).replace("{digest}", digest)
            return RedirectResponse(f"http://localhost:{port}{path}", 307)
        return _blob(store, repository, digest)

    async def storage(request: Request) -> Response:
        if "authorization" in request.headers:  # as cloud storage does
            return _error(400, "DENIED", "only one auth mechanism is allowed")
        return _blob(store, request.path_params["repository"], request.path_params["digest"])

    async def tags(request: Request) -> Response:
        repository = request.path_params["repository"]
        refused = _refused(store, request, repository)
        return refused or JSONResponse({"name": repository, "tags": store.list_tags(repository)})

    async def referrers(request: Request) -> Response:
        refused = _refused(store, request, request.path_params["repository"])
        nothing = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        return refused or Response(json.dumps(nothing), media_type=INDEX)

    repository = "/v2/{repository:path}"
    return [
        Route("/v2/", base),
        Route(TOKEN_PATH, token),
        Route(STORAGE_PATH, storage),
        Route(f"{repository}/manifests/{{reference}}", manifest),
        Route(f"{repository}/blobs/{{digest}}", blob),
        Route(f"{repository}/tags/list", tags),
        Route(f"{repository}/referrers/{{digest}}", referrers),
    ]


def _blob(store: RegistryStore, repository: str, digest: str) -> Response:
    found = store.blob(repository, digest)
    if found is None:
        return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    headers = {"docker-content-digest": digest}
    return Response(found, media_type="application/octet-stream", headers=headers)


def _refused(store: RegistryStore, request: Request, repository: str) -> Response | None:
    """Return how a request is refused: by a fault, or for want of a token."""
    fault = store.refusal()
    if fault is not None and fault.status != 401:  # noqa: PLR2004 - HTTP
        limited = {"retry-after": str(fault.retry_after_s)} if fault.retry_after_s else {}
        code = REFUSALS.get(fault.status, "UNKNOWN")
        return _error(fault.status, code, "ordered by a sandbox fault", headers=limited)
    if fault is not None or not store.opens(_token_of(request), repository):
        return _unauthorized(request, repository)
    return None


def _unauthorized(request: Request, repository: str) -> Response:
    at = f"{request.url.scheme}://{request.url.netloc}"
    scope = f',scope="repository:{repository}:pull"' if repository else ""
    challenge = f'Bearer realm="{at}{TOKEN_PATH}",service="sandbox"{scope}'
    headers = {"www-authenticate": challenge}
    return _error(401, "UNAUTHORIZED", "authentication required", headers=headers)


def _token_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _error(status: int, code: str, message: str, *, headers: Any = None) -> Response:
    told = {"errors": [{"code": code, "message": message}]}
    return JSONResponse(told, status, headers=headers)
