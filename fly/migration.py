"""How a release's database migration runs: once, on a machine of its own, before the rollout."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fly.errors import FlyWaitTimeout
from fly.health import last_event
from fly.machine_config import MachineRequest
from fly.release import Release
from fly.replies import Machine
from fly.sendable import sendable

if TYPE_CHECKING:
    from fly.api import FlyApi

MIGRATION_GROUP = "gateway_migration"
TIMEOUT_S = 300.0
KEPT_FROM_RELEASE = ("image", "files", "file_modes", "guest")


@dataclass(frozen=True, slots=True)
class Migration:
    """What is run: the words after the entrypoint, and the plain environment.

    `entrypoint` takes the place of the image's own, which runs where it is empty.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    entrypoint: Sequence[str] = ()


class MigrationFailedError(Exception):
    """The migration ended with an error; nothing of the release was created."""


def run_migration(
    api: "FlyApi",
    release: Release,
    migration: Migration,
    *,
    progress: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run the migration in the release's image with its files and secrets.

    A machine left by an interrupted run is destroyed first: two migrations never run at once.
    Raises `MigrationFailedError` when the exit code is not 0 or the time is over.
    """
    for left in api.machines.list(release.app):
        if left.group == MIGRATION_GROUP:
            api.machines.delete(release.app, left.id)
    started = clock()
    progress("migrating the database on a one-off machine")
    request = MachineRequest(
        config=_config(release, migration),
        region=next(iter(release.counts)),
        min_secrets_version=release.secrets_version or None,
    )
    machine = api.machines.create(release.app, request.body(), launch_id=uuid.uuid4().hex)
    try:
        api.machines.wait(
            release.app, machine.id, "stopped", instance_id=machine.instance_id, timeout_s=TIMEOUT_S
        )
    except FlyWaitTimeout as error:
        raise MigrationFailedError(_message(release, machine, "did not end")) from error
    ended = api.machines.get(release.app, machine.id)
    code = _exit_code(ended)
    if code != 0:
        raise MigrationFailedError(_message(release, ended, f"ended with {code}"))
    api.machines.delete(release.app, machine.id)
    progress(f"database migrated in {clock() - started:.0f} s")


def _config(release: Release, migration: Migration) -> dict[str, Any]:
    base: Mapping[str, Any] = release.config
    kept = {key: base[key] for key in KEPT_FROM_RELEASE if key in base}
    init = {"cmd": list(migration.command)}
    if migration.entrypoint:
        init["entrypoint"] = list(migration.entrypoint)
    form = {
        **kept,
        "init": init,
        "env": dict(migration.environment),
        "restart": {"policy": "no"},
        "metadata": {"fly_platform_version": "v2", "fly_process_group": MIGRATION_GROUP},
    }
    return sendable(form)


def _exit_code(machine: Machine) -> int | None:
    for event in machine.events:
        exit_event = (event.get("request") or {}).get("exit_event")
        if exit_event is not None:
            return int(exit_event.get("exit_code", 1))
    return None


def _message(release: Release, machine: Machine, what: str) -> str:
    return (
        f"app {release.app}, machine {machine.id}: the database migration {what} "
        f"({last_event(machine)})\n"
        "  nothing of the release was created; the machines before serve\n"
        f"  read `fly logs -a {release.app} --machine {machine.id}`, then run `pulumi up` again"
    )
