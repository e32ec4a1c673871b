"""The whole command on whole configurations: those that work, those that do not, the published."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ops.exit_codes import ExitCode
from tests.unit.ops.checks import ROOT, run

CORPUS = ROOT / "tests" / "unit" / "gateway" / "rules" / "corpus"
VALID = sorted((CORPUS / "valid").glob("*.yaml"))
BROKEN = sorted((CORPUS / "broken").glob("*.yaml"))

# By hand, after --fix: what several answers are right for.
IN_YAML = (
    ("  require_auth_for_metrics_endpoint: false\n", ""),
    (
        "  num_retries: 3\n",
        "  num_retries: 3\n  retry_policy: {RateLimitErrorRetries: 0, TimeoutErrorRetries: 0}\n",
    ),
    ("request_timeout: 90", "request_timeout: 60"),
    ('["openai/gpt-5.4-mini"]', '["openai/gpt-5.4-mini", "anthropic/claude-sonnet-4-6"]'),
    ('["vertex_ai/gemini-3.5-flash"]', '["vertex_ai/gemini-3.5-flash", "openai/gpt-5.5"]'),
    (
        '-7": ["anthropic/claude-sonnet-4-6"]',
        '-7": ["anthropic/claude-sonnet-4-6", "xai/grok-4.3"]',
    ),
    (
        '-6": ["anthropic/claude-sonnet-4-6"]',
        '-6": ["anthropic/claude-sonnet-4-6", "xai/grok-4.3"]',
    ),
    ('"*": ["anthropic/claude-haiku-4-5"]', '"*": ["anthropic/claude-haiku-4-5", "xai/grok-4.3"]'),
)
GROUPS = (
    *("openai/gpt-5.5", "openai/gpt-5.4", "openai/gpt-5.4-mini", "xai/grok-4.3"),
    *("vertex_ai/gemini-3.1-pro-preview", "vertex_ai/gemini-3.5-flash"),
    *("anthropic/claude-opus-4-7", "anthropic/claude-opus-4-6"),
    *("anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"),
)
IN_TOML = (
    ("[processes]", 'kill_timeout = "40s"\n\n[env]\nLITELLM_MODE = "PRODUCTION"\n\n[processes]'),
    ("kill_timeout", 'kill_signal = "SIGTERM"\nkill_timeout'),
    (" \\\n--run_gunicorn", " --run_gunicorn"),
    (' 10000"', ' 10000 --max_requests_before_restart_jitter 1000 --prometheus_metrics_port 4001"'),
    (
        "[http_service.",
        '[http_service]\ninternal_port = 4000\nprocesses = ["app"]\n\n[http_service.',
    ),
    ("hard_limit = 150\n", "hard_limit = 150\n\n[[http_service.checks]]\n@"),
    ("@", 'path = "/health/readiness"\ngrace_period = "60s"\n'),
    ("port = 4000\npath", "port = 4001\npath"),
)


def options(file: Path) -> dict[str, Any]:
    """Return what the command line says of a file of the corpus."""
    toml = file.with_suffix(".fly.toml")
    named = re.match(r"(?:#.*\n)*?# secrets: (.*)", file.read_text("utf-8"))
    secrets = tuple(named[1].split()) if named else ()
    return {"config": file, "toml": toml if toml.exists() else None, "secrets": secrets}


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_what_works_is_let_through(file: Path) -> None:
    code, told = run(**options(file))
    assert (code, re.findall(r"^error.*", told.out, re.MULTILINE)) == (ExitCode.OK, [])


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_what_is_broken_is_refused(file: Path) -> None:
    code, _ = run(**options(file))
    assert code is ExitCode.FINDING


def test_the_published_files_are_clean_once_they_are_mended_as_they_are_told(
    tmp_path: Path,
) -> None:
    files: dict[str, Any] = {
        "config": tmp_path / "litellm_config.yaml",
        "toml": tmp_path / "fly.toml",
        "database_url_file": tmp_path / "url.txt",
    }
    shutil.copy(CORPUS.parents[1] / "cases" / "original_litellm_config.yaml", files["config"])
    files["toml"].write_text(PUBLISHED_TOML, "utf-8")
    files["database_url_file"].write_text(PUBLISHED_URL, "utf-8")
    code, told = run(**files, fix=True)
    assert code is ExitCode.FINDING
    assert told.out.count("mended 8 findings: L002, L003, L004, L020") == 1

    models = [f"- {{model_name: {g}, litellm_params: {{model: {g}}}}}" for g in GROUPS]
    edit(files["config"], *IN_YAML)
    with files["config"].open("a", encoding="utf-8") as file:
        file.write("\n".join(["\nmodel_list:", *models, ""]))
    edit(files["toml"], *IN_TOML)
    edit(files["database_url_file"], ("&socket_timeout=10", "&max_connection_lifetime=540"))

    code, told = run(**files, fail_on="warning")
    assert (code, told.out.count("\n")) == (ExitCode.OK, 1), told.out
    assert ": clean; " in told.out


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Replace each text, which must be there, by another."""
    text = file.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")


PUBLISHED_URL = (
    "postgres://role:word@db.flycast:5432/litellm?sslmode=disable&max_idle_connection_lifetime=60"
    "&socket_timeout=10&keepalives=1&keepalives_idle=60&keepalives_interval=10&keepalives_count=5"
)
PUBLISHED_TOML = """\
[processes]
app = "--config /app/litellm_config.yaml --host 0.0.0.0 --port 4000 \\
--run_gunicorn --num_workers 4 --max_requests_before_restart 10000"

[http_service.concurrency]
type = 'requests'
soft_limit = 100
hard_limit = 150

[metrics]
port = 4000
path = '/metrics/'

[[vm]]
size = 'shared-cpu-4x'
memory = '4096mb'
"""
