"""`gateway check --fix`: what has one right answer is mended in the files, the rest is told."""

import difflib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path as FilePath

from ops.check import Wanted, applied_to, checked, prose, reported, tell
from ops.check_input import Files, Input, input_from_files
from ops.check_report import Report
from ops.check_text import Style, counted
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.configuration import Document
from stacks.edit import EditRefused
from stacks.edit_toml import edited_toml
from stacks.edit_url import edited_url
from stacks.edit_yaml import edited_yaml
from stacks.problem import Problem, ProblemError
from stacks.rule import Edit, Result
from stacks.secrecy import looks_like_secret, may_be_secret
from stacks.suppressions import Suppression
from stacks.whole_file import write_whole

MOST_ROUNDS = 10  # an edit may let another rule speak; no configuration needed more than two

_EDITORS: Mapping[Document, Callable[[str, Sequence[Edit]], str]] = {
    Document.LITELLM: edited_yaml,
    Document.FLY: edited_toml,
    Document.DATABASE_URL: edited_url,
}
_HIDDEN = "(not shown: it may be a secret)"
_LINE = re.compile(
    r"""(?P<head>[ +-]\s*(?:- )?["']?(?P<key>[^"':=]+)["']?\s*[:=]\s*)(?P<value>.+)"""
)
_CREDENTIALS = re.compile(r"://\S*@")
_HARMLESS = re.compile(r"""["']?(?:os\.environ/\w+|[0-9.]+|true|false|null)["']?""")


@dataclass
class Mending:
    """Texts as they are to be, what was mended in them, and which edits were refused."""

    texts: dict[FilePath, bytes] = field(default_factory=dict)
    mended: list[tuple[str, str]] = field(default_factory=list)
    """The rule and the place of each finding, the latter as it was when it was found."""
    refused: dict[str, Problem] = field(default_factory=dict)


def fix(
    files: Files,
    suppressions: Sequence[Suppression],
    wanted: Wanted,
    *,
    write: bool,
    today: date,
    output: Output,
) -> ExitCode:
    """Mend the files, show the difference, and tell what is left as `check` does.

    Without `write` the files stay as they are, and what is told is what they say now. What is
    suppressed is not mended.
    """
    mending, report = mended(files, suppressions, today=today)
    before = {path: path.read_bytes() for path in mending.texts}
    diff = "".join(_differences(before, mending.texts))
    if write:
        for path, raw in mending.texts.items():
            write_whole(path, raw)
    else:
        report = checked(partial(input_from_files, files, today=today), suppressions, today=today)
    stream = prose(wanted, output)
    _show(mending, diff, stream.write, Style(stream), write=write)
    fields = [{"rule": rule, "place": place} for rule, place in mending.mended]
    return tell(report, wanted, output=output, mended=fields, written=write, diff=diff)


def mended(
    files: Files, suppressions: Sequence[Suppression], *, today: date
) -> tuple[Mending, Report]:
    """Return the texts in which nothing can be mended any more, and the report about them."""
    began = time.perf_counter()
    mending = Mending()
    given = input_from_files(files, today=today)
    for _ in range(MOST_ROUNDS):
        found = applied_to(given, suppressions, today=today)
        before = dict(mending.texts)
        if given.unread or not _mend(given, found.kept, mending) or mending.texts == before:
            break
        after = input_from_files(files, today=today, texts=mending.texts)
        _compare(given, after)
        given = after
    found = applied_to(given, suppressions, today=today)
    report = reported(given, found)
    left = tuple(entry._replace(fixable=False) for entry in report.entries)
    return mending, report._replace(entries=left, seconds=time.perf_counter() - began)


def _mend(given: Input, results: Sequence[Result], mending: Mending) -> int:
    """Make the edits of these findings, file by file; return how many findings were mended."""
    count = 0
    for document, path in given.texts.items():
        about = [
            result
            for result in results
            if given.mends(result.finding) and result.finding.edits[0].path[0] == document
        ]
        if not about:
            continue
        raw = mending.texts[path] if path in mending.texts else path.read_bytes()
        text = raw.decode("utf-8")
        now, taken = _with_edits(text, about, _EDITORS[document], mending)
        if now != text:
            mending.texts[path] = now.encode("utf-8")
            count += len(taken)
            places = [(result.rule_id, str(given.locate(result.finding.path))) for result in taken]
            mending.mended += places
    return count


def _with_edits(
    text: str,
    results: Sequence[Result],
    edited: Callable[[str, Sequence[Edit]], str],
    mending: Mending,
) -> tuple[str, list[Result]]:
    """Return the text with all findings mended but those of which an edit is refused.

    A finding is mended whole or not at all. All are tried together; where one is refused, halves
    of them are, until it is found.
    """
    waiting, taken, now = [list(results)], list[Result](), text
    while waiting:
        some = waiting.pop()
        edits = [edit for result in (*taken, *some) for edit in result.finding.edits]
        try:
            now = edited(text, edits)
        except EditRefused as refusal:
            if len(some) == 1:
                mending.refused[refusal.problem.place] = refusal.problem
            else:
                half = len(some) // 2
                waiting += [some[half:], some[:half]]
        else:
            taken += some
    return now, taken


def _compare(before: Input, after: Input) -> None:
    """Raise ProblemError if an edit made a text that reads worse than before."""
    worse = set(after.problems) - set(before.problems)
    known = {problem.id for problem in before.problems}
    if after.unread or any(problem.id not in known for problem in worse):
        raise ProblemError(
            [
                Problem(
                    ", ".join(map(str, after.files)),
                    "check.fix",
                    "",
                    "the mended text would not read as it should; no file was changed",
                    "make the edits by hand, and report this as a defect of ours",
                )
            ]
        )


def _differences(
    before: Mapping[FilePath, bytes], after: Mapping[FilePath, bytes]
) -> Iterator[str]:
    """Yield the difference of each file, without any value that may be a secret."""
    for path, raw in after.items():
        old, new = (_public(text) for text in (before[path], raw))
        name = str(path)
        for line in difflib.unified_diff(old, new, name, name, n=2, lineterm=""):
            yield f"{line if line.startswith(('---', '+++', '@@')) else _without_secrets(line)}\n"


def _public(raw: bytes) -> list[str]:
    """Return a text's lines without the names and passwords in addresses."""
    return _CREDENTIALS.sub("://***@", raw.decode("utf-8")).splitlines()


def _without_secrets(line: str) -> str:
    entry = _LINE.fullmatch(line)
    if entry is not None:
        value = entry["value"].strip()
        if not _HARMLESS.fullmatch(value) and may_be_secret((entry["key"],), value):
            return f"{entry['head']}{_HIDDEN}"
    return f"{line[:1]} {_HIDDEN}" if looks_like_secret(line) else line


def _show(
    mending: Mending, diff: str, show: Callable[[str], object], style: Style, *, write: bool
) -> None:
    for line in diff.splitlines():
        show(f"{style.difference(line)}\n")
    if mending.mended:
        what = counted(len(mending.mended), "finding")
        rules = ", ".join(sorted({rule for rule, _ in mending.mended}))
        show(f"{'mended' if write else 'would mend'} {what}: {rules}\n")
    for problem in mending.refused.values():
        show(f"{problem.render()}\n")
    if mending.mended or mending.refused:
        show("\n")
