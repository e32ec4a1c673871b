"""`gateway promote`: one environment's proven bundle becomes what another one deploys."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from components.author import author, revision
from components.history import Entry, Event, history_file, history_root, read, record
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.project import project_root
from ops.promotion_case import DriftOf, Gathered, drift_of, gather, pointed_at
from ops.promotion_changes import changed
from ops.promotion_gates import WAIVABLE, Gate, Result, Waiver, gates
from ops.promotion_lock import only_one
from ops.promotion_store import next_number, point_at, write_promotion
from ops.promotion_text import markdown, show_changes, show_gates
from ops.settings import promotion_settings
from ops.stack import open_stack
from stacks.config_file import read_config_file
from stacks.places import configuration_file
from stacks.problem import Problem, ProblemError
from stacks.promotion import SCHEMA, Promoted, sealed
from stacks.secrecy import secrets_in_plain

PACKAGE = "litellm-fly-gateway"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user says beside the two environments."""

    waived: tuple[str, ...] = ()
    reason: str = ""
    until: date | None = None
    dry_run: bool = False
    load_test: Path | None = None


def promote(
    source: str, target: str, asked: Asked, *, output: Output, drift: DriftOf = drift_of
) -> ExitCode:
    """Look at every gate; write the promotion and name it in the target's file if all hold.

    Nothing is deployed. Ends with FINDING when a gate failed and with FAILED when one could not
    look; nothing was written then.
    """
    root = project_root(Path.cwd())
    waivers = _waivers(root, asked, datetime.now(UTC).date())
    test = _load_test(asked.load_test)
    with only_one(root, target, f"gateway promote {source} {target}"):
        promotion = promotion_settings(root, target)
        if promotion is None or promotion.source != source:
            raise ProblemError([_not_asked_for(source, target)])
        previous = pointed_at(root, target, read_config_file(root, target))
        gathered = gather(
            open_stack(source, say=output.say),
            open_stack(target, say=output.say),
            promotion,
            previous=previous,
            load_test=test,
            drift=drift,
            say=output.say,
        )
        answers = gates(gathered.case, waivers)
        return _ended(root, gathered, answers, asked, output)


def _ended(
    root: Path, gathered: Gathered, answers: Sequence[Gate], asked: Asked, output: Output
) -> ExitCode:
    candidate, previous = gathered.candidate, gathered.previous
    target = candidate.target
    changes = changed(candidate, gathered.now)
    show_gates(answers, output)
    show_changes(target, changes, output)
    output.show("")
    told: dict[str, Any] = {
        "source": candidate.source,
        "environment": target,
        "bundle": candidate.bundle.digest,
        "image": candidate.image,
        "changes": list(changes),
        "gates": [gate.as_json() for gate in answers],
        "promotion": None,
        "written": False,
    }
    bad = [gate for gate in answers if gate.result in (Result.FAILED, Result.ERRORED)]
    if bad:
        names = ", ".join(f"{gate.gate} {gate.result.value}" for gate in bad)
        output.show(f"not promoted: {names}; nothing was written")
        output.answer(told)
        errored = any(gate.result is Result.ERRORED for gate in bad)
        return ExitCode.FAILED if errored else ExitCode.FINDING
    if previous is not None and _same(previous, candidate.bundle.digest):
        if not asked.dry_run:
            _recorded_once(root, previous.file, previous.document, output)
        output.show(f"{target} has this bundle already: {previous.file}; nothing was written")
        output.answer({**told, "promotion": previous.file})
        return ExitCode.OK
    if asked.dry_run:
        output.show("every gate holds; with --dry-run nothing was written")
        output.answer(told)
        return ExitCode.OK
    file = _write(root, gathered, answers, changes, output)
    output.answer({**told, "promotion": file, "written": True})
    return ExitCode.OK


def _write(
    root: Path,
    gathered: Gathered,
    answers: Sequence[Gate],
    changes: Sequence[str],
    output: Output,
) -> str:
    document = _document(root, gathered, answers, changes)
    target, source = gathered.candidate.target, gathered.candidate.source
    steps = (
        "git add promotions " + configuration_file(target),
        f"gateway deploy {target}",
    )
    file = write_promotion(root, document, markdown(document, steps))
    point_at(root, target, file)
    _recorded_once(root, file, document, output)
    output.show(f"promoted {source} to {target}: {file}")
    output.show(f"{configuration_file(target)} names it now; review and commit both, then:")
    output.show(f"  gateway deploy {target}")
    return file


