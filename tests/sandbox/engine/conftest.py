"""A real Pulumi engine against a real sandbox program, each with a home of its own."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.engine.pulumi_stack import Stack, make_stack, stub_config
from tests.sandbox.engine.sandbox_program import SandboxProgram, wait_until
from tests.sandbox.subnets import free_subnet
from tools.engine import engine_bin

__all__ = ["NewStack", "SandboxProgram", "Stack", "make_stack", "stub_config", "wait_until"]

NewStack = Callable[..., Stack]
"""Makes a stack over an empty Fly; `committed` names one whose configuration the project has."""


@pytest.fixture(scope="session")
def engine() -> Path:
    """The directory of the Pulumi engine that this machine uses."""

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    return engine_bin(os.environ, tell)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    """A running sandbox, one for a whole module."""
    home = tmp_path_factory.mktemp("fly") / "sandbox"
    program = SandboxProgram(home, subnet=free_subnet())
    program.start()
    yield program
    program.stop()


@pytest.fixture(scope="module")
def new_stack(
    tmp_path_factory: pytest.TempPathFactory, sandbox: SandboxProgram, engine: Path
) -> NewStack:
    """Make stacks of their own over a Fly that is empty then, as often as it is called."""
    numbers = itertools.count(1)

    def make(committed: str | None = None) -> Stack:
        sandbox.wipe()
        home = tmp_path_factory.mktemp(f"stack{next(numbers)}")
        return make_stack(home, sandbox, engine, committed=committed)

    return make
