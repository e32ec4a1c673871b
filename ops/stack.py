"""One environment as a Pulumi stack: its engine, whether it exists, what it put out."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.engine_run import Engine
from ops.environment import Export, as_process, as_shell, exports, make_backend
from ops.local_state import LocalState, local_state
from ops.project import is_local, project_root
from ops.running_sandbox import RunningSandbox, need_sandbox
from stacks.config_file import PROJECT
from stacks.problem import Problem, ProblemError
from tools.engine import engine_bin


@dataclass(frozen=True, slots=True)
class Stack:
    """An environment with everything that is needed to work on it."""

    environment: str
    root: Path
    state: LocalState
    sandbox: RunningSandbox | None
    """The sandbox that a local environment lives in; None for those on Fly."""
    engine: Engine

    @property
    def local(self) -> bool:
        """Whether it lives in the sandbox."""
        return self.sandbox is not None

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables of the engine; what asks Fly beside it uses the same."""
        return self.engine.environ

    def exists(self) -> bool:
        """Tell whether a local stack was made; one on Fly is taken for made by its owner."""
        return not self.local or stack_file(self.state, self.environment).is_file()

    def make(self) -> None:
        """Make the local stack; Pulumi.<environment>.yaml already has what it would write."""
        self.engine.read("stack", "init")

    def outputs(self, *, secrets: bool) -> dict[str, Any]:
        """Return the stack's outputs; the master key in plain only with `secrets`."""
        shown = ("--show-secrets",) if secrets else ()
        found: dict[str, Any] = json.loads(self.engine.read("stack", "output", "--json", *shown))
        return found

    def need_outputs(self, *, secrets: bool) -> dict[str, Any]:
        """Return the outputs of an environment that was deployed; `ProblemError` otherwise."""
        found = self.outputs(secrets=secrets) if self.exists() else {}
        if "release" not in found:
            raise ProblemError([not_deployed(self.environment)])
        return found


def open_stack(
    environment: str, *, say: Callable[[str], None], environ: Mapping[str, str] | None = None
) -> Stack:
    """Return the environment's stack, from the checkout in which the command was given.

    For a local one the sandbox must run. The engine may have to be built, which is told.
    """
    environ = os.environ if environ is None else environ
    variables, where = _variables(environment, say, environ)
    program = where.engine / "pulumi"
    engine = Engine(program, where.root, environment, as_process(variables, environ))
    return Stack(environment, where.root, where.state, where.sandbox, engine)


def shell_exports(
    environment: str, *, say: Callable[[str], None], environ: Mapping[str, str] | None = None
) -> str:
    """Return the text that makes plain `pulumi` work on an environment when a shell reads it."""
    environ = os.environ if environ is None else environ
    variables, _ = _variables(environment, say, environ)
    return as_shell(variables)


@dataclass(frozen=True, slots=True)
class _Where:
    root: Path
    state: LocalState
    sandbox: RunningSandbox | None
    engine: Path


def _variables(
    environment: str, say: Callable[[str], None], environ: Mapping[str, str]
) -> tuple[tuple[Export, ...], _Where]:
    root = project_root(Path.cwd())
    state = local_state(environ)
    sandbox = need_sandbox(state) if is_local(root, environment) else None
    engine = engine_bin(environ, lambda line: say(f"engine: {line}"))
    if sandbox is not None:
        make_backend(state)
    where = _Where(root, state, sandbox, engine)
    return exports(engine, Path(sys.prefix) / "bin", state, sandbox), where


def stack_file(state: LocalState, environment: str) -> Path:
    """Return where the file backend keeps a stack of this project."""
    return state.backend / ".pulumi" / "stacks" / PROJECT / f"{environment}.json"


def has_resources(state: LocalState, environment: str) -> bool:
    """Tell whether a local stack holds anything; what cannot be read is taken to hold much."""
    try:
        text = json.loads(stack_file(state, environment).read_text(encoding="utf-8"))
        return bool(text["checkpoint"]["latest"].get("resources"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True


def not_deployed(environment: str) -> Problem:
    """Return the problem of an environment without a release."""
    return Problem(
        f"environment {environment}",
        "deploy.none",
        "",
        "nothing is deployed: its stack has no release",
        f"gateway deploy {environment}",
    )
