from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ops.exit_codes import ExitCode
from ops.github import annotations
from tests.unit.ops.checks import BROKEN, ENTRY, REPORT, run, write


def test_each_finding_is_one_command_with_its_place() -> None:
    error, warning = annotations(REPORT).splitlines()
    assert error == (
        "::error file=conf/a b.yaml,line=4,col=3,title=L004 `allowed_fails`%3A it is none"
        "::router_settings.allowed_fails = 3%0Anothing is cooled down, 100%25 of the time%0Aset 2"
    )
    assert warning.startswith("::warning file=stacks/gateway.py,title=L007 ")


@given(st.text(), st.text())
def test_no_text_breaks_out_of_its_command(title: str, message: str) -> None:
    entry = ENTRY._replace(title=title, expected=message)
    written = annotations(REPORT._replace(entries=(entry,)))
    assert written.count("\n") == 1
    assert "\r" not in written
    head = written.split("::")[1]
    assert head.count(",") == 3


def test_the_annotations_are_all_that_stdout_gets(tmp_path: Path) -> None:
    code, told = run(config=write(tmp_path, BROKEN), form="github")
    assert code is ExitCode.FINDING
    assert [line[:7] for line in told.out.splitlines()] == ["::error"]
    assert "1 error" in told.err
