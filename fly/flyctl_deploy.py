"""One deployment by flyctl: what is put right before it, the run itself, what is noted after it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fly.flyctl import (
    GET_IT,
    SUPPORTED,
    FlyctlVersion,
    deploy_arguments,
    read_version,
    told_release,
    validate_arguments,
    version_arguments,
)
from fly.flyctl_deployment import Deployment, Outcome
from fly.flyctl_judgement import Judgement, Leftover, judge, removable
from fly.flyctl_notes import note_after, note_before
from fly.flyctl_run import Progress, Run, own_folder
from fly.migration import run_migration
from fly.release import Phase, phase_of
from fly.replies import Machine

if TYPE_CHECKING:
    from fly.api import FlyApi

QUICK_S = 60.0  # for what asks no network
SLOWEST_EXTRAS_S = 300.0  # of a deployment, beside its machines: leases, lists, image, release


class FlyctlRefusedError(Exception):
    """flyctl was not allowed to begin, or would not: nothing was touched. The text says why."""


def deploy(
    api: "FlyApi",
    deployment: Deployment,
    run: Run,
    environ: Mapping[str, str],
    *,
    progress: Progress,
) -> Outcome:
    """Deploy with flyctl and note what it touched; whether it did well is for others to judge.

    Machines that are what is wanted already are left alone: flyctl would restart every one of them.
    What an interrupted deployment left is removed first, and its leases are waited out. Raises
    `FlyctlRefusedError`, `MigrationFailedError` or what the API raises when nothing was touched,
    `InterruptedFlyctlError` from `run`, and again what the API raises while machines are noted.
    """
    hidden = tuple(filter(None, (environ.get("FLY_API_TOKEN", "").strip(),)))
    release = deployment.release
    with own_folder() as place:
        version = _version(run, place, environ)
        _validate(run, deployment, place, environ, hidden)
        found = judge(api.machines.list(release.app), release)
        if _is_there(found):
            progress(f"flyctl has nothing to do: every machine has {_name(deployment)} already")
            return Outcome(None, version.text)
        _tidy(api, deployment, removable(found.all), progress)
        machines = judge(api.machines.list(release.app), release).all
        _wait_for_leases(api, deployment, machines, progress)
        if deployment.migration is not None:
            run_migration(api, release, deployment.migration, progress=progress)
        note_before(api, release.app, machines)
        progress(f"flyctl {version.text} deploys {_name(deployment)} ({release.strategy})")
        ran = run(
            deploy_arguments(release.app, deployment.image),
            folder=place,
            environ=environ,
            limit_s=_longest_s(deployment, len(machines)),
        )
    if ran.exit_code != 0:
        progress(f"flyctl deploy ended with {ran.exit_code}; Fly is asked what it did")
        for line in ran.tail(hidden).splitlines():
            progress(line)
    after = judge(api.machines.list(release.app), release).all
    touched = note_after(api, release, after, exit_code=ran.exit_code)
    progress(f"flyctl deployed {len(touched)} machines of {len(after)}")
    return Outcome(ran.exit_code, version.text, told_release(ran.stdout))


def _version(run: Run, place: Path, environ: Mapping[str, str]) -> FlyctlVersion:
    ran = run(version_arguments(), folder=place, environ=environ, limit_s=QUICK_S)
    try:
        version = read_version(ran.stdout)
    except ValueError as error:
        msg = f"error[flyctl.version] flyctl: {error}\n  nothing was touched\n  {GET_IT}"
        raise FlyctlRefusedError(msg) from None
    if not version.supported:
        raise FlyctlRefusedError(
            f'error[flyctl.version] flyctl = "{version.text}"\n'
            f"  {SUPPORTED} was expected: what others send was not looked at; nothing was touched\n"
            f"  {GET_IT}"
        )
    return version


def _validate(
    run: Run,
    deployment: Deployment,
    place: Path,
    environ: Mapping[str, str],
    hidden: tuple[str, ...],
) -> None:
    deployment.write(place)
    ran = run(validate_arguments(), folder=place, environ=environ, limit_s=QUICK_S)
    if ran.exit_code != 0:
        raise FlyctlRefusedError(
            f"error[flyctl.validate] app {deployment.release.app}: `flyctl config validate"
            f" --strict` ended with {ran.exit_code}; nothing was touched\n"
            f"{ran.tail(hidden)}\n"
            "  correct the setting that it names (`gateway render ENV` shows the fly.toml)"
        )


def _tidy(
    api: "FlyApi", deployment: Deployment, machines: tuple[Machine, ...], progress: Progress
) -> None:
    """Remove what a bluegreen deployment would count among the machines to replace."""
    release = deployment.release
    for machine in machines:
        progress(f"removing machine {machine.id} ({machine.region}), left by another deployment")
        with api.leases.held(
            release.app, machine.id, description=release.holder, progress=progress
        ) as lease:
            api.machines.delete(release.app, machine.id, nonce=lease.nonce)


def _wait_for_leases(
    api: "FlyApi", deployment: Deployment, machines: tuple[Machine, ...], progress: Progress
) -> None:
    """Wait until nobody holds a machine: an interrupted flyctl leaves leases of up to 300 s.

    flyctl itself gives up after 60 s, having made a release that failed.
    """
    release = deployment.release
    for machine in machines:
        if api.leases.view(release.app, machine.id) is None:
            continue
        with api.leases.held(
            release.app, machine.id, description=release.holder, progress=progress
        ):
            progress(f"machine {machine.id}: its lease is free")


def _is_there(found: Judgement) -> bool:
    """Tell whether a proof has passed on every machine; how many there are is not flyctl's work."""
    rest = all(kind is Leftover.SURPLUS for _, kind in found.leftovers)
    proven = all(phase_of(machine) is Phase.SERVING for machine in found.all)
    return found.carried_out and rest and proven


def _longest_s(deployment: Deployment, machines: int) -> float:
    """Return how long flyctl may take: each machine its time-out, also a second time, and more."""
    number = max(machines, sum(deployment.release.counts.values()))
    return deployment.release.wait_timeout_s * (2 * number + 1) + SLOWEST_EXTRAS_S


def _name(deployment: Deployment) -> str:
    return f"release {deployment.release.digest[:12]}"
