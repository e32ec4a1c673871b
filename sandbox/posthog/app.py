"""PostHog on this machine: its capture and its query endpoint, beside the model providers.

A project's key must be there, a personal one must begin with `phx_`; which they are is not looked
at. There is one project, under any number.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.posthog.faults import KNOWN
from sandbox.posthog.store import EventStore
from sandbox.posthog.wire import WireError, answer, error, read_batch, read_query

PREFIX = "/posthog"
CAPTURE = f"{PREFIX}/batch/"
QUERY = PREFIX + "/api/projects/{project:int}/query/"
PERSONAL = "Bearer phx_"
DONE = (
    (
        "POST",
        CAPTURE,
        "Take a batch of events: `api_key`, `batch`; whose key it is, is not looked at.",
    ),
    ("POST", QUERY, "Answer the one HogQL query that the proof asks, and no other (400)."),
)


def posthog_routes(store: EventStore) -> list[Route]:
    """Return the routes, with their full paths."""

    async def capture(request: Request) -> JSONResponse:
        if request.headers.get("content-encoding", "identity") != "identity":
            return _refused("the sandbox reads plain JSON, which is what LiteLLM sends")
        try:
            store.keep(read_batch(await request.body(), store.clock()))
        except WireError as problem:
            return _refused(str(problem))
        return JSONResponse({"status": "Ok"})

    async def query(request: Request) -> JSONResponse:
        if not request.headers.get("authorization", "").startswith(PERSONAL):
            return JSONResponse(error(*KNOWN[401]), 401)
        refusal = store.refusal()
        if refusal is not None:
            after = refusal.retry_after_s
            headers = {"retry-after": str(after)} if after else {}
            return JSONResponse(refusal.body(), refusal.status, headers=headers)
        try:
            asked = read_query(await request.body())
        except WireError as problem:
            return _refused(str(problem))
        return JSONResponse(answer(store.find(asked), asked))

    return [
        Route(CAPTURE, capture, methods=["POST"]),
        Route(QUERY, query, methods=["POST"]),
    ]


def _refused(text: str) -> JSONResponse:
    return JSONResponse(error("validation_error", "invalid_input", text), 400)
