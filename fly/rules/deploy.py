"""Which ways of replacing machines cannot work, and when flyctl finds out."""

from collections.abc import Iterator

from fly.rules.checks import checks_of
from fly.rules.reading import (
    CONTRACT,
    VALIDATION_GO,
    Table,
    quoted,
    seconds,
    services,
    table,
    tables,
    toml_of,
)
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Finding, Remove, Rule

STRATEGIES = ("rolling", "canary", "bluegreen", "immediate")
STRATEGY = ("fly", "deploy", "strategy")
AUTO_ROLLBACK = ("fly", "experimental", "auto_rollback")
LIVE = "live"
HTTP = "[http_service]\ninternal_port = 4000\n"
CHECKED = f'{HTTP}[[http_service.checks]]\npath = "/health/readiness"\n'


def _deploy(configuration: Configuration) -> Table:
    return table(toml_of(configuration).get("deploy"))


def _unknown_strategy(configuration: Configuration) -> Iterator[Finding]:
    strategy = _deploy(configuration).get("strategy")
    if strategy is not None and strategy != "" and strategy not in STRATEGIES:
        yield Finding(
            STRATEGY,
            quoted(strategy),
            f"flyctl refuses it; its strategies are {', '.join(STRATEGIES)}",
            'set strategy = "bluegreen"',
        )


