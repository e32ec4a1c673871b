"""How a problem is stated everywhere: kind, id, place, value, what really holds, next step."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """How much a problem weighs; only an error stops a command."""

    ERROR = "error"
    WARNING = "warning"


class Problem(NamedTuple):
    """One thing that is wrong, in the three parts a reader needs.

    `place` is a file and key (`Pulumi.live.yaml: gateway:fly.memory_mb`) or a resource and region
    (`app acme, machine 3d8d (iad)`). `value` is quoted as given and never a secret; "" leaves it
    out. `expected` says what was expected or what really happens, with the source. `next_step`
    is a command or an edit that works as written.
    """

    place: str
    id: str
    value: str
    expected: str
    next_step: str
    severity: Severity = Severity.ERROR

    def render(self) -> str:
        """Return the three lines of style.md section 3."""
        given = f" = {self.value}" if self.value else ""
        return (
            f"{self.severity}[{self.id}] {self.place}{given}\n  {self.expected}\n  {self.next_step}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the parts as JSON fields."""
        return self._asdict()


class ProblemError(Exception):
    """Raised with every problem found, sorted by place; its text is all of them rendered."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n\n".join(problem.render() for problem in self.problems))