def _recorded_once(root: Path, file: str, document: Mapping[str, Any], output: Output) -> None:
    """Add a promotion to the history; one that was killed before it came so far is added later."""
    folder, target = root / history_root(os.environ), str(document["environment"])
    known = read(history_file(folder, target)).entries
    if any(each.event == Event.PROMOTION and each.more.get("promotion") == file for each in known):
        return
    entry = Entry(
        Event.PROMOTION,
        target,
        str(document["bundle"]),
        verdict="passed",
        evidence=str((document["evidence"] or {}).get("digest") or ""),
        image=str(document["image"]),
        at=str(document["at"]),
        by=str(document["by"]),
        revision=str(document["program"].get("revision") or ""),
        more={
            "promotion": file,
            "source": document["source"],
            "waived": [gate["gate"] for gate in document["gates"] if gate["waiver"]],
        },
    )
    record(folder, root, entry, output.say)


def _document(
    root: Path, gathered: Gathered, answers: Sequence[Gate], changes: Sequence[str]
) -> dict[str, Any]:
    candidate, case, previous = gathered.candidate, gathered.case, gathered.previous
    checked_out = revision(root)
    return sealed(
        {
            "schema": SCHEMA,
            "number": next_number(root, candidate.target),
            **candidate.document(),
            "source_bundle": case.running["bundle"],
            "evidence": case.proven.as_json() if case.proven.file else None,
            "gates": [gate.as_json() for gate in answers],
            "changes": list(changes),
            "program": {
                "version": _version(),
                "revision": checked_out.commit,
                "changed": checked_out.changed,
            },
            "by": author(root),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": None if previous is None else previous.file,
        }
    )


def _same(previous: Promoted, bundle: str) -> bool:
    """Tell whether the bundle is promoted already, and no gate was waived for it."""
    waived = any(gate.get("waiver") for gate in previous.document["gates"])
    return previous.bundle == bundle and not waived


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"


def _waivers(root: Path, asked: Asked, today: date) -> tuple[Waiver, ...]:
    problems = [_no_such_gate(name) for name in asked.waived if name not in WAIVABLE]
    if asked.waived and (not asked.reason.strip() or asked.until is None):
        problems.append(_unexplained_waiver(asked))
    elif asked.waived and asked.until is not None and asked.until < today:
        problems.append(_over(asked.until))
    if any(secrets_in_plain({"reason": asked.reason})):
        problems.append(_secret_reason())
    if problems:
        raise ProblemError(problems)
    if not asked.waived or asked.until is None:
        return ()
    by = author(root)
    return tuple(Waiver(name, by, asked.reason.strip(), asked.until) for name in asked.waived)


def _load_test(file: Path | None) -> Mapping[str, Any] | None:
    if file is None:
        return None
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(document, dict):
            wrong = [name for name in ("bundle", "verdict") if not _is_text(document.get(name))]
            if not wrong:
                return document
            why = f"it says no {' and no '.join(wrong)}"
        else:
            why = "it is no JSON object"
    except (OSError, ValueError) as error:
        why = str(error)
    expected = f"a JSON object with `bundle` and `verdict` was expected: {why}"
    raise ProblemError(
        [Problem(str(file), "promotion.load_test", "", expected, "name the report of a load test")]
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _not_asked_for(source: str, target: str) -> Problem:
    return Problem(
        f"{configuration_file(target)}: gateway:promotion.source",
        "promotion.source",
        "",
        f"{target} does not say that it takes what {source} proved; nothing was written",
        f"pulumi config set -s {target} --path gateway:promotion.source {source}",
    )


def _no_such_gate(name: str) -> Problem:
    return Problem(
        "gateway promote --waive",
        "promotion.waive",
        name,
        f"gates that can be waived: {', '.join(WAIVABLE)}",
        "name one of these; the others have no bundle without them",
    )


def _unexplained_waiver(asked: Asked) -> Problem:
    return Problem(
        "gateway promote --waive",
        "promotion.waive",
        ", ".join(asked.waived),
        "a waiver says why, and until when",
        "add --reason TEXT and --until YYYY-MM-DD",
    )


def _secret_reason() -> Problem:
    return Problem(
        "gateway promote --reason",
        "promotion.secret",
        "",
        "this has the form of a secret, and would stand in a file that many read (it is not shown)",
        "say in words why; replace the key at its provider if it is one",
    )


def _over(until: date) -> Problem:
    return Problem(
        "gateway promote --until",
        "promotion.waive",
        until.isoformat(),
        "this day is over",
        "give today, or a day to come",
    )
