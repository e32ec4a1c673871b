"""The providers as they are served: by uvicorn, in a thread of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from sandbox.providers.app import build_providers
from sandbox.providers.connections import Connections
from sandbox.providers.scripts import FaultScripts
from tests.sandbox.image_machines import wait_until

ADDRESS = "127.91.8.1"


@contextmanager
def served_providers(
    scripts: FaultScripts, connections: Connections, app: Any = None
) -> Iterator[str]:
    """Serve until the block ends; the value is the URL. The shutdown must not take long."""
    listener = socket.socket()
    listener.bind((ADDRESS, 0))
    config = uvicorn.Config(
        app or build_providers(scripts, connections),
        http=connections.protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started, 20, "a server")
        yield f"http://{ADDRESS}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the server waits for a request that never ends"
