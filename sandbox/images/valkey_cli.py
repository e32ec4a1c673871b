"""As much of `valkey-cli` as an operator types in a machine: one command in, its answer out.

Options: -h, -p, -a/--pass, -n, --no-auth-warning. The password is also read from REDISCLI_AUTH or
VALKEYCLI_AUTH. It speaks the protocol by itself, so that it needs nothing but Python.
"""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

Reply = str | int | list["Reply"] | None
DEADLINE_S = 10


class Readable(Protocol):
    """Where an answer is read from."""

    def readline(self) -> bytes:
        """Return the bytes up to and with the next line end."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes."""


class RefusedError(Exception):
    """The server answered with an error; the text is the server's."""


def encode(words: Sequence[str]) -> bytes:
    """Return a command in the wire format."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word.encode()
        parts += [b"$%d\r\n" % len(raw), raw, b"\r\n"]
    return b"".join(parts)


def read_reply(stream: Readable) -> Reply:
    """Read one answer; raise `RefusedError` when it is an error."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise RefusedError("Error: Server closed the connection")
    kind, rest = line[:1], line[1:-2].decode(errors="replace")
    if kind == b"-":
        raise RefusedError(f"(error) {rest}")
    if kind == b":":
        return int(rest)
    if kind == b"$":
        size = int(rest)
        return None if size < 0 else stream.read(size + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if int(rest) < 0 else [read_reply(stream) for _ in range(int(rest))]
    return rest


def shown(reply: Reply) -> str:
    """Return the text for an answer, as valkey-cli prints it when nobody watches."""
    if isinstance(reply, list):
        return "\n".join(shown(item) for item in reply)
    return "" if reply is None else str(reply)


def main(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Send one command; 0 when it was answered, 1 when not."""
    parser = argparse.ArgumentParser(prog="valkey-cli", add_help=False)
    parser.add_argument("-h", dest="host", default=environ.get("SANDBOX_MACHINE_ADDRESS"))
    parser.add_argument("-p", dest="port", type=int, default=6379)
    password = environ.get("REDISCLI_AUTH") or environ.get("VALKEYCLI_AUTH")
    parser.add_argument("-a", "--pass", dest="password", default=password)
    parser.add_argument("-n", dest="database", default=None)
    parser.add_argument("--no-auth-warning", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args(words)
    host = asked.host
    if host in {None, "127.0.0.1", "localhost"}:  # inside a machine, loopback is the machine
        host = environ.get("SANDBOX_MACHINE_ADDRESS", "127.0.0.1")
    before = [["AUTH", asked.password]] if asked.password else []
    before += [["SELECT", asked.database]] if asked.database else []
    try:
        with (
            socket.create_connection((host, asked.port), timeout=DEADLINE_S) as connection,
            connection.makefile("rwb") as stream,
        ):
            reply: Reply = ""
            for command in [*before, asked.command or ["PING"]]:
                stream.write(encode(command))
                stream.flush()
                reply = read_reply(stream)
    except (OSError, RefusedError) as error:
        text = str(error)
        if isinstance(error, OSError):
            text = f"Could not connect to Valkey at {host}:{asked.port}: {error.strerror or error}"
        sys.stderr.write(text + "\n")
        return 1
    sys.stdout.write(shown(reply) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
