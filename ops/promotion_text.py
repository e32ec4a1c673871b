"""How a promotion is told: its gates in a terminal, the whole of it as Markdown for a review."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ops.output import Output
from ops.promotion_gates import Gate, Result

GATE_COLUMNS = ("gate", "result", "seen")
DIGITS = 12


def show_gates(gates: Sequence[Gate], output: Output) -> None:
    """Show each gate's answer, and below them what is to be done about those that failed."""
    output.table(GATE_COLUMNS, ((gate.gate, gate.result.value, _told(gate)) for gate in gates))
    for gate in gates:
        if gate.result in (Result.FAILED, Result.ERRORED):
            output.show("")
            output.show(f"{gate.result}[{gate.gate}]")
            for detail in gate.details or (gate.seen,):
                output.show(f"  {detail}")
            if gate.next_step:
                output.show(f"  next: {gate.next_step}")


def show_changes(target: str, changes: Sequence[str], output: Output) -> None:
    """Show what is different from what the target runs now."""
    output.show("")
    output.show(f"what changes for {target}")
    for line in changes or ("nothing",):
        output.show(f"  {line}")


def markdown(document: Mapping[str, Any], next_steps: Iterable[str] = ()) -> str:
    """Return the human form of a promotion; `next_steps` are commands."""
    number, target, source = document["number"], document["environment"], document["source"]
    lines = [
        f"# Promotion {number:04d}: {source} to {target}",
        "",
        f"{_cell(document['by'])}, {document['at']}. Bundle `{document['bundle'][:DIGITS]}`, image"
        f" `{document['image']}`.",
        "",
        f"## What changes for {target}",
        "",
        *(f"- {_cell(change)}" for change in document["changes"] or ["nothing"]),
        "",
        "## Gates",
        "",
        "| gate | result | seen |",
        "| --- | --- | --- |",
    ]
    for gate in document["gates"]:
        lines.append(f"| {gate['gate']} | {gate['result']} | {_cell(_seen(gate))} |")
    lines += ["", "## Evidence", "", *_evidence(document["evidence"])]
    lines += ["", "## What is each environment's own", ""]
    lines.append("No part of the bundle; as it was when this was written.")
    for name, values in document["overlays"].items():
        shown = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
        lines += ["", f"### {name}", "", "```json", shown.replace("```", "` ` `"), "```"]
    steps = list(next_steps)
    if steps:
        lines += ["", "## Then", "", *(f"    {step}" for step in steps)]
    program = document["program"]
    lines += ["", f"Program {program['version']}, revision {_revision(program)}."]
    return "\n".join(lines) + "\n"


def _evidence(evidence: Mapping[str, Any] | None) -> list[str]:
    if not evidence:
        return ["None: the proof's gate was waived."]
    told = f"`{evidence['file']}` ({evidence['digest']}): {evidence['verdict']}"
    edges = f"{evidence['proven']} of {evidence['edges']} fallbacks proven"
    return [f"{told}, {edges}, grade {evidence['grade'] or 'unknown'}, {evidence['written_at']}."]


def _revision(program: Mapping[str, Any]) -> str:
    if not program["revision"]:
        return "unknown"
    return f"`{program['revision'][:DIGITS]}`{', with changes' if program['changed'] else ''}"


def _told(gate: Gate) -> str:
    return _seen(gate.as_json())


def _seen(gate: Mapping[str, Any]) -> str:
    waiver = gate["waiver"]
    if not waiver:
        return str(gate["seen"])
    return f"{gate['seen']}. Waived by {waiver['by']} until {waiver['until']}: {waiver['why']}"


def _cell(text: Any) -> str:
    """Keep a text within its line, and what Markdown would read in it as it is."""
    one_line = " ".join(str(text).split())
    for character in "\\|<*[`":
        one_line = one_line.replace(character, f"\\{character}")
    return one_line
