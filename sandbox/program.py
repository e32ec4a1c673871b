"""The sandbox as one program: its three servers, its proxies and its machines in one event loop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import uvicorn

from sandbox.api.app import build_api
from sandbox.balancer import Balancer
from sandbox.edge import Edge
from sandbox.flycast import Flycast
from sandbox.interfaces import PublishedImages
from sandbox.lifecycle import Lifecycle, OnEvent
from sandbox.managed_postgres.clusters import Clusters
from sandbox.ports import (
    Running,
    StartError,
    listen,
    only_one,
    remove_running,
    url,
    write_running,
)
from sandbox.posthog.app import posthog_routes
from sandbox.posthog.control import posthog_control_routes
from sandbox.posthog.store import EventStore
from sandbox.providers.app import build_providers
from sandbox.providers.connections import Connections
from sandbox.providers.control import provider_control_routes
from sandbox.providers.scripts import FaultScripts
from sandbox.providers.service_account import ensure_service_account
from sandbox.registry.app import registry_routes
from sandbox.registry.control import registry_control_routes
from sandbox.registry.signing import ensure_key
from sandbox.registry.store import RegistryStore
from sandbox.state import State, StateError
from sandbox.supervisor import Supervisor, View
from sandbox.upstream import Pool

log = logging.getLogger("sandbox")

_LOG_BYTES = 5 * 1024 * 1024
_EDGE_KEEP_ALIVE_S = 75  # longer than clients keep idle connections, so that theirs end first
_GRACE_S = 2  # for calls of the API and the providers under way when the sandbox stops


@dataclass(frozen=True, slots=True)
class Options:
    """How the sandbox is started; port 0 is any free one."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 4280
    edge_port: int = 4281
    provider_port: int = 4282
    subnet: str = "127.77"


def serve(options: Options, catalogue: PublishedImages, ready: Callable[[Running], None]) -> None:
    """Run until SIGTERM or SIGINT; `ready` is called once everything serves.

    Machines are stopped at the end and keep their desired state; a second signal kills them.
    Raises `StartError` when it cannot begin.
    """
    with only_one(options.home):
        sockets = _Sockets.open(options)
        handler = _log_to(options.home / "sandbox.log")
        try:
            asyncio.run(_Program(options, sockets, catalogue).run(ready))
        except StateError as error:
            raise StartError(f"error[sandbox.state] {error}") from error
        finally:
            sockets.close()
            remove_running(options.home)
            logging.getLogger().removeHandler(handler)
            handler.close()


@dataclass(frozen=True, slots=True)
class _Sockets:
    api: socket.socket
    edge: socket.socket
    providers: socket.socket

    @classmethod
    def open(cls, options: Options) -> "_Sockets":
        with contextlib.ExitStack() as opened:

            def bind(port: int, what: str) -> socket.socket:
                bound = listen(options.host, port, what)
                opened.callback(bound.close)
                return bound

            sockets = cls(
                bind(options.port, "Fly's API (--port)"),
                bind(options.edge_port, "the edge (--edge-port)"),
                bind(options.provider_port, "the model providers (--provider-port)"),
            )
            opened.pop_all()
        return sockets

    def close(self) -> None:
        for bound in (self.api, self.edge, self.providers):
            bound.close()


