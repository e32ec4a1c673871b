"""What every handler of the API is given, and how a handler is put into the route table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.api.errors import ApiError, Shape
from sandbox.interfaces import MachineRecord
from sandbox.lifecycle import Lifecycle
from sandbox.managed_postgres.clusters import Clusters
from sandbox.records import AppRecord
from sandbox.state import State
from sandbox.switchboard import Switchboard

NONCE_HEADER = "fly-machine-lease-nonce"


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that handlers work with."""

    state: State
    lifecycle: Lifecycle
    switchboard: Switchboard
    clusters: Clusters

    def app(self, request: Request, shape: Shape = Shape.FLAPS) -> AppRecord:
        """Find the app that the path names."""
        app = self.state.apps.get(request.path_params["app"])
        if app is None:
            raise ApiError(404, "app not found", code="not_found", shape=shape)
        return app

    def machine(self, request: Request) -> MachineRecord:
        """Find the machine that the path names; a destroyed one still answers for a while."""
        app = self.app(request)
        machine = self.state.machines.get(request.path_params["machine"])
        if machine is None or machine.app != app.name:
            raise ApiError(404, "machine not found", code="not_found")
        return machine

    def changeable(self, request: Request) -> MachineRecord:
        """Find a machine that the sender may change: not gone, not leased by somebody else."""
        machine = self.machine(request)
        if machine.state == "destroyed":
            raise ApiError(404, "machine not found", code="not_found")
        lease = self.state.lease(machine.id, self.lifecycle.clock())
        if lease and request.headers.get(NONCE_HEADER) != lease.nonce:
            raise self.leased(machine)
        return machine

    def leased(self, machine: MachineRecord) -> ApiError:
        """Say who holds the machine's lease and until when."""
        lease = self.state.leases[machine.id]
        text = (
            f"aborted: machine ID {machine.id} lease currently held by {lease.owner},"
            f" expires at {self.lifecycle.timestamp(lease.expires_at)}"
        )
        return ApiError(409, text, code="aborted")


Handler = Callable[[Context, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of the route table; what it does is the first line of the handler's docstring."""

    method: str
    path: str
    handler: Handler

    def route(self, context: Context) -> Route:
        """Make the route."""
        return Route(self.path, partial(self.handler, context), methods=[self.method])
