"""Which regions and signals Fly does not have, and how long it waits for a machine to stop."""

from collections.abc import Iterator

from fly.regions import region_problems
from fly.rules.reading import CONTRACT, quoted, seconds, toml_of, whole
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Edit, Example, Finding, Put, Rule

SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP")
MOST_KILL_TIMEOUT_S = 300


def _unknown_region(configuration: Configuration) -> Iterator[Finding]:
    region = toml_of(configuration).get("primary_region")
    if region is None or configuration.settings is not None:
        return  # typed settings: `fly.regions` itself is looked at
    for problem in region_problems(quoted(region).strip('"'), ""):
        yield Finding(
            ("fly", "primary_region"),
            quoted(region),
            f"{problem.expected}. flyctl passes any text on",
            problem.next_step,
        )


def _unknown_signal(configuration: Configuration) -> Iterator[Finding]:
    signal = toml_of(configuration).get("kill_signal")
    if signal is not None and signal not in SIGNALS:
        name = quoted(signal).strip('"').upper()
        upper = f"SIG{name.removeprefix('SIG')}"
        edits: tuple[Edit, ...] = ()
        if upper in SIGNALS:
            edits = (Put(("fly", "kill_signal"), upper),)
        yield Finding(
            ("fly", "kill_signal"),
            quoted(signal),
            "this is no signal's name, and flyctl passes any text on",
            f'set kill_signal = "{upper if edits else "SIGTERM"}"',
            edits,
        )


def _long_kill(configuration: Configuration) -> Iterator[Finding]:
    value = toml_of(configuration).get("kill_timeout")
    found = seconds(value)
    if found is not None and not 0 <= found <= MOST_KILL_TIMEOUT_S:
        yield Finding(
            ("fly", "kill_timeout"),
            quoted(value),
            f"Fly waits {MOST_KILL_TIMEOUT_S} seconds at most before it kills a machine",
            f"set {MOST_KILL_TIMEOUT_S}" + (" s or less" if configuration.settings is None else ""),
        )


def _negative_swap(configuration: Configuration) -> Iterator[Finding]:
    value = toml_of(configuration).get("swap_size_mb")
    number = whole(value)
    if number is not None and number < 0:
        yield Finding(
            ("fly", "swap_size_mb"), quoted(value), "flyctl passes it on", "set 512, or remove it"
        )


RULES = (
    Rule(
        id="F007",
        title="The primary region does not exist",
        severity=Severity.ERROR,
        about="primary_region",
        evidence=(CONTRACT, "`fly platform regions`"),
        remedy="Name one of Fly's regions.",
        failing=Example(fly='primary_region = "mars"\n'),
        passing=Example(fly='primary_region = "iad"\n'),
        find=_unknown_region,
    ),
    Rule(
        id="F008",
        title="The signal that stops a machine does not exist",
        severity=Severity.ERROR,
        about="kill_signal",
        evidence=(CONTRACT,),
        remedy='Set `kill_signal = "SIGTERM"`.',
        failing=Example(fly='kill_signal = "SIGFOO"\n'),
        passing=Example(fly='kill_signal = "SIGTERM"\n'),
        find=_unknown_signal,
    ),
    Rule(
        id="F009",
        title="A machine is given longer to stop than Fly waits",
        severity=Severity.ERROR,
        about="kill_timeout",
        evidence=(CONTRACT, "Fly's configuration reference: kill_timeout is 300 s at most"),
        remedy="Set 300 s or less.",
        failing=Example(fly='kill_timeout = "10m"\n'),
        passing=Example(fly='kill_timeout = "45s"\n'),
        find=_long_kill,
    ),
    Rule(
        id="F010",
        title="The swap is negative",
        severity=Severity.ERROR,
        about="swap_size_mb",
        evidence=(CONTRACT,),
        remedy="Set a size in MB, or leave it out.",
        failing=Example(fly="swap_size_mb = -1\n"),
        passing=Example(fly="swap_size_mb = 512\n"),
        find=_negative_swap,
    ),
)
