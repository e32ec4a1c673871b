"""The environments as they are committed, and what is asked of whoever deploys them."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.bundle import make_bundle
from components.configuration import configuration_of
from components.rules import all_rules
from components.validate import (
    load_checked,
    load_checked_file,
    meaning_problems,
    needed_secrets,
)
from gateway.subject import Subject
from stacks.load import RawConfig
from stacks.problem import Problem, ProblemError, Severity
from stacks.rule import Rule
from tests.unit.gateway.example import bare, example

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 24)  # retirements and expiries are compared with it
VERTEX = {"VERTEX_CREDENTIALS_JSON": "{}"}
PROVIDER_KEYS = {
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "XAI_API_KEY",
    "VERTEX_CREDENTIALS_JSON",
    "POSTHOG_API_KEY",
}
GIVEN = {
    "fly.organization": "acme",
    "fly.app": "acme-ai-gateway",
    "providers.vertex_ai.vertex_project": "acme",
    "providers.vertex_ai.vertex_location": "global",
}


def errors(environment: str) -> dict[str, Problem]:
    with pytest.raises(ProblemError, match="settings") as caught:
        load_checked_file(ROOT, environment, {})
    return {
        problem.place.partition(" gateway:")[2]: problem
        for problem in caught.value.problems
        if problem.severity is Severity.ERROR
    }


def test_local_is_complete_and_without_a_warning() -> None:
    loaded = load_checked_file(ROOT, "local", VERTEX, today=TODAY)
    assert [warning.render() for warning in loaded.warnings] == []
    assert loaded.settings.fly.api == "sandbox"


def test_local_wants_its_service_account_from_the_sandbox() -> None:
    (problem,) = errors("local").values()
    assert problem.next_step == 'eval "$(gateway env local)" sets it from the sandbox'


def test_secrets_are_not_asked_for_in_order_to_read() -> None:
    assert load_checked_file(ROOT, "local").settings.environment == "local"


@pytest.mark.parametrize("environment", ["dev", "live"])
def test_what_only_its_user_knows_is_asked_for_all_at_once(environment: str) -> None:
    found = errors(environment)
    assert set(found) == PROVIDER_KEYS | set(GIVEN)
    for name in PROVIDER_KEYS:
        assert (
            found[name].next_step == f"pulumi config set -s {environment} --secret gateway:{name}"
        )
    for path in GIVEN:
        command = f"pulumi config set -s {environment} --path gateway:{path} "
        assert found[path].next_step.startswith(command)


@pytest.mark.parametrize("environment", ["dev", "live"])
def test_nothing_else_is_wrong_with_it(environment: str) -> None:
    told = yaml.safe_load((ROOT / f"Pulumi.{environment}.yaml").read_text(encoding="utf-8"))
    values = {key.removeprefix("gateway:"): value for key, value in told["config"].items()}
    values["fly"] |= {"organization": "acme", "app": f"acme-gateway-{environment}"}
    values["providers"] = {"vertex_ai": {"vertex_project": "acme", "vertex_location": "global"}}
    raw = RawConfig(values, frozenset(PROVIDER_KEYS))
    loaded = load_checked(environment, raw, {}, today=TODAY)
    assert [warning.render() for warning in loaded.warnings] == []
    assert loaded.settings.postgres is not None
    assert loaded.settings.postgres.database == f"litellm_{environment}"
    assert loaded.settings.postgres.protect is (environment == "live")
    toml = tomllib.loads(make_bundle(loaded.settings).fly_toml)
    assert toml["app"] == f"acme-gateway-{environment}"


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_no_rule_finds_anything_in_the_local_environment(rule: Rule[Any]) -> None:
    """Whichever release is pinned: also a rule that does not hold for the pinned one is asked."""
    settings = load_checked_file(ROOT, "local", today=TODAY).settings
    configuration = configuration_of(settings, secrets=None, today=TODAY)
    subject = configuration if rule.id.startswith("F") else Subject(configuration)
    assert list(rule.find(subject)) == []


def test_a_finding_on_a_release_that_nobody_looked_at_says_so() -> None:
    changes = {"image": {"version": "1.150.0"}, "general_settings": {"request_timeout": 90}}
    problems = meaning_problems(example(**changes), lambda path: path, today=TODAY)
    (found,) = [problem for problem in problems if problem.id == "L002"]
    assert found.expected.endswith("(unverified on LiteLLM 1.150.0)")


def test_a_model_that_nears_its_end_is_a_warning_and_one_past_it_stops_the_program() -> None:
    models = [{"name": "vertex_ai/gemini-3.1-flash-lite", "provider": "vertex_ai"}]
    settings = bare(models=models, providers={"vertex_ai": {}})
    end = date(2027, 5, 7)
    for days, rule_id, severity in (
        (80, "L157", Severity.WARNING),
        (29, "L156", Severity.WARNING),
        (0, "L155", Severity.ERROR),
    ):
        problems = meaning_problems(settings, lambda path: path, today=end - timedelta(days))
        (found,) = [problem for problem in problems if problem.place == "models[0].name"]
        assert (found.id, found.severity) == (rule_id, severity)


def test_a_secret_that_nothing_reads_is_a_warning() -> None:
    local = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8"))["config"]
    values = {key.removeprefix("gateway:"): value for key, value in local.items()}
    names = frozenset({"MISTRAL_API_KEY", "XAI_API_KEY"})
    unread, twice = load_checked("local", RawConfig(values, names), VERTEX, today=TODAY).warnings
    assert unread.place == "Pulumi.local.yaml: gateway:MISTRAL_API_KEY"
    assert "nothing in these settings reads" in unread.expected
    assert "gateway:secrets.XAI_API_KEY = generated wins" in twice.expected


def test_the_key_that_reads_events_back_is_asked_for() -> None:
    local = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text(encoding="utf-8"))["config"]
    values = {key.removeprefix("gateway:"): value for key, value in local.items()}
    del values["secrets"]["POSTHOG_PERSONAL_API_KEY"]
    with pytest.raises(ProblemError, match=r"posthog\.query") as caught:
        load_checked("local", RawConfig(values), VERTEX, today=TODAY)
    (problem,) = caught.value.problems
    command = "pulumi config set -s local --secret gateway:POSTHOG_PERSONAL_API_KEY"
    assert problem.next_step == command
    given = RawConfig(values, frozenset({"POSTHOG_PERSONAL_API_KEY"}))
    assert load_checked("local", given, VERTEX, today=TODAY).warnings == ()


def test_the_stack_makes_the_passwords_of_its_own_stores() -> None:
    settings = load_checked_file(ROOT, "local").settings
    assert settings.redis is not None
    assert settings.postgres is not None
    assert settings.redis.password not in needed_secrets(settings)
    existing = settings.model_copy(
        update={
            "redis": settings.redis.model_copy(update={"kind": "existing", "host": "r"}),
            "postgres": settings.postgres.model_copy(update={"kind": "existing", "host": "p"}),
        }
    )
    assert {"REDIS_PASSWORD", "POSTGRES_ROLE_PASSWORD"} <= set(needed_secrets(existing))


def test_problems_of_every_kind_are_told_in_one_go() -> None:
    wrong = {
        "fly": {
            "organization": "acme",
            "app": "acme",
            "regions": {"xyz": 9},
            "memory_mb": 512,
            "concurrency": {"soft_limit": 200},
            "memry_mb": 1,
            "wait_timeout_s": "long",
        },
        "server": {"port": 4001},
        "router_settings": {"fallbacks": {"xai/grok-4.3": ["anthropic/claude-sonet-4-6"]}},
        "postgres": {"max_connections": 50},
    }
    with pytest.raises(ProblemError, match="L006") as caught:
        load_checked("dev", RawConfig(wrong), {})
    ids = {problem.id for problem in caught.value.problems}
    assert ids >= {
        "settings.unknown",
        "settings.value",
        "settings.missing",
        "settings.secret",
        "fly.region",
        "F002",
        "F012",
        "L006",
        "L023",
    }
    ports = [problem for problem in caught.value.problems if "4001" in problem.render()]
    assert ports, "the server's port is the metrics port"
