"""How long others let a request wait: its caller, Fly's proxy, a machine that is to stop."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.explain_scenarios import Scenario
from gateway.explain_sources import Sourced, number
from gateway.subject import Subject, mapping, sequence
from stacks.configuration import Configuration
from stacks.paths import Path, spell

DEFAULT_DRAIN_S = 30  # litellm/proxy/shutdown/graceful_shutdown_manager.py; gunicorn's as well
DEFAULT_KILL_S = 5  # Fly's own, where fly.toml says nothing
DEFAULT_IDLE_S = 60  # fly.io/docs/reference/services; seen on no account of ours
GUNICORN = "gunicorn"
GUNICORN_S = 600  # written into LiteLLM's proxy_cli.py, and no flag changes it

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|µs|ns|m|s)")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit in seconds, and the scenarios whose worst case is longer than it.

    `short` is its name in one word. `meaning` says what happens to a request that waits longer.
    `verified` is False for a figure that was read and never seen.
    """

    name: str
    short: str
    seconds: Sourced
    meaning: str
    exceeded: tuple[str, ...] = ()
    verified: bool = True


def limits(
    configuration: Configuration,
    scenarios: Iterable[Scenario],
    *,
    client_timeout_s: float | None = None,
) -> tuple[Limit, ...]:
    """Compare every known limit with the times; those about Fly need a fly.toml."""
    subject = Subject(configuration)
    waits = tuple(scenarios)
    return tuple(
        replace(limit, exceeded=_exceeding(limit, waits))
        for limit in _known(configuration, subject, client_timeout_s)
    )


def duration_s(value: Any) -> float | None:
    """Return the seconds of a duration in fly.toml, a number or `1m30s`; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, {})
    if not isinstance(value, str):
        return None
    parts = _DURATION.findall(value)
    if parts and "".join(amount + unit for amount, unit in parts) == value.strip():
        return number(sum(float(amount) * _UNITS[unit] for amount, unit in parts), {})
    return number(value, {})


def _exceeding(limit: Limit, waits: Iterable[Scenario]) -> tuple[str, ...]:
    if limit.short == GUNICORN:
        return ()
    return tuple(wait.label for wait in waits if wait.cold.worst > limit.seconds.value)


def _known(
    configuration: Configuration, subject: Subject, client_timeout_s: float | None
) -> Iterator[Limit]:
    if client_timeout_s is not None:
        given = Sourced(client_timeout_s, "--client-timeout")
        yield Limit("the caller's time-out", "client", given, "the caller gives up")
    if configuration.fly is not None:
        idle, seen = _idle(configuration)
        said = "the proxy may close a connection on which nothing moves"
        yield Limit("Fly's proxy", "proxy", idle, said, verified=seen)
        drain = _drain(configuration, subject)
        yield Limit("a machine's stop", "stop", drain, "a deployment or restart cuts it off")
    if "run_gunicorn" in subject.server:
        where = Sourced(GUNICORN_S, "LiteLLM's proxy_cli.py")
        said = "ends a worker whose loop is blocked, and no request that waits"
        yield Limit("gunicorn's time-out", GUNICORN, where, said)


def _idle(configuration: Configuration) -> tuple[Sourced, bool]:
    for options, path in _http_options(mapping(configuration.fly)):
        seconds = duration_s(options.get("idle_timeout"))
        if seconds is not None:
            whole = (*path, "idle_timeout")
            return Sourced(seconds, f"fly.toml {spell(whole[1:])}", whole), True
    return Sourced(DEFAULT_IDLE_S, "Fly's documented default, unverified"), False


def _http_options(fly: Any) -> Iterator[tuple[Any, Path]]:
    service = mapping(fly.get("http_service"))
    yield mapping(service.get("http_options")), ("fly", "http_service", "http_options")
    for index, entry in enumerate(sequence(fly.get("services"))):
        for at, port in enumerate(sequence(mapping(entry).get("ports"))):
            path: Path = ("fly", "services", index, "ports", at, "http_options")
            yield mapping(mapping(port).get("http_options")), path


def _drain(configuration: Configuration, subject: Subject) -> Sourced:
    """Return what ends a request when its machine stops: LiteLLM's own limit, or Fly's kill."""
    raw = subject.environment.get("GRACEFUL_SHUTDOWN_TIMEOUT")
    value = number(raw, {})
    own = (
        Sourced(
            value, "env GRACEFUL_SHUTDOWN_TIMEOUT", ("environment", "GRACEFUL_SHUTDOWN_TIMEOUT")
        )
        if value is not None
        else Sourced(DEFAULT_DRAIN_S, "LiteLLM's default")
    )
    killed = duration_s(mapping(configuration.fly).get("kill_timeout"))
    fly = (
        Sourced(killed, "fly.toml kill_timeout", ("fly", "kill_timeout"))
        if killed is not None
        else Sourced(DEFAULT_KILL_S, "Fly's default kill_timeout")
    )
    return min(own, fly, key=lambda sourced: sourced.value)
