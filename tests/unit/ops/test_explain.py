import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ops.exit_codes import ExitCode
from ops.explain import Request, answer
from ops.explain_text import duration
from ops.main import app
from ops.output import Output
from stacks.problem import ProblemError

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "tests" / "unit" / "gateway" / "cases" / "original_litellm_config.yaml"
DAY = date(2026, 11, 24)
BROKEN = """\
model_list:
- model_name: xai/grok-4.3
  litellm_params: {model: xai/grok-4.3}
router_settings:
  num_retries: 1
  fallbacks:
  - xai/grok-4.3: [anthropic/typo]
"""


def run(*, as_json: bool = False, **options: Any) -> tuple[ExitCode, str]:
    said = io.StringIO()
    output = Output(as_json=as_json, stdout=said, stderr=io.StringIO())
    return answer(Request(**options), output=output, today=DAY), said.getvalue()


def test_one_model_of_the_published_file_is_told_on_one_screen() -> None:
    code, said = run(names=("xai/grok-4.3",), config=PUBLISHED)
    assert code is ExitCode.OK
    assert len(said.splitlines()) <= 40
    assert (
        "4 x  500, 503, 429, time-out                        router_settings.num_retries, line 28"
        in said
    )
    assert "1. anthropic/claude-sonnet-4-6" in said
    assert "litellm_settings.default_fallbacks  lost" in said
    assert "9.1 s" in said


def test_one_model_of_an_environment_names_its_settings() -> None:
    code, said = run(names=("local", "openai/gpt-5.5"))
    assert code is ExitCode.OK
    assert len(said.splitlines()) <= 40
    assert 'router_settings.fallbacks["openai/gpt-5.4"][0]' in said
    assert "500, 503                                       rescue" in said


def test_every_line_that_is_not_of_a_table_is_short_enough_for_a_terminal() -> None:
    _, said = run(names=("local", "openai/gpt-5.5"))
    assert all(len(line) <= 130 for line in said.splitlines())


def test_a_name_that_nothing_serves_ends_with_a_finding_and_the_nearest_name() -> None:
    code, said = run(names=("local", "xai/grok-43"))
    assert code is ExitCode.FINDING
    assert 'HTTP 400 "Invalid model name passed in model=xai/grok-43"' in said
    assert 'did you mean "xai/grok-4.3"?' in said


def test_without_a_model_all_of_them_are_one_table() -> None:
    code, said = run(names=("local",))
    assert code is ExitCode.OK
    lines = said.splitlines()
    assert lines[0].startswith("12 groups on LiteLLM 1.106.2")
    assert sum("gemini" in line for line in lines) == 3
    assert any(
        "openai/gpt-5.4 > openai/gpt-5.4-mini > anthropic/claude-sonnet-4-6" in line
        for line in lines
    )


def test_a_dead_target_is_told(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(BROKEN, encoding="utf-8")
    _, said = run(names=("xai/grok-4.3",), config=config)
    assert "1. anthropic/typo" in said
    assert "(skipped)" in said
    assert "anthropic/typo: nothing serves this name" in said


def test_json_holds_the_same_with_the_place_of_each_key() -> None:
    code, said = run(names=("xai/grok-4.3",), config=PUBLISHED, as_json=True)
    assert code is ExitCode.OK
    found = json.loads(said)
    assert found["walks"][0]["hops"][0]["target"] == "anthropic/claude-sonnet-4-6"
    key = "litellm.router_settings.num_retries"
    assert found["places"][key] == f"{PUBLISHED}:28:3: router_settings.num_retries"
    assert found["did_you_mean"] is None


def test_json_of_all_groups_is_a_list() -> None:
    _, said = run(names=("local",), as_json=True)
    assert len(json.loads(said)["groups"]) == 12


def test_the_graph_is_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "fallbacks.svg"
    code, said = run(names=("local",), graph="svg", file=file)
    assert (code, said) == (ExitCode.OK, "")
    assert file.read_text("utf-8").startswith("<svg ")
    assert "Fallbacks of local" in file.read_text("utf-8")


def test_the_graph_is_printed_for_mermaid() -> None:
    _, said = run(names=("local",), graph="mermaid")
    assert said.startswith("flowchart LR\n")


def test_json_of_the_graph_names_states_and_reasons() -> None:
    _, said = run(config=PUBLISHED, graph="mermaid", as_json=True)
    edges = json.loads(said)["edges"]
    assert {edge["state"] for edge in edges} == {"fine", "risky", "dead"}
    dead = next(edge for edge in edges if edge["state"] == "dead")
    assert dead["path"] == "litellm.litellm_settings.default_fallbacks[0]"


def test_the_callers_time_out_is_a_limit() -> None:
    _, said = run(names=("local", "openai/gpt-5.5"), client_timeout_s=30)
    assert "the caller's time-out 30 s (--client-timeout): the caller gives up" in said
    longest = next(line for line in said.splitlines() if "the whole chain" in line)
    assert longest.endswith("client, stop")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "there is nothing to explain"),
        ({"names": ("a", "b", "c")}, "an environment and a model at most"),
        ({"names": ("a", "b"), "config": PUBLISHED}, "a model at most"),
        ({"names": ("local",), "version": "1.84.0"}, "image.version"),
        ({"names": ("local",), "graph": "png"}, "no such form"),
        ({"names": ("local",), "client_timeout_s": 0.0}, "more than 0 s"),
        ({"config": ROOT / "missing.yaml"}, "missing.yaml"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ProblemError, match=expected):
        run(**options)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"),
        (0.0301, "30 ms"),
        (9.126, "9.1 s"),
        (60.0, "60 s"),
        (90.06, "90.1 s"),
        (119.97, "2 min"),
        (240.6, "4 min 1 s"),
        (24009.0, "6 h 40 min"),
        (7200.0, "2 h"),
        (float("inf"), "never"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_command_line_takes_what_its_help_says() -> None:
    result = CliRunner().invoke(app, ["explain", "--config", str(PUBLISHED), "xai/grok-4.3"])
    assert result.exit_code == 0
    assert "until an answer" in result.output


def test_files_are_explained_without_loading_what_is_slow() -> None:
    program = (
        "import io, sys; from pathlib import Path;"
        "from ops.explain import Request, answer; from ops.output import Output;"
        f"asked = Request(('xai/grok-4.3',), config=Path({str(PUBLISHED)!r}));"
        "answer(asked, output=Output(stdout=io.StringIO()));"
        "print([name for name in ('pydantic', 'jinja2', 'rich', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
