"""What the machine decides about LiteLLM: when it is stopped, its ports, and its room."""

import re
from collections.abc import Iterator
from typing import Any

from gateway.rules.flags import flag, kind, port, tables, workers
from gateway.rules.numbers import count, number
from gateway.rules.quoting import shown
from gateway.rules.server import started_with
from gateway.subject import Subject, mapping
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule

DRAIN_S = 30  # LiteLLM's own GRACEFUL_SHUTDOWN_TIMEOUT
DRAIN_MARGIN_S = 10  # between the server's own drain limit and Fly's SIGKILL
WORKER_MB = 400  # one worker after some traffic: 370-414 MB (measured)
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SHARED_MB, PERFORMANCE_MB = 256, 2048  # of one processor, where the size alone is given

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SIZE = re.compile(r"(shared|performance)(?:-cpu)?-(\d+)x")
_MEMORY = re.compile(r"(\d+)\s*(gb|g|mb|m)?", re.IGNORECASE)


def _killed_early(subject: Subject) -> Iterator[Finding]:
    fly = subject.configuration.fly
    if fly is None or not subject.given:
        return
    signal, drain = fly.get("kill_signal"), _drain_s(subject)
    if signal is not None and signal != "SIGTERM":
        yield Finding(
            ("fly", "kill_signal"),
            shown(signal),
            "LiteLLM's servers drain on SIGTERM; gunicorn hangs 30 s on SIGINT (measured)",
            'write kill_signal = "SIGTERM"',
            (Put(("fly", "kill_signal"), "SIGTERM"),),
        )
    given = fly.get("kill_timeout")
    seconds = _seconds(given)
    if given is not None and seconds is not None and seconds < drain + DRAIN_MARGIN_S:
        yield Finding(
            ("fly", "kill_timeout"),
            shown(given),
            f"Fly kills the machine before requests in flight have ended: the server drains for "
            f"{drain:g} s, and needs {DRAIN_MARGIN_S} s around it",
            f'write kill_timeout = "{drain + DRAIN_MARGIN_S:g}s" or more, or lower '
            "GRACEFUL_SHUTDOWN_TIMEOUT",
        )


def _killed_by_default(subject: Subject) -> Iterator[Finding]:
    fly = subject.configuration.fly
    if fly is None or not subject.given:
        return
    drain = _drain_s(subject) + DRAIN_MARGIN_S
    for key, default, value in (
        ("kill_signal", "SIGINT", "SIGTERM"),
        ("kill_timeout", "5 s", f"{drain:g}s"),
    ):
        if fly.get(key) is None:
            yield Finding(
                ("fly", key),
                "",
                f"Fly's default is {default}: requests in flight are cut at every rollout",
                f'write {key} = "{value}" above the first table',
            )


def _drain_s(subject: Subject) -> float:
    return number(subject.environment.get("GRACEFUL_SHUTDOWN_TIMEOUT")) or DRAIN_S


def _seconds(value: Any) -> float | None:
    if not isinstance(value, str) or not _DURATION.match(value):
        return number(value)
    return sum(float(amount) * UNITS_S[unit] for amount, unit in _DURATION.findall(value))


def _nobody_listens(subject: Subject) -> Iterator[Finding]:
    fly = mapping(subject.configuration.fly)
    listens = port(subject)
    if listens is None or not subject.given or len(mapping(fly.get("processes"))) > 1:
        return
    for key in ("http_service", "services"):
        for path, service in tables(fly, key):
            given = service.get("internal_port")
            if count(given) is not None and count(given) != listens:
                yield Finding(
                    ("fly", *path, "internal_port"),
                    shown(given),
                    f"LiteLLM listens on {listens}: Fly's proxy reaches nobody here",
                    f"write internal_port = {listens}, or start LiteLLM with `--port {given}`",
                )


def _one_port_for_two(subject: Subject) -> Iterator[Finding]:
    given = flag(subject, "prometheus_metrics_port")
    if given is not None and count(given) == port(subject):
        yield Finding(
            ("server", "prometheus_metrics_port"),
            given,
            "the server listens on this port; LiteLLM refuses to start with both on one",
            "choose another port, for example 4001",
        )


