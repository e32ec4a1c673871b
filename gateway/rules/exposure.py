"""Which switches open a gateway to those who should not be able to do so much."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.subject import Subject, mapping, sequence
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Remove, Rule

LIVE = "live"
MOCK = ("litellm", "general_settings", "dangerously_allow_mock_testing_request_params")
WEAK = ("litellm", "general_settings", "dangerously_permit_weak_or_unset_master_key")
LICENCE = "LITELLM_LICENSE"
ENTERPRISE = ("DISABLE_ADMIN_ENDPOINTS", "DISABLE_LLM_API_ENDPOINTS")
CHARGED = ("/health", "/health/", "/health/services")


def _mocked(subject: Subject) -> bool:
    return subject.general_settings.get(str(MOCK[-1])) is True


def _mock_on_live(subject: Subject) -> Iterator[Finding]:
    if _mocked(subject) and subject.configuration.environment_name == LIVE:
        yield Finding(
            MOCK,
            "true",
            "whoever has any key can make any request fail over, or fail: `mock_testing_*` in the "
            "body is obeyed for all of them",
            "remove it; chains are proven by `gateway prove`, without it",
            (Remove(MOCK),),
        )


def _mock_elsewhere(subject: Subject) -> Iterator[Finding]:
    if _mocked(subject) and subject.configuration.environment_name != LIVE:
        yield Finding(
            MOCK,
            "true",
            "whoever has any key can make any request fail over, and a mocked failure calls no "
            "provider: it proves neither retry nor breaker",
            "keep it for a drill only, and never on live",
        )


def _weak_key_allowed(subject: Subject) -> Iterator[Finding]:
    if subject.general_settings.get(str(WEAK[-1])) is True:
        yield Finding(
            WEAK,
            "true",
            "LiteLLM then starts with a master key that everybody knows, or without one: everybody "
            "is admin",
            "remove it, and set LITELLM_MASTER_KEY",
            (Remove(WEAK),),
        )


def _check_that_calls_models(subject: Subject) -> Iterator[Finding]:
    if not subject.given:
        return
    for path, value in _check_paths(mapping(subject.configuration.fly)):
        if value in CHARGED:
            yield Finding(
                path,
                f'"{value}"',
                "it wants a key, so that the check never passes, and with one it calls every model "
                "at each check, for money",
                'write path = "/health/readiness", which wants no key and asks the database',
                (Put(path, "/health/readiness"),),
            )


def _check_paths(fly: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    checks = mapping(fly.get("http_service")).get("checks")
    for index, check in enumerate(sequence(checks)):
        yield ("fly", "http_service", "checks", index, "path"), mapping(check).get("path")
    for position, service in enumerate(sequence(fly.get("services"))):
        for index, check in enumerate(sequence(mapping(service).get("http_checks"))):
            path = ("fly", "services", position, "http_checks", index, "path")
            yield path, mapping(check).get("path")
    for name, check in mapping(fly.get("checks")).items():
        yield ("fly", "checks", str(name), "path"), mapping(check).get("path")


def _without_a_licence(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None or LICENCE in secrets or LICENCE in subject.environment:
        return
    for name in ENTERPRISE:
        if name in subject.environment:
            yield Finding(
                ("environment", name),
                f'"{subject.environment[name]}"',
                "without LITELLM_LICENSE every route that it is about answers 500, whatever its "
                "value is: the proof, `gateway drift` and whoever manages keys ask some of them",
                "remove it; what keeps admin routes to those who have the key: docs/security.md",
            )


def _allow_list_without_a_licence(subject: Subject) -> Iterator[Finding]:
    secrets = subject.configuration.secrets
    if secrets is None or LICENCE in secrets or LICENCE in subject.environment:
        return
    if subject.general_settings.get("allowed_ips") is not None:
        path = ("litellm", "general_settings", "allowed_ips")
        yield Finding(
            path,
            "",
            "without LITELLM_LICENSE LiteLLM does not start; with it the whole X-Forwarded-For is "
            "compared, which Fly ends with an address of the app's own: everybody is refused",
            "remove it",
            (Remove(path),),
        )


GENERAL = "general_settings: {dangerously_allow_mock_testing_request_params: true}\n"
RULES = (
    Rule(
        id="L030",
        title="Requests can be made to fail on live",
        severity=Severity.ERROR,
        about="general_settings.dangerously_allow_mock_testing_request_params",
        evidence=("BerriAI/litellm #35423", "facts on LiteLLM, section 3"),
        remedy="Remove it.",
        failing=Example(litellm=GENERAL, environment_name=LIVE),
        passing=Example(litellm="general_settings: {}\n", environment_name=LIVE),
        find=_mock_on_live,
    ),
    Rule(
        id="L172",
        title="Requests can be made to fail",
        severity=Severity.WARNING,
        about="general_settings.dangerously_allow_mock_testing_request_params",
        evidence=("BerriAI/litellm #35423", "facts on LiteLLM, section 3"),
        remedy="Keep it for a drill only.",
        failing=Example(litellm=GENERAL, environment_name="dev"),
        passing=Example(litellm="general_settings: {}\n", environment_name="dev"),
        find=_mock_elsewhere,
    ),
    Rule(
        id="L173",
        title="A weak or missing master key is allowed",
        severity=Severity.ERROR,
        about="general_settings.dangerously_permit_weak_or_unset_master_key",
        evidence=("litellm/proxy/auth/master_key_boot_check.py", "facts on LiteLLM, section 7"),
        remedy="Remove it.",
        failing=Example(
            litellm="general_settings: {dangerously_permit_weak_or_unset_master_key: true}\n"
        ),
        passing=Example(
            litellm="general_settings: {dangerously_permit_weak_or_unset_master_key: false}\n"
        ),
        find=_weak_key_allowed,
    ),
    Rule(
        id="L174",
        title="Fly's health check asks every model",
        severity=Severity.ERROR,
        about="http_service.checks.path",
        evidence=("facts on LiteLLM, section 4",),
        remedy='Set `path = "/health/readiness"`.',
        failing=Example(litellm="{}", fly="[[http_service.checks]]\npath = '/health'\n"),
        passing=Example(litellm="{}", fly="[[http_service.checks]]\npath = '/health/readiness'\n"),
        find=_check_that_calls_models,
    ),
    Rule(
        id="L175",
        title="A switch of the Enterprise edition, without its licence",
        severity=Severity.ERROR,
        about="DISABLE_ADMIN_ENDPOINTS, DISABLE_LLM_API_ENDPOINTS",
        evidence=(
            "litellm_enterprise/proxy/auth/route_checks.py",
            "measured on 1.106.2: /model/info answers 500 to the master key",
        ),
        remedy="Remove it.",
        failing=Example(
            litellm="{}", fly="[env]\nDISABLE_ADMIN_ENDPOINTS = 'true'\n", secrets=frozenset()
        ),
        passing=Example(
            litellm="{}",
            fly="[env]\nDISABLE_ADMIN_ENDPOINTS = 'true'\n",
            secrets=frozenset({"LITELLM_LICENSE"}),
        ),
        find=_without_a_licence,
    ),
    Rule(
        id="L176",
        title="An allow-list of addresses, without the Enterprise edition's licence",
        severity=Severity.ERROR,
        about="general_settings.allowed_ips",
        evidence=(
            "litellm/proxy/proxy_server.py: `load_config` raises",
            "measured on 1.106.2: it does not start",
        ),
        remedy="Remove it.",
        failing=Example(
            litellm="general_settings: {allowed_ips: [203.0.113.7]}\n", secrets=frozenset()
        ),
        passing=Example(
            litellm="general_settings: {allowed_ips: [203.0.113.7]}\n",
            secrets=frozenset({"LITELLM_LICENSE"}),
        ),
        find=_allow_list_without_a_licence,
    ),
)