class _Server(uvicorn.Server):
    """A uvicorn server among several: the program handles the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _Program:
    """The parts, wired together; `run` starts and stops them in order."""

    def __init__(self, options: Options, sockets: _Sockets, catalogue: PublishedImages) -> None:
        self._home = options.home
        self._sockets = sockets
        state = State.open(options.home, subnet=options.subnet)

        def supervisor(on_event: OnEvent) -> Supervisor:
            view = View(
                machine=state.machines.get,
                secrets=state.secrets_for,
                addresses=lambda: {
                    **{app.name: app.address for app in state.apps.values()},
                    **self._clusters.addresses(),
                },
            )
            self._supervisor = Supervisor(options.home, catalogue, view, on_event)
            return self._supervisor

        self._lifecycle = Lifecycle(state, supervisor, catalogue, clock=time.time)
        self._clusters = Clusters(
            options.home, options.subnet, self._lifecycle.resolve, self._lifecycle.now
        )
        scripts = FaultScripts()
        connections = Connections()
        balancer = Balancer(state.machines_of, self._supervisor.routable)
        self._pool = Pool()
        self._flycast = Flycast(state.apps.values, state.machines_of, balancer)
        state.subscribe(self._flycast.changed)
        edge = Edge(
            lambda: [app.name for app in state.apps.values() if app.has_public_ip],
            balancer,
            self._pool,
        )
        posthog = EventStore(time.time)
        registry = RegistryStore(catalogue, ensure_key(options.home))
        more = [
            *provider_control_routes(scripts),
            *posthog_control_routes(posthog),
            *registry_control_routes(registry),
            *registry_routes(registry),
        ]
        api = build_api(state, self._lifecycle, clusters=self._clusters, extra_routes=more)
        self._api = _server(api, timeout_graceful_shutdown=_GRACE_S)
        self._edge = _server(edge, timeout_keep_alive=_EDGE_KEEP_ALIVE_S, date_header=False)
        self._providers = _server(
            build_providers(scripts, connections, extra_routes=posthog_routes(posthog)),
            http=connections.protocol,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._running = Running(
            pid=os.getpid(),
            api_url=url(sockets.api),
            edge_url=url(sockets.edge),
            provider_url=url(sockets.providers),
            subnet=options.subnet,
        )

    async def run(self, ready: Callable[[Running], None]) -> None:
        """Serve until a signal comes or a server ends by itself."""
        stop = self._on_signals()
        account = self._home / "vertex-service-account.json"
        ensure_service_account(account, token_uri=f"{self._running.provider_url}/token")
        providers = _serving(self._providers, self._sockets.providers)
        # The proxies come first: machines that start again look for each other at once.
        await self._flycast.reconcile()
        helpers = [
            asyncio.create_task(self._flycast.run()),
            asyncio.create_task(self._supervisor.rotate_logs()),
        ]
        await self._clusters.recover()
        await self._lifecycle.recover()
        api = _serving(self._api, self._sockets.api)
        edge = _serving(self._edge, self._sockets.edge)
        while not (self._api.started and self._edge.started and self._providers.started):
            await asyncio.sleep(0.01)
        write_running(self._home, self._running)
        log.info("serving as pid %d: %s", self._running.pid, self._running)
        ready(self._running)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {waiting, api, edge, providers, *helpers}, return_when=asyncio.FIRST_COMPLETED
        )
        log.info("stopping")
        self._api.should_exit = self._edge.should_exit = True
        await asyncio.wait({api})
        await self._lifecycle.shutdown()
        await self._supervisor.shutdown()
        await self._clusters.shutdown()  # the last: machines may write as they end
        self._edge.force_exit = True  # its machines are gone
        self._providers.should_exit = True
        for task in (waiting, *helpers):
            task.cancel()
        await self._flycast.close()
        ended = await asyncio.gather(
            api, edge, providers, waiting, *helpers, return_exceptions=True
        )
        await self._pool.close()
        log.info("stopped")
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _on_signals(self) -> asyncio.Event:
        stop = asyncio.Event()

        def signalled() -> None:
            if stop.is_set():
                log.warning("told to stop a second time: killing the machines")
                self._supervisor.kill_all()
                self._clusters.kill_all()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, signalled)
        return stop


def _server(app: Any, **settings: Any) -> _Server:
    config = uvicorn.Config(
        app,
        **{"http": "h11", **settings},
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    return _Server(config)


def _serving(server: _Server, bound: socket.socket) -> asyncio.Task[None]:
    return asyncio.create_task(server.serve([bound]))


def _log_to(path: Path) -> logging.Handler:
    """Send all logging to a file of limited size, 0600; bodies and secrets are never logged."""
    path.touch(mode=0o600)
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return handler
