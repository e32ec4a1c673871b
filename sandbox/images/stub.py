"""How the stub image's processes start: a small gateway for tests that are not about LiteLLM."""

import os
import shlex
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from sandbox.images.surroundings import directories, locate, machine_environment
from sandbox.interfaces import ImageReference, Launch, ProcessSpec

MODULE = "sandbox.images.stub_gateway"
IMPORTABLE_FROM = Path(__file__).parents[2]


@dataclass(slots=True)
class StubImage:
    """The stub gateway, run by the sandbox's own interpreter (which has httpx and PyYAML)."""

    reference: ImageReference

    def process(self, launch: Launch) -> ProcessSpec:
        """Start the stub with the command's options, or the program that the command names."""
        words = list(launch.command)
        if not words or words[0].startswith("-"):
            words = ["litellm", *words]
        if words[0] == "litellm" and "--host" not in words:
            words += ["--host", launch.address]
        return self.exec_process(launch, tuple(words))

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        """Run a command; `python3` is the sandbox's interpreter, `litellm` the stub."""
        python = Path(sys.executable)
        programs = launch.rootfs / "usr" / "local" / "bin"
        environment = machine_environment(
            launch,
            [programs, python.parent],
            {"STUB_TAG": self.reference.tag, "PYTHONUNBUFFERED": "1"},
        )
        word, *rest = command
        if word == "litellm":
            argv = [str(python), "-m", MODULE, *rest]
            environment["PYTHONPATH"] = str(IMPORTABLE_FROM)
        elif word in {"python", "python3"}:
            argv = [str(python), *rest]
        else:
            argv = [locate(word, environment), *rest]
        folder = launch.rootfs / "app"
        make_folders = directories(launch, folder, programs)

        def prepare() -> None:
            make_folders()
            _write_program(programs / "litellm", python)

        return ProcessSpec(tuple(argv), environment, folder, prepare)


def _write_program(path: Path, python: Path) -> None:
    """Put `litellm` where a shell in the machine finds it, as the real image does."""
    fresh = path.with_name(f".litellm-{os.getpid()}-{threading.get_ident()}")
    fresh.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(IMPORTABLE_FROM))} "
        f'exec {shlex.quote(str(python))} -m {MODULE} "$@"\n'
    )
    fresh.chmod(0o755)
    fresh.replace(path)
