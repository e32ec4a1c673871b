"""What drift is told as: one finding per thing that moved, and the report that holds them all."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fly.differences import Step
from ops.exit_codes import ExitCode
from stacks.problem import Problem


class Layer(StrEnum):
    """Where something moved.

    INFRASTRUCTURE: what Fly has of apps, addresses, volumes, machines, databases.
    FILES: what stands in the machines' configuration and on their disks.
    LITELLM: what the running gateway says of itself.
    SECRETS: names and Fly's digests; values are never read.
    """

    INFRASTRUCTURE = "infrastructure"
    FILES = "files"
    LITELLM = "litellm"
    SECRETS = "secrets"


class Verdict(StrEnum):
    """What became of it.

    DRIFTED: it is there and is not as it was applied. MISSING: it was applied and is gone.
    UNMANAGED: it is in an app of ours and nobody declared it. PENDING: reality is as applied, the
    settings want something else now. SHADOWED: the file is right, and something else wins over it.
    """

    DRIFTED = "drifted"
    MISSING = "missing"
    UNMANAGED = "unmanaged"
    PENDING = "pending"
    SHADOWED = "shadowed"


class Moved(StrEnum):
    """Who moved: what is there, what the program wants, or both in different directions."""

    REALITY = "reality"
    PROGRAM = "program"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Handle:
    """What a finding is about, for the commands that act on it; never shown.

    `kind`: machine, address, volume, secret or disk for what `--heal` does by itself; "" for
    what a deployment puts right. `steps` lead to `value`, which is what is there.
    """

    kind: str = ""
    app: str = ""
    id: str = ""
    resource_kind: str = ""
    steps: tuple[Step, ...] = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `resource` and `path` name it as a preview does. `recorded` is what was last applied, `actual`
    what is there now, `desired` what the settings of today say; None: it is not there. All three
    are texts for a reader in which no secret is. `machine` is the id of the one machine that it
    is about, "" for none or several. `since` is when it was first seen (ISO 8601).
    """

    layer: Layer
    resource: str
    path: str
    verdict: Verdict
    moved: Moved
    recorded: str | None
    actual: str | None
    desired: str | None
    remedy: str
    details: tuple[str, ...] = ()
    machine: str = ""
    since: str = ""
    handle: Handle = field(default=Handle(), repr=False, compare=False)

    @property
    def key(self) -> str:
        """What makes it the same finding in a later run, whatever its values are then."""
        return " ".join((self.layer, self.resource, self.path, self.verdict))

    @property
    def pending(self) -> bool:
        """Whether nothing moved but the program."""
        return self.verdict is Verdict.PENDING

    def as_json(self) -> dict[str, Any]:
        """Return what the document says of it."""
        return {
            "layer": self.layer.value,
            "resource": self.resource,
            "path": self.path,
            "verdict": self.verdict.value,
            "moved": self.moved.value,
            "recorded": self.recorded,
            "actual": self.actual,
            "desired": self.desired,
            "details": list(self.details),
            "machine": self.machine or None,
            "since": self.since or None,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """What one layer was found to hold, what of it could not be looked at, and what need not be."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """A finding that an entry of drift_ignore.yaml covers."""

    finding: Finding
    owner: str
    reason: str
    until: str

    def as_json(self) -> dict[str, Any]:
        """Return what the document says of it."""
        by = {"owner": self.owner, "reason": self.reason, "until": self.until}
        return {**self.finding.as_json(), "ignored": by}


@dataclass(frozen=True, slots=True)
class Report:
    """What one look at an environment found.

    `entries` are what is wrong with drift_ignore.yaml (an expired one is an error, one that
    covers nothing a warning); `problems` are of what could not be looked at; `notes` say what was
    not looked at and need not be.
    """

    environment: str
    looked_at: str
    bundle: str = ""
    findings: tuple[Finding, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    entries: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def drift(self) -> tuple[Finding, ...]:
        """The findings in which reality moved, or something wins over it."""
        return tuple(finding for finding in self.findings if not finding.pending)

    @property
    def pending(self) -> tuple[Finding, ...]:
        """What only the program moved."""
        return tuple(finding for finding in self.findings if finding.pending)

    @property
    def complete(self) -> bool:
        """Whether everything could be looked at."""
        return not self.problems

    @property
    def clean(self) -> bool:
        """Whether everything was looked at and reality is as it was applied."""
        return self.complete and not self.drift

    def exit_code(self, *, pending: bool = False) -> ExitCode:
        """Return how a command with this report ends; `pending` lets pending changes count."""
        if not self.complete:
            return ExitCode.FAILED
        expired = any(problem.severity == "error" for problem in self.entries)
        counts = bool(self.drift) or expired or (pending and bool(self.pending))
        return ExitCode.FINDING if counts else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """Return the document of `--json`."""
        return {
            "environment": self.environment,
            "looked_at": self.looked_at,
            "bundle": self.bundle or None,
            "clean": self.clean,
            "findings": [finding.as_json() for finding in self.findings],
            "ignored": [ignored.as_json() for ignored in self.ignored],
            "ignore_file": [problem.as_json() for problem in self.entries],
            "notes": list(self.notes),
            "problems": [problem.as_json() for problem in self.problems],
        }


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort as they are told: what moved before what is pending, layer by layer."""
    layers, verdicts = list(Layer), list(Verdict)
    return tuple(
        sorted(
            findings,
            key=lambda f: (
                f.pending,
                layers.index(f.layer),
                f.resource,
                f.path,
                verdicts.index(f.verdict),
            ),
        )
    )
