"""The endpoints by which tags are pushed anew and faults are put into the registry."""

import json
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.fault_order import ordered, refused
from sandbox.registry.faults import Faults, parse_faults
from sandbox.registry.store import RegistryStore

PREFIX = "/_sandbox/registry"
UNCHANGED = "nothing was changed"
DONE = (
    ("GET", PREFIX, "Show the faults, the tags that were pushed anew, how many pulls there were."),
    ("PUT", f"{PREFIX}/faults", "Replace the faults: `status`, `times`, ..., `signature`."),
    (
        "POST",
        f"{PREFIX}/tags",
        "Push a tag anew: `repository`, `tag`, and the `version` that its label has; another"
        " digest from now on.",
    ),
    ("DELETE", PREFIX, "Heal the faults and forget what was pushed anew."),
)


def registry_control_routes(store: RegistryStore) -> list[Route]:
    """Return the routes, with their full paths."""

    async def show(request: Request) -> JSONResponse:
        del request
        pushed = [
            {"repository": repository, "tag": tag, **asdict(push)}
            for (repository, tag), push in store.images.tags.pushed.items()
        ]
        return JSONResponse({"faults": asdict(store.faults), "tags": pushed, "pulls": store.pulls})

    async def put(request: Request) -> JSONResponse:
        faults, problems = await ordered(request, parse_faults)
        if faults is None:
            return refused(problems, UNCHANGED)
        store.faults = faults
        return await show(request)

    async def push(request: Request) -> JSONResponse:
        try:
            body = json.loads(await request.body())
        except ValueError:
            return refused(["the body is not JSON"], UNCHANGED)
        found = body if isinstance(body, dict) else {}
        repository, tag, version = (found.get(key) for key in ("repository", "tag", "version"))
        if not isinstance(repository, str) or not isinstance(tag, str):
            return refused(["expected an object with the texts repository and tag"], UNCHANGED)
        if not store.images.is_published(repository, tag):
            return refused([f"{repository}:{tag} is no image that the sandbox knows"], UNCHANGED)
        image = store.images.tags.push(repository, tag, None if version is None else str(version))
        return JSONResponse({"digest": image.digest})

    async def clear(request: Request) -> JSONResponse:
        store.faults = Faults()
        store.images.tags.pushed.clear()
        return await show(request)

    return [
        Route(PREFIX, show, methods=["GET"]),
        Route(f"{PREFIX}/faults", put, methods=["PUT"]),
        Route(f"{PREFIX}/tags", push, methods=["POST"]),
        Route(PREFIX, clear, methods=["DELETE"]),
    ]