def _too_many_workers(subject: Subject) -> Iterator[Finding]:
    several = workers(subject)
    machine = next(iter(tables(mapping(subject.configuration.fly), "vm")), None)
    if machine is None or several < 2:  # noqa: PLR2004 - two are several
        return
    _, vm = machine
    cpus, memory_mb = _guest(vm)
    if memory_mb is not None and several * WORKER_MB > memory_mb:
        yield Finding(
            ("server", "num_workers"),
            str(several),
            f"a worker takes about {WORKER_MB} MB once it has served ({kind(subject)}, measured), "
            f"and the machine has {memory_mb}: it is killed for memory",
            f"start {max(1, memory_mb // WORKER_MB)}, or give the machine "
            f"{several * WORKER_MB} MB or more",
        )
    elif cpus is not None and several > cpus:
        yield Finding(
            ("server", "num_workers"),
            str(several),
            f"the machine has {cpus} processors, and a worker keeps one busy (35 requests a "
            "second, measured): more workers take memory and serve no more",
            f"start {cpus}",
        )


def _guest(vm: Any) -> tuple[int | None, int | None]:
    """Return processors and MB of a `[[vm]]`, None for what it does not say."""
    size = vm.get("size")
    named = _SIZE.fullmatch(size) if isinstance(size, str) else None
    cpus = count(vm.get("cpus")) or (int(named[2]) if named else None)
    written = vm.get("memory", vm.get("memory_mb"))
    amount = _MEMORY.fullmatch(str(written).strip()) if written is not None else None
    if amount is not None:
        gigabytes = (amount[2] or "").lower().startswith("g")
        return cpus, int(amount[1]) * (1024 if gigabytes else 1)
    if named is None:
        return cpus, None
    return cpus, int(named[2]) * (SHARED_MB if named[1] == "shared" else PERFORMANCE_MB)


def _example(fly: str, flags: str = "--num_workers 1") -> Example:
    command = f"--config /app/config.yaml --port 4000 {flags}"
    text = f"[processes]\napp = '{command}'\n[env]\nLITELLM_MODE = 'PRODUCTION'\n"
    kill = "" if "kill" in fly else "kill_signal = 'SIGTERM'\nkill_timeout = '60s'\n"
    above, _, below = fly.partition("\n---\n")
    return Example(
        litellm="router_settings: {redis_url: x}\n", fly=f"{kill}{above}\n{text}{below}\n"
    )


TWO = "--run_gunicorn --num_workers 4"
RULES = (
    Rule(
        id="L040",
        title="A machine is stopped before its requests have ended",
        severity=Severity.ERROR,
        about="kill_signal, kill_timeout",
        evidence=("facts on LiteLLM, section 4 (measured)",),
        remedy="Write SIGTERM, and a kill_timeout 10 s above GRACEFUL_SHUTDOWN_TIMEOUT.",
        failing=_example("kill_signal = 'SIGINT'\nkill_timeout = '60s'"),
        passing=_example("kill_signal = 'SIGTERM'\nkill_timeout = '60s'"),
        find=_killed_early,
    ),
    Rule(
        id="L137",
        title="Fly's default stops a machine after 5 s",
        severity=Severity.WARNING,
        about="kill_signal, kill_timeout",
        evidence=("facts on LiteLLM, section 4 (measured)",),
        remedy="Write both.",
        failing=_example("kill_signal = 'SIGTERM'"),
        passing=_example("kill_signal = 'SIGTERM'\nkill_timeout = '60s'"),
        find=_killed_by_default,
    ),
    Rule(
        id="L128",
        title="Fly's proxy and LiteLLM do not agree on a port",
        severity=Severity.ERROR,
        about="http_service.internal_port",
        evidence=("litellm/proxy/proxy_cli.py (--port)",),
        remedy="Write the port that LiteLLM listens on.",
        failing=_example("\n---\n[http_service]\ninternal_port = 8080"),
        passing=_example("\n---\n[http_service]\ninternal_port = 4000"),
        find=_nobody_listens,
    ),
    Rule(
        id="L052",
        title="Metrics and the proxy on one port",
        severity=Severity.ERROR,
        about="--prometheus_metrics_port",
        evidence=("facts on LiteLLM, section 5 (measured)",),
        remedy="Choose another port.",
        failing=started_with("--prometheus_metrics_port 4000"),
        passing=started_with("--prometheus_metrics_port 4001"),
        find=_one_port_for_two,
    ),
    Rule(
        id="L129",
        title="More workers than the machine has room for",
        severity=Severity.WARNING,
        about="--num_workers",
        evidence=("facts on a local gateway, sections 1 and 5 (measured)",),
        remedy="Start fewer workers, or take a larger machine.",
        failing=_example("\n---\n[[vm]]\nsize = 'shared-cpu-4x'\nmemory = '1gb'", TWO),
        passing=_example("\n---\n[[vm]]\nsize = 'shared-cpu-4x'\nmemory = '4gb'", TWO),
        find=_too_many_workers,
    ),
)
