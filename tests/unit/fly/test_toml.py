import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly import toml
from fly.toml import RenderError, intended, render_fly_toml, toml_key, toml_value
from stacks.fly import Check, Concurrency, Fly, Kill
from stacks.litellm import Metrics
from stacks.settings import Server, Settings
from stacks.values import Strategy

COMMAND = "--config /app/litellm_config.yaml --host 0.0.0.0 --port 4000 --num_workers 4"
FILES = {"/app/litellm_config.yaml": "litellm_config.yaml"}

texts = st.text(st.characters(exclude_categories=["Cs"]))  # no file can hold half a surrogate pair
numbers = st.integers(min_value=1, max_value=900)


def settings(**fly: object) -> Settings:
    told = {"organization": "acme", "app": "ai-gateway-dev", "regions": {"iad": 2}, **fly}
    return Settings(environment="dev", fly=Fly.model_validate(told), metrics=Metrics())


def rendered(what: Settings, **environment: str) -> str:
    return render_fly_toml(what, command=COMMAND, environment=environment, files=FILES)


def test_the_toml_says_what_a_real_flyctl_was_given() -> None:
    what = settings(kill=Kill(timeout_s=60))
    told = tomllib.loads(rendered(what, LITELLM_LOG="INFO", JITTER="0.05"))
    del told["build"], told["deploy"]["wait_timeout"]
    assert told == {
        "app": "ai-gateway-dev",
        "primary_region": "iad",
        "kill_signal": "SIGTERM",
        "kill_timeout": "60s",
        "deploy": {"strategy": "bluegreen"},
        "processes": {"app": COMMAND},
        "http_service": {
            "internal_port": 4000,
            "force_https": True,
            "auto_stop_machines": "off",
            "min_machines_running": 2,
            "processes": ["app"],
            "concurrency": {"type": "requests", "soft_limit": 100, "hard_limit": 150},
            "checks": [
                {
                    "grace_period": "60s",
                    "interval": "15s",
                    "method": "GET",
                    "timeout": "5s",
                    "path": "/health/readiness",
                }
            ],
        },
        "files": [
            {
                "guest_path": "/app/litellm_config.yaml",
                "local_path": "litellm_config.yaml",
                "processes": ["app"],
            }
        ],
        "metrics": [{"port": 4001, "path": "/metrics/", "processes": ["app"]}],
        "vm": [{"size": "shared-cpu-4x", "memory": "8192mb", "processes": ["app"]}],
        "env": {"LITELLM_LOG": "INFO", "JITTER": "0.05"},
    }


@given(
    environment=st.dictionaries(texts, texts, max_size=4),
    command=texts,
    files=st.dictionaries(texts, texts, max_size=3),
)
def test_hostile_texts_read_back_as_they_were(
    environment: dict[str, str], command: str, files: dict[str, str]
) -> None:
    told = {"command": command, "environment": environment, "files": files}
    text = render_fly_toml(settings(), **told)  # type: ignore[arg-type]  # one dict, three types
    parsed = tomllib.loads(text)
    assert parsed["env"] == environment
    assert parsed["processes"] == {"app": command}
    assert {f["guest_path"]: f["local_path"] for f in parsed.get("files", [])} == files


@given(
    fly=st.builds(
        Fly,
        organization=st.just("acme"),
        app=st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True),
        regions=st.dictionaries(st.sampled_from(["ams", "iad", "lhr", "syd"]), numbers, min_size=1),
        size=texts,
        memory_mb=numbers,
        concurrency=st.builds(Concurrency, soft_limit=numbers, hard_limit=numbers),
        check=st.builds(Check, interval_s=numbers, timeout_s=numbers, grace_period_s=numbers),
        kill=st.builds(Kill, timeout_s=numbers),
        strategy=st.sampled_from(Strategy),
        wait_timeout_s=numbers,
    ),
    port=st.integers(min_value=1, max_value=65535),
    metrics=st.none() | st.just(Metrics()),
)
def test_any_settings_read_back_as_intended(fly: Fly, port: int, metrics: Metrics | None) -> None:
    what = Settings(environment="dev", fly=fly, server=Server(port=port), metrics=metrics)
    meant = intended(what, command=COMMAND, environment={}, files=FILES)
    assert tomllib.loads(rendered(what)) == {
        key: value for key, value in meant.items() if value != []
    }


@given(st.permutations(["A", "B", "C"]))
def test_the_order_of_the_environment_does_not_change_a_byte(order: list[str]) -> None:
    assert rendered(settings(), **dict.fromkeys(order, "x")) == rendered(
        settings(), A="x", B="x", C="x"
    )


def test_no_metrics_no_section() -> None:
    what = Settings(environment="dev", fly=settings().fly)
    assert what.metrics is None
    assert "metrics" not in tomllib.loads(rendered(what))


def test_a_gateway_that_is_reached_without_tls_is_not_redirected() -> None:
    what = settings(public_url="http://127.0.0.1:4281", api="sandbox")
    assert tomllib.loads(rendered(what))["http_service"]["force_https"] is False


def test_a_template_that_says_something_else_is_a_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "fly.toml.j2"
    text = toml.TEMPLATE.read_text(encoding="utf-8")
    assert "deploy.strategy" in text
    wrong.write_text(text.replace("deploy.strategy", "kill_signal"), encoding="utf-8")
    monkeypatch.setattr(toml, "TEMPLATE", wrong)
    with pytest.raises(RenderError, match="reads back differently at deploy"):
        rendered(settings())


@given(texts)
def test_a_quoted_text_is_one_line_and_reads_back(text: str) -> None:
    quoted = toml_value(text)
    assert "\n" not in quoted
    assert tomllib.loads(f"a = {quoted}")["a"] == text


@given(texts)
def test_a_key_reads_back(key: str) -> None:
    assert list(tomllib.loads(f"{toml_key(key)} = 1")) == [key]
