"""The stub gateway: LiteLLM's command line and the endpoints a release is checked by, in no time.

Run as `python -m sandbox.images.stub_gateway --config F --host H --port P`; LiteLLM's other
options are accepted and ignored. The environment makes it misbehave: STUB_CRASH,
STUB_SLOW_START_S, STUB_UNHEALTHY (readiness 503), STUB_NO_FALLBACK, STUB_ALWAYS_FALLBACK (says so
even of healthy models), STUB_PIECE_PAUSE_S (between pieces of a stream), STUB_VERSION.
It does not cool models down, retry, cache or check more than the master key.
"""

import argparse
import json
import os
import signal
import socketserver
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import yaml

from sandbox.images import stub_words
from sandbox.images.stub_router import (
    Rescue,
    Router,
    UnknownModelError,
    UpstreamError,
    read_router,
)

ENDS = {signal.SIGTERM, signal.SIGINT}
MAX_BODY = 10_000_000  # bytes

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stub:
    """What the handlers know; `authorization` is the header that the master key makes."""

    router: Router
    authorization: str | None
    environ: Mapping[str, str]
    config: Mapping[str, Any]
    """LiteLLM's file."""

    @property
    def version(self) -> str:
        """The version that the stub says it is."""
        return (
            self.environ.get("STUB_VERSION") or self.environ.get("STUB_TAG") or "stub"
        ).removeprefix("v")


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection; closing the server waits for all of them."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False

    def __init__(self, host: str, port: int, handler: type["Handler"], stub: Stub) -> None:
        self.stub = stub
        super().__init__((host, port), handler)


