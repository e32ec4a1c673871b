"""Where the sandbox listens, the file that tells others, and the lock that keeps it alone."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "sandbox.json"


class StartError(Exception):
    """The sandbox cannot start here; the text has the three parts of an error for users."""


@dataclass(frozen=True, slots=True)
class Running:
    """What `sandbox.json` says while the sandbox serves."""

    pid: int
    api_url: str
    edge_url: str
    provider_url: str
    subnet: str


def listen(host: str, port: int, what: str) -> socket.socket:
    """Bind a port, 0 for any free one; raises `StartError` that says which was taken."""
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; without, every answer
    # in two pieces waits 40 ms for a delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        raise StartError(
            f"error[sandbox.port] {what}: {host}:{port}\n"
            f"  the port cannot be listened on: {error.strerror or error}\n"
            f"  stop what listens there (`ss -ltnp 'sport = :{port}'` shows it), or choose"
            f" another port: `python -m sandbox serve --help`"
        ) from error
    bound.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    return bound


def url(bound: socket.socket) -> str:
    """Return the URL of a bound socket."""
    host, port = bound.getsockname()
    return f"http://{host}:{port}"


def write_running(home: Path, running: Running) -> None:
    """Write `sandbox.json`, 0600, all at once."""
    fresh = home / f".{FILE}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(running), indent=1) + "\n", encoding="utf-8")
    fresh.replace(home / FILE)


def remove_running(home: Path) -> None:
    """Remove `sandbox.json`; nothing when it is gone."""
    (home / FILE).unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the lock on `home`; raises `StartError` when another sandbox has it.

    The lock ends with the process, however that ends.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 32).decode().strip() or "unknown"
        os.close(descriptor)
        raise StartError(
            f"error[sandbox.home] {home}: pid {holder}\n"
            "  another sandbox runs on this directory already; nothing was changed\n"
            f"  use that one ({home / FILE} has its URLs), stop it with `kill {holder}`,"
            " or choose another --home"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
