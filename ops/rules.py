"""`gateway rules`: what a rule of the check looks at, why, and what to do about it."""

from typing import Any

from components.rules import all_rules
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError
from stacks.rule import Rule
from stacks.rule_page import page


def show(rule_id: str | None, *, output: Output) -> ExitCode:
    """Show one rule's page, or one line for each; `ProblemError` for an id that no rule has."""
    if rule_id is None:
        output.facts((f"{rule.id}  {rule.severity:<7}", rule.title) for rule in all_rules())
        output.answer({"rules": [_fields(rule) for rule in all_rules()]})
        return ExitCode.OK
    rule = next((rule for rule in all_rules() if rule.id == rule_id.upper()), None)
    if rule is None:
        problem = Problem("gateway rules", "usage", rule_id, "no rule has this id", "gateway rules")
        raise ProblemError([problem])
    output.show(page(rule).rstrip())
    output.answer(_fields(rule))
    return ExitCode.OK


def _fields(rule: Rule[Any]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity.value,
        "about": rule.about,
        "versions": rule.versions._asdict(),
        "evidence": list(rule.evidence),
        "remedy": rule.remedy,
    }
