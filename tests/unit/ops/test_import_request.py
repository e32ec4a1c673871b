import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ops.exit_codes import ExitCode
from ops.import_request import Request, answer
from ops.output import Output
from stacks.litellm import GeneralSettings, LitellmSettings, RouterSettings
from stacks.problem import ProblemError

CASES = Path(__file__).with_name("cases") / "import"
PUBLISHED = Path(__file__).parents[1] / "gateway" / "cases" / "original_litellm_config.yaml"
TODAY = date(2026, 11, 24)
SECRETS = {
    "@ANTHROPIC@": "sk-ant-" + "abcdefghijklmnop",
    "@OPENAI@": "sk-proj-" + "1234567890abcdef",
    "@REDIS@": "hunter2" * 2,
    "@MASTER@": "sk-" + "1234567890",
    "@DATABASE@": "pa%40ss",
    "@SLACK@": "https://hooks.slack.com" + "/services/T/B/C",
    "@GITHUB@": "ghp_" + "abcdefghijklmnopqrstuvwxyz0123",
    "@TOOL@": "abcdefg",
    "@ENV@": "sk-" + "abcdefghijklm",
}


def features(folder: Path) -> tuple[Path, Path]:
    """Write the pair that has every feature, with keys in it."""
    files = (folder / "litellm_config.yaml", folder / "fly.toml")
    for file, case in zip(files, ("features.yaml", "features.toml"), strict=True):
        text = (CASES / case).read_text(encoding="utf-8")
        for word, value in SECRETS.items():
            text = text.replace(word, value)
        file.write_text(text, encoding="utf-8")
    return files


def imported(
    config: Path, toml: Path | None, folder: Path, **more: Any
) -> tuple[ExitCode, str, dict[str, str]]:
    """Import, and return the exit code, all that was printed, and the texts."""
    stream = io.StringIO()
    output = Output(stdout=stream, stderr=stream, as_json=more.pop("as_json", False))
    request = Request(config, toml, "dev", folder=folder, **more)
    code = answer(request, root=folder, today=TODAY, output=output)
    files = ("stacks/gateway.py", "Pulumi.dev.yaml")
    return code, stream.getvalue(), {name: (folder / name).read_text("utf-8") for name in files}


def mended(folder: Path) -> Path:
    text = (CASES / "published.toml").read_text(encoding="utf-8")
    file = folder / "fly.toml"
    file.write_text(text.replace("\\\n", ""), encoding="utf-8")
    return file


def test_the_published_fly_toml_is_refused_with_its_mended_line(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="TOML allows none there") as refused:
        imported(PUBLISHED, CASES / "published.toml", tmp_path)
    (problem,) = refused.value.problems
    assert problem.place.endswith("published.toml:4:69")
    assert "--run_gunicorn --num_workers 4 --max_requests_before_restart 10000" in problem.next_step
    assert not (tmp_path / "stacks").exists()


def test_the_published_pair_once_mended_is_expressed_whole_and_proven(tmp_path: Path) -> None:
    code, said, texts = imported(PUBLISHED, mended(tmp_path), tmp_path)
    module = texts["stacks/gateway.py"]
    assert code is ExitCode.OK
    assert "could not be expressed" not in said
    assert said.rstrip().endswith("say what the files say, but for the above")
    assert "kind=ServerKind.GUNICORN" in module
    assert "posthog=PostHog()" in module
    assert '    # error L004: LiteLLM 1.106.2 reads 3 as "not set"' in module
    lines = module.split("\n")
    at = lines.index("    allowed_fails=3,")
    assert lines[at - 1].startswith("    # -> set 2")
    assert "environment.JITTER: " in said


