"""All that can be known to be wrong with an environment before anything is asked of Fly."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path as FilePath

import fly.checks
import gateway.settings_checks
from components.configuration import configuration_of, settings_path
from components.next_steps import next_step
from components.promoted import Base, base_of, other_bundle
from components.rules import check
from components.suppressing import suppressions_in
from gateway.secret_names import query_key_name, required_secrets
from stacks.completeness import missing_secrets, unneeded_secrets
from stacks.config_file import read_config_file
from stacks.configuration import Configuration
from stacks.load import Loaded, RawConfig, load_settings
from stacks.paths import Path, spell
from stacks.places import Place
from stacks.problem import Problem, ProblemError
from stacks.rule import Result
from stacks.settings import Settings
from stacks.suppressions import Suppression, applied


def load_checked(
    environment: str,
    raw: RawConfig,
    environ: Mapping[str, str] | None = None,
    *,
    today: date | None = None,
    suppressions: Sequence[Suppression] = (),
    root: FilePath | None = None,
    deploying: bool = False,
) -> Loaded:
    """Return the environment's settings; `ProblemError` holds all that is wrong with them.

    `root` is the project's folder, below which promotions are. An environment with `promotion` is
    what its promotion's file says, under its own values, and refused when that is another bundle
    than was promoted; `deploying` refuses one that has no promotion yet too.

    `environ` is where secrets whose source is `environment` are looked for. Without it no secret
    is asked for: enough to render and read, not to deploy. `today` is what retirements of models
    are compared with, and this very day when left out. Findings that `suppressions` cover count
    for nothing.
    """
    day = today or datetime.now(UTC).date()
    base = Base()
    if root is not None:
        base = base_of(root, environment, raw, deploying=deploying, today=day)
    return load_over(base, environment, raw, environ, today=day, suppressions=suppressions)


def load_over(
    base: Base,
    environment: str,
    raw: RawConfig,
    environ: Mapping[str, str] | None = None,
    *,
    today: date,
    suppressions: Sequence[Suppression] = (),
) -> Loaded:
    """Return the settings of an environment over what was, or is to be, promoted to it."""

    def secrets(settings: Settings, place: Place) -> Iterable[Problem]:
        needed = needed_secrets(settings)
        names = raw.secret_names
        yield from unneeded_secrets(needed, settings, place, secret_names=names)
        if environ is not None:
            yield from missing_secrets(needed, settings, place, secret_names=names, environ=environ)

    def meaning(settings: Settings, place: Place) -> Iterable[Problem]:
        return meaning_problems(settings, place, today=today, suppressions=suppressions)

    raw = replace(raw, problems=(*raw.problems, *base.problems))
    checks = (meaning, secrets)
    loaded = load_settings(environment, raw, checks=checks, definition=base.definition)
    # Last: while other things are wrong, stand-ins would be what differs.
    differing = () if base.promoted is None else other_bundle(loaded, base.promoted)
    if differing:
        raise ProblemError(differing)
    return loaded


def load_checked_file(
    root: FilePath,
    environment: str,
    environ: Mapping[str, str] | None = None,
    *,
    today: date | None = None,
) -> Loaded:
    """Do the same with what `Pulumi.<environment>.yaml` and `suppressions.yaml` in `root` say.

    An environment that takes promotions and has none yet is read over the shared definition.
    """
    raw = read_config_file(root, environment)
    entries = suppressions_in([root])
    return load_checked(environment, raw, environ, today=today, suppressions=entries, root=root)


def meaning_problems(
    settings: Settings, place: Place, *, today: date, suppressions: Sequence[Suppression] = ()
) -> tuple[Problem, ...]:
    """Return what is wrong with settings whose shape is right, sorted.

    These are the findings of every rule, with the setting that is behind each place, and what
    only typed settings show. What is said twice of one place by one id is said once.
    """
    found = [
        *settings_problems(settings, place),
        *_findings(settings, place, today, suppressions),
    ]
    return tuple(sorted({(problem.place, problem.id): problem for problem in found[::-1]}.values()))


def settings_problems(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield what is wrong with settings and no rule about a configuration can see."""
    yield from gateway.settings_checks.problems(settings, place)
    yield from fly.checks.problems(settings, place)


def configuration_as_deployed(settings: Settings, *, today: date) -> Configuration:
    """Return what the settings say, with the secrets that a deployment sets."""
    names = frozenset(secret.name for secret in required_secrets(settings))
    return configuration_of(settings, secrets=names, today=today)


def spellings(path: Path, settings: Settings) -> tuple[str, ...]:
    """Return what a suppression may call a place: the setting behind it, or LiteLLM's own key."""
    return (settings_path(path, settings), spell(path[1:]), spell(path))


def _findings(
    settings: Settings, place: Place, today: date, suppressions: Sequence[Suppression]
) -> Iterator[Problem]:
    found = applied(
        check(configuration_as_deployed(settings, today=today)),
        suppressions,
        spellings=lambda path: spellings(path, settings),
        environment=settings.environment,
        today=today,
    )
    yield from found.problems
    for result in found.kept:
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
    query_key = query_key_name(settings)
    if query_key is not None:
        needed.setdefault(query_key, "posthog.query: reads the events of a proof back")
    return needed
