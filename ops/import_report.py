"""What an import is told to a reader: the proof, what is to be set, what could not be said."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.validate import needed_secrets
from fly.differences import MISSING
from gateway.render import CHAIN_KEYS
from ops.check_input import Location
from ops.import_proof import Proof
from ops.import_settings import Imported
from stacks.importing import Change, Kind
from stacks.paths import Path, spell
from stacks.secrecy import shown

_COMPOSED = frozenset({"DATABASE_URL"})  # put together from `postgres` and its password


@dataclass(frozen=True, slots=True)
class Report:
    """One import; `files` are those that were written."""

    environment: str
    files: tuple[str, ...]
    imported: Imported
    proof: Proof
    missing: Mapping[Path, str]
    findings: tuple[Any, ...]
    locate: Callable[[Path], Location]

    def text(self) -> str:
        """Return the report; its last line says whether the round trip is proven."""
        parts = ["\n".join(f"written  {file}" for file in self.files)]
        parts += [
            _block("rendering adds", self._additions()),
            _block("could not be expressed", self._changes(Kind.LOST)),
            _block("said in another way, with the same effect", self._changes(Kind.SAME)),
            _block("kept as declared extras", self._extras()),
            _block("secrets in plain text, replaced by their names", self._changes(Kind.SECRET)),
            _block("to be set before the first deployment", self._to_do()),
            _block("differs, and nothing above says why", self._unexplained()),
            f"findings of `gateway check`, beside the lines concerned: {self._findings()}",
            self._verdict(),
        ]
        return "\n\n".join(part for part in parts if part)

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {
            "environment": self.environment,
            "files": list(self.files),
            "proven": not self.proof.unexplained,
            "additions": [
                {"path": spell(a.path), "value": shown(a.path, a.value), "why": a.why}
                for a in self.proof.additions
            ],
            "changes": [
                {
                    "kind": change.kind.value,
                    "place": str(self.locate(change.path)),
                    "path": spell(change.path),
                    "text": change.text,
                    "secret": change.secret or None,
                }
                for change in self.imported.changes
            ],
            "secrets": list(self._secrets()),
            "missing": {spell(path): said for path, said in self.missing.items()},
            "unexplained": [spell(found.steps) for found in self.proof.unexplained],
            "findings": dict(Counter(str(each.severity) for each in self.findings)),
        }

    def _changes(self, kind: Kind) -> Iterator[str]:
        for change in self.imported.changes:
            if change.kind is kind:
                yield f"{self._place(change)}: {change.text}"

    def _place(self, change: Change) -> str:
        return str(self.locate(change.path))

    def _extras(self) -> Iterator[str]:
        """Yield one line for each part of the files that has extras."""
        found: dict[Path, list[str]] = {}
        for change in self.imported.changes:
            if change.kind is Kind.EXTRA:
                key = str(change.path[-1])
                chains = key in CHAIN_KEYS and change.path[1] == "router_settings"
                said = f"{key} (of a shape that no release can prove)" if chains else key
                found.setdefault(change.path[:-1], []).append(said)
        for path, keys in found.items():
            yield f"{spell(path[1:]) or path[0]}: {', '.join(keys)}"

    def _additions(self) -> Iterator[str]:
        """Yield one line for each reason, and the places that have it."""
        found: dict[str, list[str]] = {}
        for each in self.proof.additions:
            path = tuple("*" if isinstance(part, int) else part for part in each.path)
            found.setdefault(each.why, []).append(".".join(path))
        for why, places in found.items():
            counted = Counter(places).items()
            names = [name if n == 1 else f"{name} ({n} times)" for name, n in counted]
            yield f"{', '.join(names)}: {why}"

    def _to_do(self) -> Iterator[str]:
        for path, said in self.missing.items():
            yield f"gateway:{spell(path)}: {said}"
        if self.imported.own.get("postgres") == {"kind": "existing"}:
            yield "gateway:postgres: where the database is; only the secret DATABASE_URL says it"
        for name, why in self._secrets().items():
            command = f"pulumi config set -s {self.environment} --secret gateway:{name}"
            yield f"{command}  # {why}"

    def _secrets(self) -> dict[str, str]:
        """Return each secret that this import asks for, and why."""
        new = {
            change.secret: f"the value at {self._place(change)}"
            for change in reversed(self.imported.changes)
            if change.secret and change.secret not in _COMPOSED
        }
        needed = needed_secrets(self.proof.loaded.settings)
        return {**needed, **self.imported.secrets, **new}

    def _unexplained(self) -> Iterator[str]:
        for found in self.proof.unexplained:
            before = "not there" if found.before is MISSING else shown(found.steps, found.before)
            after = "not there" if found.after is MISSING else shown(found.steps, found.after)
            yield f"{spell(found.steps)}: {before} in the file, {after} when rendered"

    def _findings(self) -> str:
        counted = Counter(str(each.severity) for each in self.findings)
        return ", ".join(f"{n} {kind}{'s' * (n != 1)}" for kind, n in counted.items()) or "none"

    def _verdict(self) -> str:
        lost = sum(change.kind is Kind.LOST for change in self.imported.changes)
        if self.proof.unexplained:
            return "not proven: these settings do not render what the files say"
        said = "proven: rendered again, these settings say what the files say, but for the above"
        return f"{said}; {lost} could not be expressed" if lost else said


def _block(title: str, lines: Iterator[str]) -> str:
    found = list(lines)
    return "\n  ".join([f"{title}:", *found]) if found else ""
