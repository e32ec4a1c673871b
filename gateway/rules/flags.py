"""What starts the proxy: its server, workers and port, out of flags and variables."""

from collections.abc import Mapping
from typing import Any

from gateway.rules.numbers import count
from gateway.subject import Subject, mapping

DEFAULT_PORT = 4000
KIND_FLAGS = ("run_gunicorn", "run_hypercorn", "run_granian")  # LiteLLM asks in this order
VARIABLES = {
    "port": "PORT",
    "num_workers": "NUM_WORKERS",
    "keepalive_timeout": "KEEPALIVE_TIMEOUT",
    "timeout_worker_healthcheck": "TIMEOUT_WORKER_HEALTHCHECK",
    "max_requests_before_restart": "MAX_REQUESTS_BEFORE_RESTART",
    "max_requests_before_restart_jitter": "MAX_REQUESTS_BEFORE_RESTART_JITTER",
    "limit_concurrency": "LIMIT_CONCURRENCY",
    "prometheus_metrics_port": "PROMETHEUS_METRICS_PORT",
    "granian_threads": "GRANIAN_RUNTIME_THREADS",
}


def starts_litellm(subject: Subject) -> bool:
    """Tell whether a command line was seen that starts LiteLLM with a file; `sh -c` is none."""
    return str(subject.server.get("config", "")).endswith((".yaml", ".yml"))


def kind(subject: Subject) -> str:
    """Return `uvicorn`, `gunicorn`, `hypercorn` or `granian`."""
    found = next((flag for flag in KIND_FLAGS if flag in subject.server), "run_uvicorn")
    return found.removeprefix("run_")


def flag(subject: Subject, name: str) -> str | None:
    """Return a flag's value, or that of the variable in its place; a flag wins."""
    if name in subject.server:
        return str(subject.server[name])
    variable = subject.environment.get(VARIABLES.get(name, ""))
    return None if variable is None else str(variable)


def workers(subject: Subject) -> int:
    """Return the number of workers of one machine."""
    return 1 if kind(subject) == "hypercorn" else count(flag(subject, "num_workers")) or 1


def port(subject: Subject) -> int | None:
    """Return the port that LiteLLM listens on; None where no command line was seen."""
    given = flag(subject, "port")
    if given is None:
        return DEFAULT_PORT if starts_litellm(subject) else None
    return count(given)


def tables(values: Mapping[str, Any], key: str) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return the tables of fly.toml at `key` with their places: `[key]` or every `[[key]]`."""
    found = values.get(key)
    if isinstance(found, list | tuple):
        return [((key, index), mapping(table)) for index, table in enumerate(found)]
    return [((key,), mapping(found))] if isinstance(found, Mapping) else []
