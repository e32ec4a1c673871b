"""What the three commands refuse before anything is looked at, and how a history is told."""

import io
import json
from datetime import date
from pathlib import Path
from typing import TextIO

import pytest

from components.history import Entry, Event, append
from ops.exit_codes import ExitCode
from ops.history import history
from ops.output import Output
from ops.promote import Asked, promote
from ops.promotion_lock import only_one
from ops.rollback import rollback
from stacks.problem import Problem, ProblemError
from tests.unit.promotions import write_config


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with dev and live, in which the commands are given."""
    (tmp_path / "Pulumi.yaml").write_text("name: gateway\n")
    write_config(tmp_path, "dev")
    write_config(tmp_path, "live")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_HISTORY", raising=False)
    return tmp_path


def output(*, as_json: bool = False) -> Output:
    return Output(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO())


def said(stream: TextIO) -> str:
    """Return what was written to one of `output`'s streams."""
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def refused(asked: Asked, source: str = "dev", target: str = "live") -> tuple[Problem, ...]:
    with pytest.raises(ProblemError) as caught:  # noqa: PT011 - every problem is looked at
        promote(source, target, asked, output=output())
    return caught.value.problems


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked(("bundle",), "why", date(2999, 1, 1)), "gates that can be waived: proof, drift"),
        (Asked(("proof",), "", date(2999, 1, 1)), "says why, and until when"),
        (Asked(("proof",), "why", None), "says why, and until when"),
        (Asked(("proof",), "why", date(2020, 1, 1)), "this day is over"),
    ],
)
def test_a_waiver_names_a_gate_a_reason_and_a_day_to_come(asked: Asked, told: str) -> None:
    (problem,) = refused(asked)
    assert problem.id == "promotion.waive"
    assert told in problem.expected


@pytest.mark.usefixtures("root")
def test_a_reason_that_may_be_a_secret_is_refused_and_not_shown() -> None:
    key = "sk-" + "proj-" + "9f31c2aa0b17d5e84f6071b2c3d4e5f6a7b8"
    (problem,) = refused(Asked(("proof",), f"see {key}", date(2999, 1, 1)))
    assert problem.id == "promotion.secret"
    assert key not in problem.render()


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"bundle": 1, "verdict": "passed"}'])
def test_a_load_test_names_a_bundle_and_a_verdict(root: Path, text: str) -> None:
    file = root / "load.json"
    file.write_text(text)
    (problem,) = refused(Asked(load_test=file))
    assert (problem.id, problem.place) == ("promotion.load_test", str(file))


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("source", "target"), [("staging", "live"), ("dev", "dev")])
def test_only_who_says_where_its_bundles_come_from_gets_one(source: str, target: str) -> None:
    (problem,) = refused(Asked(), source, target)
    assert problem.place == f"Pulumi.{target}.yaml: gateway:promotion.source"
    assert problem.next_step.endswith(f"gateway:promotion.source {source}")


def test_a_promotion_and_a_rollback_wait_for_each_other(root: Path) -> None:
    with only_one(root, "live", "gateway rollback live"):
        (problem,) = refused(Asked())
        with pytest.raises(ProblemError, match="gateway rollback live, process"):
            rollback("live", to="", yes=True, output=output())
    assert problem.id == "promotion.locked"
    assert not (root / "promotions").exists()


@pytest.mark.usefixtures("root")
def test_without_promotions_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(ProblemError, match=r"rollback\.none"):
        rollback("dev", to="", yes=True, output=output())


def test_a_history_is_told_in_a_table_and_as_json(root: Path) -> None:
    file = root / "history" / "live.jsonl"
    by, at = "Ada <ada@acme.example>", "2026-11-24T12:00:00+00:00"
    promoted = {"promotion": "promotions/live/0001-aaaaaaaaaaaa.json", "source": "dev"}
    append(
        file,
        Entry(
            Event.PROMOTION, "live", "a" * 64, "passed", at, by, more=promoted | {"waived": ["x"]}
        ),
    )
    append(file, Entry(Event.DEPLOY, "live", "a" * 64, "passed", at, by, 3.2, "sha256:" + "b" * 64))
    with file.open("a") as torn:
        torn.write('{"event"')
    text = output()
    assert history("live", last=None, output=text) is ExitCode.OK
    told = said(text.stdout)
    assert "dev: 0001-aaaaaaaaaaaa.json, waived: x" in told
    assert "evidence bbbbbbbbbbbb" in told
    assert "ada@acme.example" not in told
    warned = said(text.stderr)
    assert "warning[history.torn] history/live.jsonl, line 3" in warned

    document = output(as_json=True)
    history("live", last=1, output=document)
    found = json.loads(said(document.stdout))
    assert [row["event"] for row in found["entries"]] == ["deploy"]
    assert found["torn_lines"] == [3]


@pytest.mark.usefixtures("root")
def test_an_empty_history_is_told() -> None:
    with pytest.raises(ProblemError, match=r"history\.none"):
        history("dev", last=None, output=output())
