"""The endpoints by which faults are put into PostHog, and what came is counted."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.fault_order import ordered, refused
from sandbox.posthog.faults import parse_faults
from sandbox.posthog.store import EventStore

PREFIX = "/_sandbox/posthog"
DONE = (
    ("GET", PREFIX, "Show the faults and how many events, batches and queries there were."),
    ("PUT", f"{PREFIX}/faults", "Replace the faults: `late_s`, `status`, `times`, ..., `drop`."),
    ("DELETE", PREFIX, "Forget all events and heal the faults."),
)


def posthog_control_routes(store: EventStore) -> list[Route]:
    """Return the routes, with their full paths."""

    async def show(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"faults": asdict(store.faults), **store.counts()})

    async def put(request: Request) -> JSONResponse:
        faults, problems = await ordered(request, parse_faults)
        if faults is None:
            return refused(problems, "the faults were not taken")
        store.faults = faults
        return await show(request)

    async def clear(request: Request) -> JSONResponse:
        store.clear()
        return await show(request)

    return [
        Route(PREFIX, show, methods=["GET"]),
        Route(f"{PREFIX}/faults", put, methods=["PUT"]),
        Route(PREFIX, clear, methods=["DELETE"]),
    ]
