"""Releases of the stub gateway that are declared one over the other, and ways to fail a gate."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.sandbox.engine.pulumi_stack import Stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram

APP = "stub-gateway"
STUBBORN = {"STUB_NO_FALLBACK": "1"}


def declare(stack: Stack, environment: dict[str, str] | None = None, **fly: Any) -> None:
    """Declare a release; `environment` makes it misbehave, `fly` says how it is rolled out."""
    sandbox, more = stack.sandbox, fly.pop("proof", {})
    config = stub_config(sandbox, fly={"strategy": "bluegreen", **fly}, proof=more)
    config["server"] = {**config["server"], "environment": environment or {}}
    stack.configure(config)


def running(sandbox: SandboxProgram) -> dict[str, str]:
    """Return the machines that take traffic, each with the version of its configuration."""
    return {
        row["id"]: row["instance_id"]
        for row in sandbox.status_of(APP)["machines"]
        if row["routable"] and not row["cordoned"]
    }


@contextmanager
def proxy_that_hides_fallbacks(sandbox: SandboxProgram) -> Iterator[str]:
    """Stand between the proof and the edge and leave out the header that tells of a fallback."""
    edge = sandbox.addresses["edge_url"]

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in {"authorization", "content-type"}
            }
            passed = httpx.request(
                self.command, edge + self.path, headers=headers, content=self.rfile.read(length)
            )
            self.send_response(passed.status_code)
            for name, value in passed.headers.items():
                if name.startswith(("x-litellm", "content-")) and "fallbacks" not in name:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(passed.content)

        do_GET = do_POST = answer  # noqa: N815 - the base class' names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
