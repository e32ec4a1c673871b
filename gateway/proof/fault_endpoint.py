"""The proof's own dead provider: a loopback port that fails as each probe request asks it to.

It is open for the time of one proof, inside the machine alone. A request without the proof's
one-time token finds its connection reset: to everybody else the port is as dead as it always is.
"""

import contextlib
import json
import secrets
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from gateway.proof.fault_bodies import STATUSES, error_body, first_pieces
from gateway.proof.faults import HANG, MARK, RETRY_AFTER_S

ADDRESS = "127.0.0.1"
HANG_S = 30.0  # at most; the end of the proof ends every hang
# Without a pause the client drops what it has not read, and sees a stream that never began.
BEFORE_CUT_S = 0.25
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close sends RST


class FaultEndpoint:
    """Opens the port and counts what it is asked, by the nonce of the request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def attempts(self, nonce: str) -> int:
        """Return how often the request with this marker reached the dead primary."""
        with self._lock:
            return self._attempts[nonce]

    def count(self, nonce: str) -> None:
        """Note that a request reached the dead primary."""
        with self._lock:
            self._attempts[nonce] += 1

    @contextlib.contextmanager
    def open(self) -> Iterator[str]:
        """Listen until the block ends; the value is the token. Raises OSError for a taken port."""
        token = secrets.token_hex(8)
        server = _Server((ADDRESS, self._port), self, token)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield token
        finally:
            server.ended.set()
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    # A port whose connections were just reset may be bound again; one in use may not.
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], endpoint: FaultEndpoint, token: str) -> None:
        self.endpoint = endpoint
        self.token = token.encode()
        self.ended = threading.Event()
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is what some faults are for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Fail as the request's marker says."""
        server = cast("_Server", self.server)
        self.close_connection = True
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        mark = MARK.search(raw)
        if mark is None or not secrets.compare_digest(mark[3], server.token):
            self._reset()
            return
        server.endpoint.count(mark[1].decode())
        fault = mark[2].decode()
        if fault in STATUSES:
            self._refuse(fault)
        elif fault == "cut_stream":
            self._cut(raw)
        else:
            if fault == HANG:
                server.ended.wait(HANG_S)
            self._reset()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
        """Say nothing: stderr is for the proof's own lines."""

    def _refuse(self, fault: str) -> None:
        raw = json.dumps(error_body(self.path, fault)).encode()
        self.send_response(STATUSES[fault])
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.send_header("connection", "close")
        if fault == "rate_limit":
            self.send_header("retry-after", str(RETRY_AFTER_S))
        self.end_headers()
        self.wfile.write(raw)

    def _cut(self, raw: bytes) -> None:
        streamed = b'"stream":true' in raw.replace(b" ", b"") or "streamGenerate" in self.path
        self.send_response(200)
        if streamed:
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in first_pieces(self.path):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "cut", "choices": [{"mess')
        self.wfile.flush()
        cast("_Server", self.server).ended.wait(BEFORE_CUT_S)
        self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        with contextlib.suppress(OSError):
            self.wfile.flush()
        self.rfile.close()
        self.connection.close()