def test_every_feature_survives_or_is_named(tmp_path: Path) -> None:
    code, said, texts = imported(*features(tmp_path), tmp_path / "out")
    module, stack = texts["stacks/gateway.py"], texts["Pulumi.dev.yaml"]
    assert code is ExitCode.FINDING
    assert "differs, and nothing above says why" not in said
    for kept in (
        'Model(name="openai/*", provider="openai", mode=None, api_key="OPENAI_API_KEY")',
        'extras={"api_base": "os.environ/AZURE_US_BASE", "order": 2, "tags": ["free", "eu"]}',
        '"azure": Provider(api_key="AZURE_EU_KEY", extras={"api_version": "2024-10-21"})',
        '"api_key": "os.environ/OPENAI_MAIN_API_KEY"',
        '"auth_value": "os.environ/MCP_TOKEN"',
        '"Authorization": "bearer os.environ/COHERE_API_KEY"',
        '"mode": ["pre_call", "post_call"]',
        '"environment_variables": {"LANGFUSE_PUBLIC_KEY": "pk-lf-123", "PLAIN": "value"}',
        '"teams": [{"team_id": "a", "models": ["gpt-4o"]}]',
        '"unknown_section": []',
        '"gpt-4": "gpt-4o"',
        '    "claude": ("claude-haiku", "gpt-4o"),',
        "rescue=Rescue.ROUTER",
        "metrics=Metrics(port=9090)",
        'id="gpt-4o/2"',
    ):
        assert kept in module, kept
    for kept in ("role_password: POSTGRES_ROLE_PASSWORD", "host: red.upstash.io", "cpus: 2"):
        assert kept in stack, kept
    lost = said.split("could not be expressed:\n")[1].split("\n\n")[0].splitlines()
    assert [re.sub(r"^.*?(?::\d+:\d+)?: (.*?): .*", r"\1", line) for line in lost] == [
        "model_list[1].model_info.deprecation_date",
        'general_settings.custom_key["1"]',
        "mcp_servers.shell.args[2]",
        "model_list[7]",
        "deploy.strategy",
        "deploy.release_command",
        "processes.web",
        "processes.worker",
        "http_service.checks[0].timeout",
        "mounts",
        "schema",
        "env.PYTHON_GC_THRESHOLD",
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_no_value_of_a_secret_is_written_or_told(tmp_path: Path, as_json: bool) -> None:
    files = features(tmp_path)
    _, said, texts = imported(*files, tmp_path / "out", as_json=as_json)
    told = "\n".join([said, *texts.values()])
    assert "pulumi config set -s dev --secret gateway:ANTHROPIC_API_KEY" in said or as_json
    assert all(value in files[0].read_text() + files[1].read_text() for value in SECRETS.values())
    assert [word for word, value in SECRETS.items() if value in told] == []


def test_one_value_has_one_name_and_a_variable_keeps_its_own(tmp_path: Path) -> None:
    _, said, _ = imported(*features(tmp_path), tmp_path / "out")
    commands = re.findall(r"--secret gateway:(\w+)", said)
    assert len(commands) == len(set(commands))
    assert {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "SHELL_GITHUB_TOKEN"} <= set(commands)
    assert "DATABASE_URL" not in commands


def test_the_reference_has_every_key_and_each_of_them_becomes_a_setting(tmp_path: Path) -> None:
    code, said, texts = imported(CASES / "every_key.yaml", None, tmp_path)
    names: dict[str, Any] = {}
    exec(texts["stacks/gateway.py"], names)  # noqa: S102 - what the import has written
    definition = names["DEFINITION"]
    assert code is ExitCode.OK
    for name, part in (
        ("litellm_settings", LitellmSettings),
        ("general_settings", GeneralSettings),
        ("router_settings", RouterSettings),
    ):
        section = getattr(definition, name)
        assert section.model_fields_set == set(part.model_fields) - {"extras"}, name
    one, own = definition.models
    assert own.model_fields_set >= set(type(own).model_fields) - {"rescue"}
    assert one.model_fields_set == {"name", "provider", "model", "mode"}
    assert "kept as declared extras" in said


def test_what_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    config, toml = features(tmp_path)
    _, _, before = imported(config, toml, tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("mine")
    with pytest.raises(ProblemError, match="exists already") as refused:
        imported(config, toml, tmp_path)
    assert len(refused.value.problems) == 2
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == "mine"
    assert imported(config, toml, tmp_path, force=True)[2] == before


def test_the_json_says_what_the_text_says(tmp_path: Path) -> None:
    stream = io.StringIO()
    output = Output(stdout=stream, stderr=io.StringIO(), as_json=True)
    config, toml = features(tmp_path)
    request = Request(config, toml, "dev", folder=tmp_path / "out", stdout=True)
    assert answer(request, root=tmp_path, today=TODAY, output=output) is ExitCode.FINDING
    told = json.loads(stream.getvalue())
    assert told["proven"] is True
    assert told["unexplained"] == []
    assert {change["kind"] for change in told["changes"]} == {"extra", "lost", "same", "secret"}
    assert "ANTHROPIC_API_KEY" in told["secrets"]
    assert told["missing"].keys() == {"fly.organization"}
    assert told["texts"]["stacks/gateway.py"].startswith('"""The gateway as')
    assert not (tmp_path / "out").exists()


def test_an_environment_has_to_be_one(tmp_path: Path) -> None:
    request = Request(CASES / "every_key.yaml", None, "../live", folder=tmp_path)
    with pytest.raises(ProblemError, match=r"import\.environment"):
        answer(request, root=tmp_path, today=TODAY, output=Output())


def test_the_guide_shows_what_the_command_prints(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "import.md").read_text(encoding="utf-8")
    config, toml = CASES / "example.yaml", CASES / "example.toml"
    code, said, texts = imported(config, toml, tmp_path)
    assert code is ExitCode.OK
    told = [line for line in said.splitlines() if not line.startswith(("written", "findings"))]
    assert [line for line in told if line not in guide] == []
    code_lines = texts["stacks/gateway.py"].partition("MODELS = ")[2].partition("\n)\n")[0]
    assert code_lines in guide
    assert texts["Pulumi.dev.yaml"].rstrip() in guide
    assert all(file.read_text(encoding="utf-8").rstrip() in guide for file in (config, toml))
