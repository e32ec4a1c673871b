"""`gateway import`: an existing LiteLLM YAML and fly.toml become settings, with a proof."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path as FilePath

from components.configuration import configuration_of, settings_path
from components.rules import check
from ops.check_input import Files, Input, input_from_files
from ops.exit_codes import ExitCode
from ops.import_code import Comments
from ops.import_module import module_text
from ops.import_proof import Proof, prove, written_settings
from ops.import_report import Report
from ops.import_settings import Imported, import_settings
from ops.import_stack import missing, stack_text
from ops.output import Output
from stacks.importing import Kind
from stacks.load import Loaded
from stacks.paths import Path, parse
from stacks.places import DEFINITION_FILE, configuration_file
from stacks.problem import Problem, ProblemError, Severity
from stacks.rule import Result

FOLDER = "imported"
_HEAD = """\
The gateway as `gateway import` took it over: models, chains, resilience, server.

From {files}. A comment is a finding of `gateway check`, above the line that it is about, with the
next step after the arrow."""
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for; without a fly.toml only the YAML is imported."""

    config: FilePath
    toml: FilePath | None
    environment: str
    organization: str | None = None
    version: str | None = None
    folder: FilePath | None = None
    stdout: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """The two texts by file name, and what is known of them."""

    texts: dict[str, str]
    proof: Proof
    findings: tuple[Result, ...]


def answer(request: Request, *, root: FilePath, today: date, output: Output) -> ExitCode:
    """Read, write and prove; FINDING when something could not be expressed or proven.

    Nothing is written where a file is not readable by the program that it is for, or where one
    of the two exists already and `force` was not given.
    """
    if not _ENVIRONMENT.fullmatch(request.environment):
        raise ProblemError([_no_environment(request.environment)])
    given = _read(request)
    for problem in given.problems:
        output.say(f"{problem.render()}\n")
    imported = import_settings(
        given.configuration.litellm,
        given.configuration.fly,
        version=request.version,
        organization=request.organization,
    )
    written = write(imported, given, request, today=today)
    folder = request.folder or root / FOLDER / request.environment
    files = tuple(str(folder / name) for name in written.texts)
    if request.stdout:
        for name, text in written.texts.items():
            output.show(f"# --- {name}\n{text}")
    else:
        _save(written.texts, folder, force=request.force)
    report = Report(
        request.environment,
        () if request.stdout else files,
        imported,
        written.proof,
        missing(imported.own),
        written.findings,
        given.locate,
    )
    shown = output.say if request.stdout else output.show
    shown(report.text())
    output.answer(report.as_json() | ({"texts": written.texts} if request.stdout else {}))
    lost = any(change.kind is Kind.LOST for change in imported.changes)
    return ExitCode.FINDING if lost or written.proof.unexplained else ExitCode.OK


def write(imported: Imported, given: Input, request: Request, *, today: date) -> Written:
    """Return the texts with the findings beside their lines, and the proof of just these texts."""
    head = _HEAD.format(files=" and ".join(FilePath(file).name for file in given.files))
    name, stack_name = DEFINITION_FILE, configuration_file(request.environment)
    module, stack = module_text(imported.definition, head, {}), stack_text(imported.own, {})
    loaded = written_settings(module, stack, request.environment)
    findings = check(configuration_of(loaded.settings, secrets=None, today=today))
    comments = _comments(findings, loaded)
    own = {path: texts for path, texts in comments.items() if path and path[0] in imported.own}
    shared = {path: texts for path, texts in comments.items() if path not in own}
    module = module_text(imported.definition, head, shared)
    stack = stack_text(imported.own, own)
    configuration = given.configuration
    again = written_settings(module, stack, request.environment)
    proof = prove(configuration.litellm, configuration.fly, again, imported.changes)
    return Written({name: module, stack_name: stack}, proof, findings)


def _read(request: Request) -> Input:
    files = Files(config=request.config, toml=request.toml, version=request.version)
    given = input_from_files(files, today=date.min)
    refused = [
        problem
        for problem in given.problems
        if problem.severity is Severity.ERROR and problem.id != "source.duplicate"
    ]
    if refused:
        raise ProblemError(refused)
    return given


def _comments(findings: tuple[Result, ...], loaded: Loaded) -> Comments:
    placed: dict[Path, tuple[str, ...]] = {}
    for result in findings:
        path = parse(settings_path(result.finding.path, loaded.settings))
        found = result.finding
        said = f"{result.severity} {result.rule_id}: {found.expected}"
        if said not in placed.get(path, ()):
            placed[path] = (*placed.get(path, ()), said, f"-> {found.next_step}")
    return placed


def _save(texts: dict[str, str], folder: FilePath, *, force: bool) -> None:
    present = [name for name in texts if (folder / name).exists()]
    if present and not force:
        raise ProblemError(
            Problem(
                str(folder / name),
                "import.exists",
                "",
                "this file exists already; nothing was written",
                "name another folder with --output, or replace it with --force",
            )
            for name in present
        )
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _no_environment(name: str) -> Problem:
    return Problem(
        "--env",
        "import.environment",
        name,
        "a lower-case letter, then up to 30 lower-case letters, digits and dashes",
        "choose another name: --env dev",
    )