class Handler(BaseHTTPRequestHandler):
    """One request on one connection, so that a server which stops has no idle ones to wait for."""

    protocol_version = "HTTP/1.1"

    @property
    def _stub(self) -> Stub:
        return cast("Server", self.server).stub

    def do_GET(self) -> None:
        """Answer the endpoints that are read."""
        url = urlsplit(self.path)
        stub, path = self._stub, url.path
        if path in {"/health/liveliness", "/health/liveness"}:
            self._json("I'm alive!")
        elif path == "/health/readiness" and stub.environ.get("STUB_UNHEALTHY") == "1":
            self._json({"status": "unhealthy", "db": "Not connected"}, 503)
        elif path == "/health/readiness":
            self._json({"status": "healthy", "db": "Not connected"})
        elif not self._authorized():
            return
        elif path == "/health/readiness/details":
            self._json(stub_words.details(stub.config, stub.version))
        elif path in {"/v1/models", "/models"}:
            asked = parse_qs(url.query)
            chains = asked.get("include_metadata") == ["true"]
            kind = asked.get("fallback_type", ["general"])[0]
            self._json(stub_words.models(stub.router, stub.config, with_chains=chains, kind=kind))
        elif path in {"/model/info", "/v1/model/info"}:
            self._json(stub_words.model_info(stub.config))
        elif path == "/router/settings":
            self._json(stub_words.router_settings(stub.config))
        elif path == "/get/config/callbacks":
            self._json(stub_words.callbacks(stub.config))
        elif path == "/metrics/":
            self._send(200, "text/plain; version=0.0.4", stub.router.metrics().encode())
        else:
            self._json({"detail": "Not Found"}, 404)

    def do_POST(self) -> None:
        """Answer a chat completion."""
        raw = self.rfile.read(min(int(self.headers.get("content-length") or 0), MAX_BODY))
        if not self._authorized():
            return
        if urlsplit(self.path).path not in {"/v1/chat/completions", "/chat/completions"}:
            self._json({"detail": "Not Found"}, 404)
            return
        try:
            body = json.loads(raw)
            group, messages = body["model"], body["messages"]
        except (ValueError, LookupError, TypeError):
            self._error(400, "expected a JSON object with model and messages", "invalid_request")
            return
        allowed = body.get("disable_fallbacks") is not True
        try:
            rescue = self._stub.router.complete(group, messages, fallbacks=allowed)
        except UnknownModelError:
            self._error(400, f"Invalid model name passed in model={group}", "invalid_request_error")
        except UpstreamError as error:
            self._error(error.status, f"litellm.InternalServerError: {error}", "server_error")
        else:
            self._answer(rescue, streamed=body.get("stream") is True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class' name
        """Write the request line and the status; no header and no body."""
        sys.stderr.write(f"INFO: {self.address_string()} - {format % args}\n")

    def _answer(self, rescue: Rescue, *, streamed: bool) -> None:
        deployment, call = rescue.deployment, uuid.uuid4().hex
        headers = {
            "x-litellm-attempted-fallbacks": str(int(rescue.fell_back)),
            "x-litellm-attempted-retries": "0",
            "x-litellm-model-group": deployment.group,
            "x-litellm-model-id": deployment.id,
            "x-litellm-version": self._stub.version,
            "x-litellm-call-id": call,
        }
        model = deployment.model.partition("/")[2] or deployment.model
        frame = {"id": f"chatcmpl-{call}", "created": int(time.time()), "model": model}
        if not streamed:
            message = {"role": "assistant", "content": rescue.text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 8, "completion_tokens": 8, "total_tokens": 16}
            body = {**frame, "object": "chat.completion", "choices": [choice], "usage": usage}
            self._json(body, headers=headers)
            return
        self._head(200, "text/event-stream", {**headers, "transfer-encoding": "chunked"})
        pause = float(self._stub.environ.get("STUB_PIECE_PAUSE_S", "0"))
        for piece in _pieces(rescue.text, {**frame, "object": "chat.completion.chunk"}):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            if pause:
                time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def _authorized(self) -> bool:
        wanted, given = self._stub.authorization, self.headers.get("authorization")
        if wanted is None or given == wanted:
            return True
        if given:
            self._error(400, "No connected db.", "no_db_connection")
        else:
            self._error(401, "Authentication Error, No api key passed in.", "auth_error")
        return False

    def _error(self, status: int, message: str, kind: str) -> None:
        error = {"message": message, "type": kind, "param": None, "code": str(status)}
        headers = {
            "x-litellm-call-id": str(uuid.uuid4()),
            "x-litellm-version": self._stub.version,
            "x-litellm-timeout": "10.0",
        }
        self._json({"error": error}, status, headers)

    def _json(self, body: Any, status: int = 200, headers: Headers | None = None) -> None:
        self._send(status, "application/json", json.dumps(body).encode(), headers)

    def _send(self, status: int, kind: str, raw: bytes, headers: Headers | None = None) -> None:
        self._head(status, kind, {"content-length": str(len(raw)), **(headers or {})})
        self.wfile.write(raw)

    def _head(self, status: int, kind: str, headers: Headers) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


class MetricsHandler(Handler):
    """The metrics' own port: no key, and a redirect where LiteLLM has one."""

    def do_GET(self) -> None:
        """Answer /metrics/."""
        path = urlsplit(self.path).path
        if path == "/metrics/":
            text = self._stub.router.metrics().encode()
            self._send(200, "text/plain; version=0.0.4", text)
        elif path == "/metrics":
            self._send(307, "text/plain", b"", {"location": "/metrics/"})
        else:
            self._json({"detail": "Not Found"}, 404)


def _migrate(database_url: str) -> int:
    """End as a migration does: LiteLLM needs no configuration for one, and no pooler in between."""
    if "pgbouncer=true" in urlsplit(database_url).query:
        sys.stderr.write("a migration needs session locks: DATABASE_URL goes through a pooler\n")
        return 1
    return 0


def main(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight."""
    parser = argparse.ArgumentParser(prog="stub")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4000)
    parser.add_argument("--prometheus_metrics_port", type=int, default=None)
    parser.add_argument("--skip_server_startup", action="store_true")
    options, _ = parser.parse_known_args(words)
    if environ.get("STUB_CRASH") == "1":
        sys.stderr.write("STUB_CRASH is set: the stub ends\n")
        return 1
    if options.skip_server_startup:
        return _migrate(environ.get("DATABASE_URL", ""))
    if options.config is None:
        parser.error("--config is missing")
    router, key = read_router(options.config, environ)
    time.sleep(float(environ.get("STUB_SLOW_START_S", "0")))
    config = yaml.safe_load(options.config.read_text()) or {}
    stub = Stub(router, f"Bearer {key}" if key else None, environ, config)
    servers = [Server(options.host, options.port, Handler, stub)]
    if options.prometheus_metrics_port is not None:
        port = options.prometheus_metrics_port
        servers.append(Server(options.host, port, MetricsHandler, stub))
    sys.stderr.write(f"INFO: stub {stub.version} serves on {options.host}:{options.port}\n")
    _serve(servers)
    return 0


def _serve(servers: Sequence[Server]) -> None:
    # Blocked in every thread, so that none is lost: a handler that comes just before the main
    # thread begins to wait is called only when something else wakes it, which nothing does.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        for server in servers
    ]
    for thread in threads:
        thread.start()
    signal.sigwait(ENDS)
    for server in servers:
        server.shutdown()
        server.server_close()


def _pieces(text: str, frame: Mapping[str, Any]) -> Iterator[bytes]:
    for word in text.split(" "):
        choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
        yield f"data: {json.dumps({**frame, 'choices': [choice]})}\n\n".encode()
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield f"data: {json.dumps({**frame, 'choices': [choice]})}\n\ndata: [DONE]\n\n".encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
