"""What `pulumi preview` says that an `up` would do, read as data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.engine_run import Engine
from stacks.problem import Problem, ProblemError

_QUIET = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True, slots=True)
class Step:
    """What would happen to one resource; `paths` are the properties that differ."""

    op: str
    name: str
    type: str
    paths: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """The step in a line."""
        paths = f": {', '.join(self.paths)}" if self.paths else ""
        return f"{self.op} {self.name}{paths}"


def preview(engine: Engine, *options: str) -> tuple[Step, ...]:
    """Return the steps that an `up` would take, after a look at Fly; none when nothing would.

    `ProblemError` when the preview could not be made; what the program refused stands in it.
    """
    try:
        text = engine.read("preview", "--json", "--refresh", *options)
        document: Mapping[str, Any] = json.loads(text)
    except ValueError:
        problem = Problem(
            f"pulumi preview --stack {engine.stack}",
            "engine.preview",
            "",
            "its answer is no JSON",
            "run it by hand to see what it says",
        )
        raise ProblemError([problem]) from None
    return tuple(_step(step) for step in document.get("steps") or () if step["op"] not in _QUIET)


def _step(step: Mapping[str, Any]) -> Step:
    kind, name = str(step["urn"]).rsplit("::", 2)[-2:]
    paths = sorted(step.get("detailedDiff") or step.get("diffReasons") or ())
    return Step(str(step["op"]), name, kind.rpartition("$")[2], tuple(map(str, paths)))