def _green_without_checks(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    if _deploy(configuration).get("strategy") != "bluegreen":
        return
    if any(services(toml)) and not any(checks_of(toml)):
        yield Finding(
            STRATEGY,
            '"bluegreen"',
            "without any health check flyctl's validation and the first deploy pass; the second "
            'fails: "app not in valid state for bluegreen deployments"',
            'add a [[http_service.checks]] with path = "/health/readiness"',
        )


def _volumes(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    strategy = _deploy(configuration).get("strategy")
    mount = next(tables(toml, "mounts", "mount"), None)
    if mount is not None and strategy in ("canary", "bluegreen"):
        yield Finding(
            STRATEGY,
            quoted(strategy),
            "a new machine beside the old one has no volume to mount"
            + (
                ": flyctl refuses it" if strategy == "canary" else "; flyctl's validation passes it"
            ),
            'set strategy = "rolling", or keep state elsewhere than in a volume',
        )


def _immediate_on_live(configuration: Configuration) -> Iterator[Finding]:
    strategy = _deploy(configuration).get("strategy")
    if strategy == "immediate" and configuration.environment_name == LIVE:
        yield Finding(
            STRATEGY,
            '"immediate"',
            "it replaces every machine at once, and nothing waits for checks: users have a release "
            "before anyone knows whether it works; it is for dev only",
            "set bluegreen, or rolling",
        )


def _gives_up_early(configuration: Configuration) -> Iterator[Finding]:
    wait = _deploy(configuration).get("wait_timeout")
    limit = seconds(wait)
    if limit is None:
        return
    for check in checks_of(toml_of(configuration)):
        grace = seconds(check.entry.get("grace_period"), check.number_ns)
        if grace is not None and limit <= grace:
            yield Finding(
                ("fly", "deploy", "wait_timeout"),
                quoted(wait),
                "a release gives up on a machine before its checks count (grace_period = "
                f"{quoted(check.entry.get('grace_period'))})",
                f"set {int(grace) + 240} s or more",
            )
            return


def _no_machine_at_a_time(configuration: Configuration) -> Iterator[Finding]:
    value = _deploy(configuration).get("max_unavailable")
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not value > 0:
        yield Finding(
            ("fly", "deploy", "max_unavailable"),
            quoted(value),
            "a number above zero: from 1 on it counts machines, below it is a part of them; flyctl "
            "accepts any number",
            "set 1",
        )


def _small_release_machine(configuration: Configuration) -> Iterator[Finding]:
    deploy = _deploy(configuration)
    if deploy.get("release_command") and not deploy.get("release_command_vm"):
        yield Finding(
            ("fly", "deploy", "release_command_vm"),
            "",
            "on the first deploy the release command gets a machine of 512 MB, whatever [[vm]] "
            "says; importing LiteLLM alone takes more than 300",
            'add [deploy.release_command_vm] with memory = "2gb"',
        )


def _undone_by_nothing(configuration: Configuration) -> Iterator[Finding]:
    experimental = table(toml_of(configuration).get("experimental"))
    if experimental.get("auto_rollback") is True:
        yield Finding(
            AUTO_ROLLBACK,
            "true",
            "flyctl reads it and uses it nowhere: a failed release is not undone",
            "remove it; of flyctl's strategies only bluegreen undoes itself, until it has moved "
            "the traffic",
            (Remove(AUTO_ROLLBACK),),
        )


def _strategy(name: str, rest: str = "") -> Example:
    return Example(fly=f'{rest}[deploy]\nstrategy = "{name}"\n')


RULES = (
    Rule(
        id="F030",
        title="The strategy does not exist",
        severity=Severity.ERROR,
        about="deploy.strategy",
        evidence=(f"{VALIDATION_GO} (validateDeploySection)", CONTRACT),
        remedy="Name one of flyctl's four.",
        failing=_strategy("yolo"),
        passing=_strategy("rolling"),
        find=_unknown_strategy,
    ),
    Rule(
        id="F031",
        title="A bluegreen deploy has no check to wait for",
        severity=Severity.ERROR,
        about="deploy.strategy",
        evidence=("facts on flyctl's contract, section 3 (measured)",),
        remedy="Add a check of the service.",
        failing=_strategy("bluegreen", HTTP),
        passing=_strategy("bluegreen", CHECKED),
        find=_green_without_checks,
    ),
    Rule(
        id="F032",
        title="A machine with a volume cannot be doubled",
        severity=Severity.ERROR,
        about="deploy.strategy",
        evidence=(f"{VALIDATION_GO} (validateDeploySection)", CONTRACT),
        remedy='Set `strategy = "rolling"`.',
        failing=_strategy("canary", '[[mounts]]\nsource = "data"\ndestination = "/data"\n'),
        passing=_strategy("rolling", '[[mounts]]\nsource = "data"\ndestination = "/data"\n'),
        find=_volumes,
    ),
    Rule(
        id="F033",
        title="Live replaces all machines at once",
        severity=Severity.ERROR,
        about="deploy.strategy",
        evidence=("facts on flyctl's contract, section 3 (measured): immediate waits for nothing",),
        remedy="Set bluegreen, or rolling.",
        failing=Example(fly='[deploy]\nstrategy = "immediate"\n', environment_name="live"),
        passing=Example(fly='[deploy]\nstrategy = "immediate"\n', environment_name="dev"),
        find=_immediate_on_live,
    ),
    Rule(
        id="F034",
        title="A release gives up before a machine's checks count",
        severity=Severity.ERROR,
        about="deploy.wait_timeout",
        evidence=("facts on flyctl's contract, section 3 (measured)",),
        remedy="Set a `wait_timeout` well above the `grace_period`.",
        failing=Example(
            fly=f'{CHECKED}grace_period = "60s"\n[deploy]\nwait_timeout = "60s"\n',
        ),
        passing=Example(fly=f'{CHECKED}grace_period = "60s"\n[deploy]\nwait_timeout = "5m"\n'),
        find=_gives_up_early,
    ),
    Rule(
        id="F035",
        title="No machine may be replaced at a time",
        severity=Severity.ERROR,
        about="deploy.max_unavailable",
        evidence=(CONTRACT,),
        remedy="Set a number above zero.",
        failing=Example(fly="[deploy]\nmax_unavailable = 0\n"),
        passing=Example(fly="[deploy]\nmax_unavailable = 0.33\n"),
        find=_no_machine_at_a_time,
    ),
    Rule(
        id="F036",
        title="The release command gets a machine that is too small",
        severity=Severity.WARNING,
        about="deploy.release_command_vm",
        evidence=(
            "facts on flyctl's contract, section 3 (measured): shared-cpu-2x with 512 MB",
            "facts on the local gateway, section 1: 300 to 320 MB for one process",
        ),
        remedy="Set `release_command_vm`.",
        failing=Example(fly='[deploy]\nrelease_command = "migrate"\n'),
        passing=Example(
            fly='[deploy]\nrelease_command = "migrate"\n[deploy.release_command_vm]\n'
            'memory = "2gb"\n'
        ),
        find=_small_release_machine,
    ),
    Rule(
        id="F037",
        title="`auto_rollback` undoes nothing",
        severity=Severity.ERROR,
        about="experimental.auto_rollback",
        evidence=("facts on Fly, section 1.1: parsed, used nowhere",),
        remedy="Remove it.",
        failing=Example(fly="[experimental]\nauto_rollback = true\n"),
        passing=Example(fly="[experimental]\nenable_consul = true\n"),
        find=_undone_by_nothing,
    ),
)
