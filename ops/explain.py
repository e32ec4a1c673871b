"""`gateway explain`: what happens to a request for one model, for every model, or as a picture."""

# ruff: noqa: PLC0415 - what only some requests need is loaded by them

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from gateway.explain import Explainer, as_json
from gateway.spelling import nearest
from ops.check_input import Files, Input, input_from_files
from ops.exit_codes import ExitCode
from ops.output import Output
from stacks.problem import Problem, ProblemError


class Form(StrEnum):
    """How the whole fallback structure is drawn."""

    SVG = "svg"
    MERMAID = "mermaid"


@dataclass(frozen=True, slots=True)
class Request:
    """The options as given; None where one was not. `names` are ENV and MODEL, or less."""

    names: tuple[str, ...] = ()
    config: Path | None = None
    toml: Path | None = None
    version: str | None = None
    client_timeout_s: float | None = None
    graph: str | None = None
    file: Path | None = None

    @property
    def of_files(self) -> bool:
        """True when files are explained and no environment."""
        return self.config is not None or self.toml is not None

    @property
    def model(self) -> str | None:
        """The model that is asked for."""
        rest = self.names if self.of_files else self.names[1:]
        return rest[0] if rest else None


def answer(request: Request, *, output: Output, today: date | None = None) -> ExitCode:
    """Explain what is asked for; `ProblemError` with what is wrong with options or files."""
    problems = list(_contradictions(request, output))
    if problems:
        raise ProblemError(problems)
    given = _read(request, today or datetime.now(UTC).date())
    if given.unread:
        raise ProblemError(given.unread)
    if request.graph is not None:
        return _draw(given, Form(request.graph), request.file, output)
    explainer = Explainer(given.configuration, client_timeout_s=request.client_timeout_s)
    if request.model is None:
        return _all(explainer, given, request.file, output)
    return _one(explainer, given, request.model, request.file, output)


def _read(request: Request, today: date) -> Input:
    if request.of_files:
        files = Files(config=request.config, toml=request.toml, version=request.version)
        return input_from_files(files, today=today)
    from ops.check_environment import input_from_environment
    from ops.project import project_root

    return input_from_environment(project_root(Path.cwd()), request.names[0], today=today)


def _one(
    explainer: Explainer, given: Input, model: str, file: Path | None, output: Output
) -> ExitCode:
    from ops.explain_text import one

    found = explainer.explain(model)
    meant = None if found.served.found else nearest(model, explainer.subject.groups)
    _write("\n".join(one(found, given, meant=meant)), file, output)
    output.answer(
        {**as_json(found), "did_you_mean": meant, "places": _places(as_json(found), given)}
    )
    return ExitCode.OK if found.served.found else ExitCode.FINDING


def _all(explainer: Explainer, given: Input, file: Path | None, output: Output) -> ExitCode:
    from ops.explain_text import every

    found = [explainer.explain(group) for group in explainer.named_groups()]
    _write("\n".join(every(found, given)), file, output)
    output.answer({"groups": [as_json(one) for one in found]})
    return ExitCode.OK


def _draw(given: Input, form: Form, file: Path | None, output: Output) -> ExitCode:
    from gateway.fallback_graph import fallback_graph

    graph = fallback_graph(given.configuration)
    if form is Form.SVG:
        from gateway.fallback_svg import svg

        environment = given.configuration.environment_name
        title = f"Fallbacks of {environment}" if environment else "Fallbacks"
        text = svg(graph, title=title)
    else:
        from gateway.fallback_mermaid import mermaid

        text = mermaid(graph)
    _write(text.rstrip("\n"), file, output)
    output.answer(as_json(graph))
    return ExitCode.OK


def _write(text: str, file: Path | None, output: Output) -> None:
    if file is None:
        output.show(text)
    else:
        file.write_text(f"{text}\n", encoding="utf-8")
        output.say(f"wrote {file}")


def _places(document: object, given: Input) -> dict[str, str]:
    """Return where each key that the document names stands."""
    from stacks.paths import parse

    found: dict[str, str] = {}
    todo = [document]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            path = part.get("path")
            if isinstance(path, str):
                found[path] = str(given.locate(parse(path)))
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return dict(sorted(found.items()))


def _contradictions(request: Request, output: Output) -> Iterator[Problem]:
    most = 1 if request.of_files else 2
    if len(request.names) > most:
        what = "a model" if request.of_files else "an environment and a model"
        expected = f"{what} at most: the files say all about an environment"
        yield _usage(" ".join(request.names), expected, "leave out what is too much")
    if not request.of_files and not request.names:
        step = "gateway explain live xai/grok-4.3, or --config litellm_config.yaml"
        yield _usage("", "there is nothing to explain: name an environment, or files", step)
    if request.version and not request.of_files:
        expected = "an environment's settings name the version: `image.version`"
        yield _usage("--litellm-version", expected, "leave it out")
    if request.graph is not None and request.graph not in set(Form):
        yield _usage(f"--graph {request.graph}", "no such form", "--graph svg")
    if request.client_timeout_s is not None and not request.client_timeout_s > 0:
        value = f"--client-timeout {request.client_timeout_s:g}"
        yield _usage(value, "a time-out of more than 0 s", "--client-timeout 60")
    if output.as_json and request.file is not None:
        yield _usage("--json --output", "JSON goes to stdout", "leave one of the two out")


def _usage(value: str, expected: str, next_step: str) -> Problem:
    return Problem("gateway explain", "usage", value, expected, next_step)
