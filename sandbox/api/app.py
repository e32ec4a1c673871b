"""The API as a whole: every endpoint behind one gate, and the wiring a program needs."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from sandbox import control
from sandbox.api import (
    actions,
    apps,
    certificates,
    ips,
    leases,
    machines,
    metadata,
    postgres,
    secrets,
    volumes,
)
from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import HANDLERS, not_done
from sandbox.api.gate import Gate
from sandbox.flyctl import graphql, uiex
from sandbox.lifecycle import Lifecycle
from sandbox.managed_postgres.clusters import Clusters
from sandbox.state import State
from sandbox.switchboard import Switchboard

FLY: Sequence[Endpoint] = (
    *apps.ENDPOINTS,
    *ips.ENDPOINTS,
    *certificates.ENDPOINTS,
    *secrets.ENDPOINTS,
    *volumes.ENDPOINTS,
    *machines.ENDPOINTS,
    *actions.ENDPOINTS,
    *leases.ENDPOINTS,
    *metadata.ENDPOINTS,
    *postgres.ENDPOINTS,
)
FLYCTL: Sequence[Endpoint] = (*graphql.ENDPOINTS, *uiex.ENDPOINTS)
CONTROL: Sequence[Endpoint] = (
    *control.ENDPOINTS,
    *certificates.CONTROL,
    *postgres.CONTROL,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def build_api(
    state: State,
    lifecycle: Lifecycle,
    *,
    switchboard: Switchboard | None = None,
    clusters: Clusters | None = None,
    extra_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Assemble the API.

    The program that serves it does this, in this order:

        state = State.open(home, subnet="127.77")
        lifecycle = Lifecycle(state, runtime_factory, catalogue, clock=time.time)
        api = build_api(state, lifecycle, extra_routes=...)
        await lifecycle.recover()       # before serving
        ...                             # serve `api` with uvicorn, lifespan="off"
        await lifecycle.shutdown()      # before the processes are stopped or left running

    `runtime_factory` takes the callback for events and gives the runtime; it is there as
    `lifecycle.runtime`. `extra_routes` are control routes of others, below /_sandbox/, and
    the registry's. The result must be what the server calls: see `Gate`.
    """
    board = switchboard or Switchboard()
    managed = clusters or Clusters(state.home, state.subnet, lifecycle.resolve, lifecycle.now)
    context = Context(state, lifecycle, board, managed)
    routes: list[BaseRoute] = [endpoint.route(context) for endpoint in (*FLY, *FLYCTL, *CONTROL)]
    routes += extra_routes
    routes.append(Route("/{path:path}", _everything_else, methods=list(METHODS)))
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    app.router.redirect_slashes = False
    return Gate(app, board, lifecycle.ids.version)


async def _everything_else(request: Request) -> Response:
    raise not_done(f"{request.method} {request.url.path}")
