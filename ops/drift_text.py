"""How a drift report is told: lines for a terminal, Markdown for a pull request's comment."""

from collections.abc import Iterable, Iterator, Sequence

from ops.drift_findings import Finding, Layer, Report, Verdict
from ops.output import Output
from ops.status import age_of

COLUMNS = ("verdict", "where", "applied", "is", "wanted", "since")
CLEAN = "everything is as it was applied"
_WIDTH = max(len(verdict) for verdict in Verdict)
LONGEST = 80  # characters of a value for a reader; --json has all of it


def show(report: Report, output: Output) -> None:
    """Write the report as text."""
    for title, findings in sections(report):
        output.show(title)
        for finding in findings:
            for line in lines_of(finding):
                output.show(f"  {line}")
        output.show("")
    for ignored in report.ignored:
        finding = ignored.finding
        output.show(
            f"ignored until {ignored.until}: {where(finding)} ({ignored.owner}: {ignored.reason})"
        )
    for problem in (*report.entries, *report.problems):
        output.say(problem.render())
    for note in report.notes:
        output.say(f"note: {note}")
    output.show(summary(report))
    for remedy in remedies(report.findings):
        output.show(f"  {remedy}")


def lines_of(finding: Finding) -> Iterator[str]:
    """Yield a finding as lines: where, the values, what in particular."""
    since = f", since {age_of(finding.since)}" if finding.since else ""
    machine = f" (machine {finding.machine})" if finding.machine else ""
    yield f"{finding.verdict:<{_WIDTH}}  {where(finding)}{machine}{since}"
    told = [_side("applied", finding.recorded, "not applied")]
    told.append(_side("is", finding.actual, "is not there"))
    if finding.desired != finding.recorded:
        told.append(_side("wanted", finding.desired, "not wanted"))
    for line in (", ".join(told), *finding.details):
        yield f"{'':<{_WIDTH}}  {line}"


def markdown(report: Report) -> str:
    """Return the report as a comment: a heading, tables, remedies."""
    lines = [f"### Drift of `{report.environment}`", "", summary(report)]
    for title, findings in sections(report):
        lines += ["", f"**{title}**", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
        lines += ["| " + " | ".join(map(_cell, _row(finding))) + " |" for finding in findings]
        details = [(where(f), detail) for f in findings for detail in f.details]
        if details:
            lines += ["", *(f"- {_code(place)}: {_code(detail)}" for place, detail in details)]
    if report.ignored:
        lines += ["", "**ignored**", ""]
        lines += [
            f"- {_code(where(i.finding))} until {i.until}, {_cell(i.owner)}: {_cell(i.reason)}"
            for i in report.ignored
        ]
    told = [problem.render() for problem in (*report.entries, *report.problems)]
    told += [f"note: {note}" for note in report.notes]
    if told:
        lines += ["", *("- " + _cell(text) for text in told)]
    commands = remedies(report.findings)
    if commands:
        lines += ["", "```sh", *commands, "```"]
    lines += ["", f"looked at {report.looked_at}, bundle `{report.bundle[:12] or 'none'}`"]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """Say in one line what was found."""
    drifted, pending = len(report.drift), len(report.pending)
    told = []
    if drifted:
        told.append(f"{drifted} {'thing has' if drifted == 1 else 'things have'} moved")
    elif report.complete:
        told.append(CLEAN)
    if pending:
        changes = "change waits" if pending == 1 else "changes wait"
        told.append(f"{pending} {changes} for a deployment")
    if report.ignored:
        told.append(f"{len(report.ignored)} ignored")
    if not report.complete:
        told.append("not everything could be looked at")
    return f"{report.environment}: {'; '.join(told)}"


def sections(report: Report) -> Iterable[tuple[str, Sequence[Finding]]]:
    """Yield what moved layer by layer, then what is pending."""
    for layer in Layer:
        found = [finding for finding in report.drift if finding.layer is layer]
        if found:
            yield layer.value, found
    if report.pending:
        yield "pending: the settings want it, nothing has moved", report.pending


def where(finding: Finding) -> str:
    """Name the place of a finding in one word."""
    return f"{finding.resource}: {finding.path}" if finding.path else finding.resource


def remedies(findings: Iterable[Finding]) -> list[str]:
    """Return each command once, in the order in which they are first needed."""
    return list(dict.fromkeys(finding.remedy for finding in findings))


def _row(finding: Finding) -> tuple[str, ...]:
    values = (finding.recorded, finding.actual, finding.desired)
    return (
        finding.verdict.value,
        where(finding),
        *(_told(value) for value in values),
        age_of(finding.since) if finding.since else "",
    )


def _side(name: str, value: str | None, otherwise: str) -> str:
    return otherwise if value is None else f"{name} {_told(value)}"


def _told(value: str | None) -> str:
    if value is None:
        return "not there"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."


def _cell(text: str) -> str:
    """Keep a text within its cell, whatever is in it."""
    one_line = " ".join(text.split())
    for character in "\\`*_{}[]<>|#~":
        one_line = one_line.replace(character, f"\\{character}")
    return one_line


def _code(text: str) -> str:
    """Quote a text so that no character of it has a meaning."""
    one_line = " ".join(text.split())
    fence = "`" * (max((len(run) for run in _runs(one_line)), default=0) + 1)
    return f"{fence} {one_line} {fence}" if "`" in one_line else f"`{one_line}`"


def _runs(text: str) -> list[str]:
    return "".join(c if c == "`" else " " for c in text).split()
