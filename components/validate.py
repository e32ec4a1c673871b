"""All that can be known to be wrong with an environment before anything is asked of Fly."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import fly.checks
import gateway.checks
from gateway.secret_names import required_secrets
from stacks.completeness import missing_secrets, unneeded_secrets
from stacks.config_file import read_config_file
from stacks.load import Loaded, RawConfig, load_settings
from stacks.places import Place
from stacks.problem import Problem
from stacks.settings import Settings


def load_checked(
    environment: str, raw: RawConfig, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Return the environment's settings; `ProblemError` holds all that is wrong with them.

    `environ` is where secrets whose source is `environment` are looked for. Without it no secret
    is asked for: enough to render and read, not to deploy.
    """

    def secrets(settings: Settings, place: Place) -> Iterable[Problem]:
        needed = needed_secrets(settings)
        names = raw.secret_names
        yield from unneeded_secrets(needed, settings, place, secret_names=names)
        if environ is not None:
            yield from missing_secrets(needed, settings, place, secret_names=names, environ=environ)

    checks = (gateway.checks.problems, fly.checks.problems, secrets)
    return load_settings(environment, raw, checks=checks)


def load_checked_file(
    root: Path, environment: str, environ: Mapping[str, str] | None = None
) -> Loaded:
    """Do the same with what `Pulumi.<environment>.yaml` in `root` says."""
    return load_checked(environment, read_config_file(root, environment), environ)


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
