"""`gateway drift --adopt`: what is there becomes what the settings say, where a setting can say it.

Each edit is tried before it is shown: the program, run with the edited settings, must want exactly
what is there. What no setting can say is listed with its reason.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.actual import comparable
from components.desired import desired
from components.promoted import definition_of
from components.recorded import Recorded, read_export
from components.three_ways import same
from fly.differences import MISSING
from ops.agreeing import agreed
from ops.drift_findings import Finding, Report
from ops.drift_settings import NoSetting, Wish, wishes
from ops.drift_text import where
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.stack import Stack
from stacks.config_file import PROJECT, raw_config
from stacks.configuration import Document
from stacks.edit import EditRefused
from stacks.edit_yaml import edited_yaml
from stacks.load import load_settings
from stacks.places import configuration_file
from stacks.problem import ProblemError
from stacks.rule import Put
from stacks.settings import Settings
from stacks.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Patch:
    """The new text, which findings it takes up, and why the others cannot be."""

    text: str
    adopted: tuple[Finding, ...]
    refused: tuple[tuple[Finding, str], ...]


def adopt(
    stack: Stack, settings: Settings, report: Report, *, yes: bool, output: Output
) -> ExitCode:
    """Show the edits of Pulumi.<environment>.yaml, ask unless `yes`, and write them.

    Ends with FINDING when something is left that no setting can say.
    """
    name = configuration_file(stack.environment)
    file = stack.root / name
    before = file.read_bytes().decode()
    recorded = read_export(json.loads(stack.engine.read("stack", "export")))
    patch = patched(before, settings, report.drift, recorded, stack.root)
    _show(name, before, patch, output)
    written = False
    if patch.text != before and (yes or agreed("write this?", output)):
        write_whole(file, patch.text.encode())
        written = True
        output.show(f"{name} is written; gateway drift {stack.environment} shows what is left")
    elif patch.text != before:
        output.say("nothing was changed")
    output.answer(_document(report, patch, written=written))
    left = patch.refused or (patch.adopted and not written) or not report.complete
    if not report.complete:
        return ExitCode.FAILED
    return ExitCode.FINDING if left else ExitCode.OK


def patched(
    text: str,
    settings: Settings,
    findings: tuple[Finding, ...],
    recorded: tuple[Recorded, ...],
    root: Path,
) -> Patch:
    """Return the text with every edit that gives what is there, one after the other."""
    adopted: list[Finding] = []
    refused: list[tuple[Finding, str]] = []
    for finding in findings:
        try:
            tried = _tried(text, settings, finding, findings, recorded, root)
        except NoSetting as none:
            refused.append((finding, str(none)))
        else:
            text = tried
            adopted.append(finding)
    return Patch(text, tuple(adopted), tuple(refused))


def _tried(
    text: str,
    settings: Settings,
    finding: Finding,
    findings: tuple[Finding, ...],
    recorded: tuple[Recorded, ...],
    root: Path,
) -> str:
    """Return the edited text; raises NoSetting unless it makes the program want what is there."""
    wanted = wishes(settings, finding, findings, recorded)
    try:
        new = edited_yaml(text, [_edit(wish) for wish in wanted])
        now = settings_of(root, settings.environment, new)
    except EditRefused as refused:
        raise NoSetting(f"{refused.problem.place}: {refused.problem.expected}") from None
    except ProblemError as error:
        problem = error.problems[0]
        raise NoSetting(f"{wanted[0].spelled}: {problem.expected}") from None
    if not _wants(now, finding, recorded):
        raise NoSetting(
            f"{wanted[0].spelled} is the setting, and no value of it gives exactly what is there"
        )
    return new


def settings_of(root: Path, environment: str, text: str) -> Settings:
    """Return the settings that a text of Pulumi.<environment>.yaml gives in a project's `root`."""
    document: Any = yaml.safe_load(text)
    config = document.get("config") if isinstance(document, Mapping) else None
    raw = raw_config(environment, config if isinstance(config, Mapping) else {})
    definition = definition_of(root, environment, raw)
    return load_settings(environment, raw, definition=definition).settings


def _edit(wish: Wish) -> Put:
    """Put a setting where the file has it: below `config`, in `gateway:fly`."""
    first, *rest = wish.path
    return Put((Document.LITELLM, "config", f"{PROJECT}:{first}", *rest), wish.value)


def _wants(settings: Settings, finding: Finding, recorded: tuple[Recorded, ...]) -> bool:
    for each in desired(settings, recorded):
        if each.name == finding.resource:
            value: Any = comparable(each.kind, each.inputs)[0]
            for step in finding.handle.steps:
                try:
                    value = value[step]
                except (LookupError, TypeError):
                    value = MISSING
                    break
            if len(finding.handle.steps) == 2 and each.kind == "Release":  # noqa: PLR2004 - a slot
                return (value is MISSING) == (finding.handle.value is MISSING)
            return same(value, finding.handle.value)
    return False


def _show(name: str, before: str, patch: Patch, output: Output) -> None:
    lines = difflib.unified_diff(
        before.splitlines(), patch.text.splitlines(), name, name, lineterm="", n=2
    )
    for line in lines:
        output.show(line)
    for finding, why in patch.refused:
        output.show(f"not adopted: {where(finding)}: {why}")
    if not patch.adopted and not patch.refused:
        output.show("nothing has moved that could be adopted")


def _document(report: Report, patch: Patch, *, written: bool) -> dict[str, Any]:
    return {
        "environment": report.environment,
        "written": written,
        "adopted": [finding.as_json() for finding in patch.adopted],
        "not_adopted": [{**finding.as_json(), "why": why} for finding, why in patch.refused],
    }
