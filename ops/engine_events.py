"""What the engine did, told by its own events: changes, errors, and how long each part took."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PROOF_FAILED = "failed[proof]"  # how a release says that it was not proven
PROOF_ERRORED = "errored[proof]"  # how it says that a gate could not be asked
NO_CHANGE = frozenset({"same", "read", "refresh"})

RELEASE = "release and proof"
# The parts of a deployment in the order in which they are told, by the resource's name.
PARTS = (
    ("Postgres", re.compile(r"-postgres")),
    ("Redis", re.compile(r"-redis")),
    (RELEASE, re.compile(r"-release$")),
)
OTHER_PART = "app, addresses, secrets"
_EVIDENCE = re.compile(r"(\S+\.json) holds what was seen")
_WAITING = "waiting for machine "
_PROOF = re.compile(r"proof at .*? in (\d+(?:\.\d+)?) s")


@dataclass
class EngineEvents:
    """Collects the events of one operation as they arrive.

    The stream holds every output of the program in plain, secrets too: nothing of it is kept but
    what stands here, and it never touches a disk.
    """

    changes: dict[str, int] = field(default_factory=dict)
    """How many resources had each operation, without those that stayed as they were."""
    errors: list[str] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)
    _spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    _waiting_since: float | None = None
    _boot_s: float | None = None

    def take(self, line: str, at_s: float) -> None:
        """Take one event, a line of JSON that arrived at `at_s`.

        What is unknown or of another shape is left aside: the engine waits for its reader, so the
        reader must not stop.
        """
        try:
            event = json.loads(line)
            if isinstance(event, dict):
                self._take(event, at_s)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return

    def _take(self, event: Mapping[str, Any], at_s: float) -> None:
        if "resourcePreEvent" in event:
            self._began(event["resourcePreEvent"]["metadata"], at_s)
        elif "resOutputsEvent" in event:
            self._ended(event["resOutputsEvent"]["metadata"], at_s)
        elif "diagnosticEvent" in event:
            self._diagnosed(event["diagnosticEvent"], at_s)
        elif "summaryEvent" in event:
            changes: Mapping[str, int] = event["summaryEvent"].get("resourceChanges") or {}
            self.changes = {op: n for op, n in changes.items() if op not in NO_CHANGE and n}

    @property
    def changed(self) -> bool:
        """Whether any resource was created, updated, replaced or deleted."""
        return bool(self.changes)

    @property
    def not_proven(self) -> bool:
        """Whether a release was undone because its proof was not passed."""
        return any(PROOF_FAILED in error for error in self.errors)

    @property
    def proof_broke(self) -> bool:
        """Whether a rollout stopped where it stands because a gate could not be asked."""
        return any(PROOF_ERRORED in error for error in self.errors)

    @property
    def evidence_file(self) -> str:
        """The file that a release which was not proven names; "" when it names none."""
        found = (_EVIDENCE.search(error) for error in self.errors)
        return next((match[1] for match in found if match), "")

    def durations(self) -> dict[str, float]:
        """Return how many seconds each part that changed took; parts run side by side."""
        found = {part: end - begin for part, (begin, end) in self._spans.items()}
        ordered = [part for part, _ in PARTS] + [OTHER_PART]
        return {part: round(found[part], 2) for part in ordered if part in found}

    @property
    def boot_s(self) -> float | None:
        """Seconds from the first wait for a machine to its proof: LiteLLM's start."""
        return self._boot_s

    def _began(self, step: Mapping[str, Any], at_s: float) -> None:
        if step["op"] not in NO_CHANGE:
            self._begun[step["urn"]] = at_s

    def _ended(self, step: Mapping[str, Any], at_s: float) -> None:
        begin = self._begun.pop(step["urn"], None)
        if begin is None or step.get("logical") is False or step["type"].startswith("pulumi:"):
            return
        part = part_of(step["urn"])
        earlier = self._spans.get(part, (begin, at_s))
        self._spans[part] = (min(earlier[0], begin), max(earlier[1], at_s))

    def _diagnosed(self, event: Mapping[str, Any], at_s: float) -> None:
        text = str(event.get("message", ""))
        if event.get("severity") == "error":
            self.errors.append(_without_colours(text).strip())
        elif _WAITING in text and self._waiting_since is None:
            self._waiting_since = at_s
        elif self._waiting_since is not None and self._boot_s is None:
            proof = _PROOF.search(text)
            if proof is not None:
                self._boot_s = round(at_s - self._waiting_since - float(proof[1]), 2)


def part_of(urn: str) -> str:
    """Return the part of a deployment that a resource belongs to."""
    name = urn.rsplit("::", 1)[-1]
    return next((part for part, pattern in PARTS if pattern.search(name)), OTHER_PART)


def summary(changes: Mapping[str, int]) -> str:
    """Say what changed, most first: `12 created, 1 updated`."""
    words = {
        "create": "created",
        "update": "updated",
        "delete": "deleted",
        "replace": "replaced",
    }
    told = [(n, words[op]) for op, n in changes.items() if op in words]
    return ", ".join(f"{n} {word}" for n, word in sorted(told, reverse=True)) or "changed"


def _without_colours(text: str) -> str:
    """Remove the engine's own colour marks, such as `<{%fg 1%}>`."""
    return re.sub(r"<\{%[^%]*%\}>", "", text)


def first_lines(errors: Iterable[str], most: int) -> list[str]:
    """Return the errors' lines, shortened to the most that a reader wants to see."""
    lines = [line for error in errors for line in error.splitlines() if line.strip()]
    return lines[:most]
