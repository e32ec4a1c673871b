"""All that can be known to be wrong with an environment before anything is asked of Fly."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import fly.checks
import gateway.settings_checks
from components.configuration import configuration_of, settings_path
from components.next_steps import next_step
from components.rules import check
from gateway.secret_names import required_secrets
from stacks.completeness import missing_secrets, unneeded_secrets
from stacks.config_file import read_config_file
from stacks.load import Loaded, RawConfig, load_settings
from stacks.places import Place
from stacks.problem import Problem
from stacks.rule import Result
from stacks.settings import Settings


def load_checked(
    environment: str,
    raw: RawConfig,
    environ: Mapping[str, str] | None = None,
    *,
    today: date | None = None,
) -> Loaded:
    """Return the environment's settings; `ProblemError` holds all that is wrong with them.

    `environ` is where secrets whose source is `environment` are looked for. Without it no secret
    is asked for: enough to render and read, not to deploy. `today` is what retirements of models
    are compared with, and this very day when left out.
    """
    day = today or datetime.now(UTC).date()

    def secrets(settings: Settings, place: Place) -> Iterable[Problem]:
        needed = needed_secrets(settings)
        names = raw.secret_names
        yield from unneeded_secrets(needed, settings, place, secret_names=names)
        if environ is not None:
            yield from missing_secrets(needed, settings, place, secret_names=names, environ=environ)

    def meaning(settings: Settings, place: Place) -> Iterable[Problem]:
        return meaning_problems(settings, place, today=day)

    return load_settings(environment, raw, checks=(meaning, secrets))


def load_checked_file(
    root: Path,
    environment: str,
    environ: Mapping[str, str] | None = None,
    *,
    today: date | None = None,
) -> Loaded:
    """Do the same with what `Pulumi.<environment>.yaml` in `root` says."""
    return load_checked(environment, read_config_file(root, environment), environ, today=today)


def meaning_problems(settings: Settings, place: Place, *, today: date) -> tuple[Problem, ...]:
    """Return what is wrong with settings whose shape is right, sorted.

    These are the findings of every rule, with the setting that is behind each place, and what
    only typed settings show. What is said twice of one place by one id is said once.
    """
    found = [
        *gateway.settings_checks.problems(settings, place),
        *fly.checks.problems(settings, place),
        *_findings(settings, place, today),
    ]
    return tuple(sorted({(problem.place, problem.id): problem for problem in found[::-1]}.values()))


def _findings(settings: Settings, place: Place, today: date) -> Iterator[Problem]:
    names = frozenset(secret.name for secret in required_secrets(settings))
    for result in check(configuration_of(settings, secrets=names, today=today)):
        yield _problem(result, settings, place)


def _problem(result: Result, settings: Settings, place: Place) -> Problem:
    finding = result.finding
    unverified = f" (unverified on LiteLLM {settings.image.version})"
    return Problem(
        place=place(settings_path(finding.path, settings)),
        id=result.rule_id,
        value=finding.value,
        expected=finding.expected + ("" if result.verified else unverified),
        next_step=next_step(result),
        severity=result.severity,
    )


def needed_secrets(settings: Settings) -> dict[str, str]:
    """Return the secrets that must be given or generated, and what each is for.

    Left out: those composed from outputs, and the passwords of a Postgres and a Redis that the
    stack makes itself, and with them their passwords.
    """
    needed = {
        secret.name: secret.why for secret in required_secrets(settings) if not secret.composed
    }
    postgres, redis = settings.postgres, settings.redis
    if redis is not None and redis.kind == "app":
        needed.pop(redis.password, None)
    if postgres is not None and postgres.kind == "existing":
        needed[postgres.role_password] = f"the password of Postgres' role {postgres.role}"
    return needed
