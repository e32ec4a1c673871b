"""How a check is written as SARIF 2.1.0, for code scanning and editors."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from ops.check_report import Entry, Report
from ops.exit_codes import ExitCode
from stacks.problem import Severity
from stacks.rule import Rule
from stacks.rule_page import help_text

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_FINGERPRINT = "ruleAndKey/v1"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def sarif(report: Report, rules: Iterable[Rule[Any]], *, exit_code: ExitCode) -> dict[str, Any]:
    """Return the log: one run, one result per finding, the suppressed ones marked as such.

    What could not be checked stands as a notification of the invocation. A result's fingerprint
    is that of its rule, file and key, so that lines may move.
    """
    descriptors = [_descriptor(rule) for rule in rules]
    results = (*report.entries, *report.suppressed)
    descriptors += _of_problems(results, {found["id"] for found in descriptors})
    indexes = {found["id"]: index for index, found in enumerate(descriptors)}
    invocation: dict[str, Any] = {
        "executionSuccessful": exit_code is not ExitCode.FAILED,
        "exitCode": int(exit_code),
    }
    if report.unread:
        invocation["toolExecutionNotifications"] = [_notification(e) for e in report.unread]
    run = {
        "tool": {
            "driver": {
                "name": "gateway check",
                "fullName": f"gateway check, for LiteLLM {report.version}",
                "rules": descriptors,
            }
        },
        "invocations": [invocation],
        "artifacts": [{"location": _artifact(file)} for file in report.files],
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry, indexes[entry.rule]) for entry in results],
        "properties": {"litellmVersion": report.version},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule[Any]) -> dict[str, Any]:
    plain, markdown = help_text(rule)
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.remedy}"},
        "help": {"text": plain, "markdown": markdown},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"about": rule.about, "versions": str(rule.versions)},
    }


def _of_problems(entries: Sequence[Entry], known: set[str]) -> list[dict[str, Any]]:
    """Return a descriptor for each id of a finding that is no rule's: the texts' own problems."""
    ids = dict.fromkeys(entry.rule for entry in entries if entry.rule not in known)
    return [{"id": id_, "shortDescription": {"text": id_}} for id_ in ids]


def _result(entry: Entry, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": entry.rule,
        "ruleIndex": index,
        "level": _LEVELS[entry.severity],
        "message": {"text": _message(entry)},
        "locations": [_location(entry)],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(entry)},
        "properties": {"nextStep": entry.next_step, "verified": entry.verified},
    }
    if entry.suppression is not None:
        reason = f"{entry.suppression.reason} (until {entry.suppression.until})"
        result["suppressions"] = [{"kind": "external", "justification": reason}]
    return result


def _notification(entry: Entry) -> dict[str, Any]:
    return {
        "descriptor": {"id": entry.rule},
        "level": "error",
        "message": {"text": _message(entry)},
        "locations": [_location(entry)],
    }


def _message(entry: Entry) -> str:
    value = f" = {entry.value}" if entry.value else ""
    head = f"{entry.at.key}{value}: " if entry.at.key else ""
    return f"{head}{entry.expected}\n{entry.next_step}"


def _location(entry: Entry) -> dict[str, Any]:
    at = entry.at
    physical: dict[str, Any] = {"artifactLocation": _artifact(at.file)}
    if at.line:
        physical["region"] = {"startLine": at.line, "startColumn": at.column}
    location: dict[str, Any] = {"physicalLocation": physical}
    if at.key:
        location["logicalLocations"] = [{"fullyQualifiedName": at.key, "kind": "member"}]
    return location


def _artifact(file: str) -> dict[str, Any]:
    if file.startswith("/"):
        return {"uri": f"file://{quote(file)}"}
    return {"uri": quote(file), "uriBaseId": "%SRCROOT%"}


def _fingerprint(entry: Entry) -> str:
    what = "\n".join((entry.rule, entry.at.file, entry.at.key))
    return hashlib.sha256(what.encode()).hexdigest()
