"""`gateway evidence`: what kept evidence says, and whether it can be believed."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.evidence.document import SCHEMA
from gateway.evidence.files import Kept, kept_in, read_text
from gateway.evidence.page import render_page
from gateway.evidence.rows import Cell, Row, headings, proofs_of, proven, rows
from gateway.evidence.verifying import MISSHAPEN, State, Verified, read
from gateway.evidence.verifying import verify as verify_text
from ops.deployed import DIGEST_SHOWN
from ops.evidence import folder_of
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError

COLUMNS = ("written", "verdict", "fallbacks", "gates", "bundle", "file")
EDGE_COLUMNS = ("fallback", "form", "verdict", ">cold ms", ">warm ms", "other faults")
SHOWN_REASONS = 10
SHOWN_DIFFERENCES = 30
SECOND = 19  # letters of a moment, down to the second


def list_kept(root: Path, environment: str, *, output: Output) -> ExitCode:
    """Show an environment's evidence in a table, newest first."""
    folder = folder_of(root, environment)
    found = kept_in(folder)
    if found:
        output.table(COLUMNS, [_line(each, root) for each in found])
    else:
        output.show(
            f"nothing in {_shown(folder, root)}: `gateway deploy {environment}` leaves some"
        )
    output.answer({"environment": environment, "files": [_as_json(each, root) for each in found]})
    return ExitCode.OK


def show(file: Path, *, html: Path | None, output: Output) -> ExitCode:
    """Show one evidence file, or draw its page into `html`."""
    document = _read(file)
    try:
        if html is not None:
            html.write_text(render_page(document), encoding="utf-8")
            output.say(f"{html} written")
            output.answer({"file": str(file), "html": str(html)})
            return ExitCode.OK
        _show(document, output)
    except MISSHAPEN as error:
        raise ProblemError([_problem(file, f"{type(error).__name__}: {error}")]) from None
    output.answer({"file": str(file), "evidence": document})
    return ExitCode.OK


def verify(files: Sequence[Path], *, digest: str, output: Output) -> ExitCode:
    """Verify files; the worst of them decides: a changed one before one that cannot be read."""
    found = [(file, _verified(file, digest)) for file in files]
    for file, verified in found:
        _tell(file, verified, output)
    output.answer({"files": [{"file": str(file), **asdict(each)} for file, each in found]})
    states = {verified.state for _, verified in found}
    if State.DIFFERS in states:
        return ExitCode.FINDING
    return ExitCode.FAILED if State.UNREADABLE in states else ExitCode.OK


def _verified(file: Path, digest: str) -> Verified:
    try:
        text = read_text(file)
    except OSError as error:
        return Verified(State.UNREADABLE, why=error.strerror or str(error))
    except ValueError as error:
        return Verified(State.UNREADABLE, why=str(error))
    return verify_text(text, name=file.name, digest=digest)


def _tell(file: Path, verified: Verified, output: Output) -> None:
    said = f": {verified.verdict}" if verified.state is State.INTACT else ""
    output.show(f"{verified.state}  {file}{said}")
    if verified.why:
        output.show(f"  {_plain(verified.why)}")
    for each in verified.differences[:SHOWN_DIFFERENCES]:
        output.show(f"  {_plain(each.place)}: {_plain(each.recorded)}")
        output.show(f"    expected {_plain(each.expected)}")
    more = len(verified.differences) - SHOWN_DIFFERENCES
    if more > 0:
        output.show(f"  and {more} more differences")
    if verified.state is State.INTACT:
        judge = "the proof that wrote it" if verified.judged_by_this else "another of its versions"
        output.show(f"  digests, verdicts, reasons and sums were recomputed by {judge}")
        for what in verified.unknown:
            output.show(f"  not recomputed: {what}")


def _show(document: dict[str, Any], output: Output) -> None:
    names, proofs = headings(document), proofs_of(document)
    for number, (name, proof) in enumerate(zip(names, proofs, strict=True)):
        output.show(f"{name}: {proof['verdict']}, {proven(proof)} fallbacks")
        output.table(EDGE_COLUMNS, [_edge(row, row.cells[number]) for row in rows(document)])
        output.show("")
    for reason in document["reasons"][:SHOWN_REASONS]:
        output.show(f"{document['verdict']}: {_plain(reason)}")
    limits = {each["id"]: each["what"] for p in proofs for each in p.get("known_limits", ())}
    for what in limits.values():
        output.show(f"known limit: {_plain(what)}")
    grade = document["grade"]
    missing = "; ".join(f"without {name}: {why}" for name, why in grade["missing"].items())
    output.facts(
        (name, _plain(value))
        for name, value in (
            ("proof", document["verdict"]),
            ("app", document["app"]),
            ("release", document["bundle"]),
            ("image", document["image"]),
            ("LiteLLM", document["litellm_version"]),
            ("time", document["started_at"]),
            ("grade", f"{grade['grade']} ({missing})" if missing else grade["grade"]),
            ("digest", document["digest"]),
        )
    )


def _edge(row: Row, cell: Cell | None) -> tuple[str, ...]:
    name = _plain(f"{row.source} -> {row.target}")
    if cell is None:
        return (name, row.form, "", "", "", "")
    others = ", ".join(f"{other.fault} {other.verdict}" for other in cell.others)
    return (name, row.form, cell.verdict, _time(cell.cold_ms), _time(cell.warm_ms), others)


def _plain(text: object) -> str:
    """Return a text of a file in which no letter steers the terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(text))


def _time(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _line(kept: Kept, root: Path) -> tuple[str, ...]:
    return (
        kept.written_at[:SECOND],
        kept.verdict,
        f"{kept.proven} of {kept.edges}",
        ", ".join(kept.gates),
        kept.bundle[:DIGEST_SHOWN],
        _shown(kept.path, root),
    )


def _as_json(kept: Kept, root: Path) -> dict[str, Any]:
    return {**asdict(kept), "path": _shown(kept.path, root)}


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _read(file: Path) -> dict[str, Any]:
    """Return the document of a file; OSError passes, the border tells it."""
    try:
        document = read(read_text(file))
    except ValueError as error:
        raise ProblemError([_problem(file, str(error))]) from None
    if document["schema"] != SCHEMA:
        raise ProblemError([_problem(file, f"schema {document['schema']}, {SCHEMA} is shown here")])
    return document


def _problem(file: Path, why: str) -> Problem:
    return Problem(
        str(file),
        "evidence.file",
        "",
        f"this is no evidence that can be shown: {why}",
        f"gateway evidence verify {file}",
    )
