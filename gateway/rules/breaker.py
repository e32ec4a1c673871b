"""When the circuit breaker (cooldown) of a model group opens, and when it cannot."""

from collections.abc import Iterator
from typing import Any

from gateway.effective import (
    ALLOWED_FAILS_OF_3,
    COOLED_WITHOUT_A_CHAIN,
    MODEL_ALLOWED_FAILS,
    MODEL_ALLOWED_FAILS_SHUTS,
)
from gateway.rules.examples import SOUND
from gateway.rules.quoting import listed, shown
from gateway.subject import WILDCARD, Subject, mapping
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Move, Put, Remove, Rule
from stacks.versions import Holds

ALLOWED_FAILS: Path = ("litellm", "router_settings", "allowed_fails")
MODULE_DEFAULT = 3  # litellm.allowed_fails
LONG_COOLDOWN_S = 300
HANDLERS = "litellm/router_utils/cooldown_handlers.py"


def _equal_to_the_default(subject: Subject) -> Iterator[Finding]:
    router = subject.router_settings
    given = router.get("allowed_fails")
    default = subject.litellm_settings.get("allowed_fails", MODULE_DEFAULT)
    if given is None or isinstance(given, bool) or given != default:
        return
    if router.get("allowed_fails_policy"):
        return
    yield Finding(
        ALLOWED_FAILS,
        shown(given),
        f'LiteLLM {subject.version} reads {shown(given)} as "not set": a dead group of one '
        "deployment is never cooled down (BerriAI/litellm #40405)",
        "set 2, or give an `allowed_fails_policy`",
        (Put(ALLOWED_FAILS, 2),) if default == MODULE_DEFAULT else (),
    )


def _in_litellm_settings(subject: Subject) -> Iterator[Finding]:
    given = subject.litellm_settings.get("allowed_fails")
    if given is None or "allowed_fails" in subject.router_settings:
        return
    if subject.router_settings.get("allowed_fails_policy"):
        return
    path: Path = ("litellm", "litellm_settings", "allowed_fails")
    yield Finding(
        path,
        shown(given),
        "it becomes the default that the router's value is compared with, and the router takes "
        'its own from it: whatever the number, they are equal, which LiteLLM reads as "not set". '
        "A dead group of one deployment is never cooled down",
        "move it to `router_settings.allowed_fails`, with another value than 3",
        (Move(path, ALLOWED_FAILS),) if given != MODULE_DEFAULT else (Remove(path),),
    )


def _nobody_left(subject: Subject) -> Iterator[Finding]:
    given = subject.router_settings.get("allowed_fails")
    if given != 0 or isinstance(given, bool) or WILDCARD in subject.general_chains:
        return
    alone = [
        name
        for name, members in subject.groups.items()
        if len(members) == 1 and WILDCARD not in name and subject.chain_of(name) is None
    ]
    if alone:
        yield Finding(
            ALLOWED_FAILS,
            "0",
            "one failure takes a group of one deployment out for the whole `cooldown_time`, and a "
            f"group without a chain answers 429 meanwhile: {listed(alone)}",
            'set 2, or give every group a chain, for example with `"*"`',
        )


def _on_one_deployment(subject: Subject) -> Iterator[Finding]:
    for members in subject.groups.values():
        if len(members) != 1 or WILDCARD in members[0].name:
            continue
        deployment = members[0]
        if deployment.info.get("allowed_fails") is not None:
            yield Finding(
                (*deployment.path, "model_info", "allowed_fails"),
                shown(deployment.info["allowed_fails"]),
                _what_a_lone_one_does(subject),
                "remove it and set `router_settings.allowed_fails`, or write an "
                "`allowed_fails_policy` in its place",
            )


def _what_a_lone_one_does(subject: Subject) -> str:
    if MODEL_ALLOWED_FAILS_SHUTS.versions.hold(subject.version) is Holds.NO:
        return f"LiteLLM {subject.version} does not read it: the router's number decides"
    return (
        "while a deployment is alone in its group LiteLLM counts neither by its own number nor, "
        "because it has one, by the router's: it is never cooled down after 429, 5xx or a time-out"
    )


def _cooldown_time(subject: Subject) -> Iterator[Finding]:
    path: Path = ("litellm", "router_settings", "cooldown_time")
    given = subject.router_settings.get("cooldown_time")
    if isinstance(given, bool) or not isinstance(given, int | float):
        return
    if given == 0:
        yield Finding(
            path,
            "0",
            'LiteLLM reads 0 as "not set", and cools down for 5 s',
            "set a number of seconds, or `disable_cooldowns: true`",
        )
    elif given < 0:
        yield Finding(path, shown(given), "a time in the past", "set a number of seconds")
    elif given > LONG_COOLDOWN_S:
        yield Finding(
            path,
            shown(given),
            "one bad minute takes a group out for this long, even after it is well again; it is "
            "also the window in which failures are counted",
            "set 30 to 60",
        )


def _switched_off(subject: Subject) -> Iterator[Finding]:
    if subject.router_settings.get("disable_cooldowns") is not True:
        return
    for key in ("allowed_fails", "allowed_fails_policy", "cooldown_time"):
        if subject.router_settings.get(key) is not None:
            yield Finding(
                ("litellm", "router_settings", key),
                _number_or_nothing(subject.router_settings[key]),
                "`disable_cooldowns: true` stands beside it: no deployment is ever cooled down",
                "remove one of the two",
            )


def _no_breaker(subject: Subject) -> Iterator[Finding]:
    router, library = subject.router_settings, subject.litellm_settings
    said = ("allowed_fails", "allowed_fails_policy", "disable_cooldowns")
    if not subject.general_chains or any(router.get(key) is not None for key in said):
        return
    if library.get("allowed_fails") is not None:
        return
    policies = (mapping(d.info.get("allowed_fails_policy")) for d in subject.deployments)
    alone = [name for name, members in subject.groups.items() if len(members) == 1]
    if alone and not any(policies):
        yield Finding(
            ALLOWED_FAILS,
            "",
            "without it a group of one deployment is never cooled down after 429, 5xx or a "
            "time-out: every request pays its retries before the chain answers",
            "set `router_settings.allowed_fails: 2`",
        )


def _number_or_nothing(value: Any) -> str:
    return shown(value) if isinstance(value, int | float) else ""


def _example(settings: str, before: str = "") -> Example:
    return Example(litellm=f"{before}router_settings: {{{settings}}}\n")


ONE = (
    "litellm_settings: {request_timeout: 60}\n"
    "model_list:\n- model_name: grok\n  litellm_params: {model: xai/grok-4.3}\n"
)
CHAIN = "num_retries: 0, fallbacks: [{grok: [sonnet]}]"
POLICY = "{allowed_fails_policy: {TimeoutErrorAllowedFails: 1}}"

RULES = (
    Rule(
        id="L004",
        title="`allowed_fails` equals the default, and is no circuit breaker",
        severity=Severity.ERROR,
        about="router_settings.allowed_fails",
        evidence=("BerriAI/litellm #40405", HANDLERS),
        remedy="Set 2, or give an `allowed_fails_policy`.",
        failing=_example("allowed_fails: 3"),
        passing=_example("allowed_fails: 2"),
        find=_equal_to_the_default,
        versions=ALLOWED_FAILS_OF_3.versions,
    ),
    Rule(
        id="L117",
        title="`allowed_fails` in `litellm_settings` never opens a circuit breaker",
        severity=Severity.ERROR,
        about="litellm_settings.allowed_fails",
        evidence=(f"{HANDLERS} (_is_allowed_fails_set_on_router)", "run on 1.106.2"),
        remedy="Move it to `router_settings.allowed_fails`.",
        failing=Example(litellm="litellm_settings: {allowed_fails: 2}\n"),
        passing=_example("allowed_fails: 2"),
        find=_in_litellm_settings,
    ),
    Rule(
        id="L050",
        title="One failure leaves a group without any answer",
        severity=Severity.ERROR,
        about="router_settings.allowed_fails",
        evidence=(
            "facts on a local gateway, section 0.8 (measured)",
            f"{HANDLERS}: 1.108.1 no longer cools down a group of one without a chain",
        ),
        remedy="Set 2, or give every group a chain.",
        failing=_example("allowed_fails: 0", ONE),
        passing=_example("allowed_fails: 2", ONE),
        find=_nobody_left,
        versions=COOLED_WITHOUT_A_CHAIN.versions,
    ),
    Rule(
        id="L120",
        title="`allowed_fails` of a deployment that is alone in its group opens no breaker",
        severity=Severity.ERROR,
        about="model_list[].model_info.allowed_fails",
        evidence=(
            f"{HANDLERS} (_should_cooldown_based_on_deployment_policy) of 1.98.0 to 1.108.0; "
            "1.97.0 does not read it, 1.108.1 counts where the group has a chain",
            "facts on LiteLLM, section 2",
        ),
        remedy="Set it for the router, or give an `allowed_fails_policy`.",
        failing=Example(litellm=f"{ONE}  model_info: {{allowed_fails: 1}}\n"),
        passing=Example(litellm=f"{ONE}  model_info: {POLICY}\n"),
        find=_on_one_deployment,
        versions=MODEL_ALLOWED_FAILS.versions,
    ),
    Rule(
        id="L121",
        title="`cooldown_time` is none, or very long",
        severity=Severity.WARNING,
        about="router_settings.cooldown_time",
        evidence=("litellm/router.py (cooldown_time or DEFAULT_COOLDOWN_TIME_SECONDS)", HANDLERS),
        remedy="Set 30 to 60 seconds.",
        failing=_example("cooldown_time: 0"),
        passing=_example("cooldown_time: 30"),
        find=_cooldown_time,
    ),
    Rule(
        id="L122",
        title="The circuit breaker is switched off beside its own settings",
        severity=Severity.WARNING,
        about="router_settings.disable_cooldowns",
        evidence=(f"{HANDLERS} (_should_run_cooldown_logic)",),
        remedy="Remove one of the two.",
        failing=_example("disable_cooldowns: true, allowed_fails: 2"),
        passing=_example("allowed_fails: 2"),
        find=_switched_off,
    ),
    Rule(
        id="L132",
        title="There are chains, and no circuit breaker",
        severity=Severity.WARNING,
        about="router_settings.allowed_fails",
        evidence=(HANDLERS, "facts on a local gateway, section 3 (measured)"),
        remedy="Set `router_settings.allowed_fails: 2`.",
        failing=Example(litellm=f"{SOUND}router_settings: {{{CHAIN}}}\n"),
        passing=Example(litellm=f"{SOUND}router_settings: {{allowed_fails: 2, {CHAIN}}}\n"),
        find=_no_breaker,
    ),
)
