"""What Fly accepts in a machine's configuration and in names; the rest is refused with 422."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.api.context import Context
from sandbox.api.errors import failed_precondition, rejected
from sandbox.durations import seconds
from sandbox.interfaces import ImageError, MachineRecord
from sandbox.records import AppRecord

REGION_CODES = """
    ams arn atl bog bom bos cdg den dfw ewr eze fra gdl gig gru hkg iad jnb lax lhr mad mia nrt ord
    otp phx qro scl sea sin sjc syd waw yul yyz
"""
REGIONS = frozenset(REGION_CODES.split())
# cpu_kind -> numbers of CPUs, smallest and largest memory per CPU in MB
GUESTS: Mapping[str, tuple[frozenset[int], int, int]] = {
    "shared": (frozenset({1, 2, 4, 8}), 256, 2048),
    "performance": (frozenset({1, 2, 4, 8, 16}), 2048, 8192),
}
GPU_KINDS = frozenset({"a10", "a100-pcie-40gb", "a100-sxm4-80gb", "l40s"})
DEFAULT_GUEST = {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}
MEMORY_STEP_MB = 256
SIGNALS = frozenset({"SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM"})
RESTART_POLICIES = frozenset({"no", "always", "on-failure"})
LABEL = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
VOLUME_NAME = re.compile(r"^[a-z0-9_]{1,30}$")
SECRET_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def check_region(region: object) -> str:
    """Accept a region that exists."""
    if not isinstance(region, str) or region not in REGIONS:
        raise rejected(f"region {region!r} does not exist")
    return region


def check_config(context: Context, config: object) -> dict[str, Any]:
    """Accept a whole machine configuration; what it mounts is looked at by `check_mounts`."""
    if not isinstance(config, dict):
        raise rejected("config is missing; a create and an update carry the whole configuration")
    image = config.get("image")
    if not isinstance(image, str) or not image:
        raise rejected("config.image is missing")
    try:
        context.lifecycle.resolve(image)
    except ImageError as error:
        raise rejected(f"config.image {image!r}: {error}") from error
    _check_guest({**DEFAULT_GUEST, **(config.get("guest") or {})})
    _check_restart(config.get("restart") or {})
    _check_stop_config(config.get("stop_config") or {})
    for section in ("env", "metadata"):
        _check_strings(section, config.get(section) or {})
    return config


def check_mounts(
    context: Context,
    app: AppRecord,
    region: str,
    config: Mapping[str, Any],
    machine: MachineRecord | None,
) -> None:
    """Accept mounts whose volume exists, lies in the region and hangs on no other machine.

    An update may not add, remove or exchange volumes: Fly attaches them at creation only.
    """
    mounts = config.get("mounts") or []
    if len(mounts) > 1:
        raise rejected("config.mounts: a machine has at most one volume")
    for mount in mounts:
        volume = context.state.volumes.get(str(mount.get("volume")))
        if volume is None or volume.app != app.name or not volume.usable:
            raise rejected(f"config.mounts: volume {mount.get('volume')!r} does not exist")
        if not str(mount.get("path") or "").startswith("/"):
            raise rejected(f"config.mounts: path {mount.get('path')!r} is not absolute")
        if volume.region != region:
            raise rejected(f"volume {volume.id} is in region {volume.region}, not {region}")
        holder = volume.attached_machine
        if holder is not None and (machine is None or holder != machine.id):
            raise rejected(f"volume {volume.id} is attached to machine {holder}")
    if machine is not None:
        held = {volume.id for volume in context.state.attached_volumes(machine.id)}
        if held != {mount["volume"] for mount in mounts}:
            raise rejected("config.mounts: the volumes of an existing machine cannot be changed")


def check_secrets_version(context: Context, app: AppRecord, body: Mapping[str, object]) -> int:
    """Say which version of the secrets the machine gets; 0 is none at all."""
    if body.get("skip_secrets"):
        return 0
    version = context.state.secrets.bag(app.name).version
    wanted = body.get("min_secrets_version") or 0
    if not isinstance(wanted, int):
        raise rejected(f"min_secrets_version {wanted!r} is not an integer")
    if wanted > version:
        raise failed_precondition(f"secrets version {wanted} is not there yet, only {version}")
    return version


def check_signal(signal: object) -> str | None:
    """Accept a signal Fly sends, or none."""
    if signal in (None, ""):
        return None
    if signal not in SIGNALS:
        raise rejected(f"signal {signal!r} is none of {', '.join(sorted(SIGNALS))}")
    return str(signal)


def check_duration(name: str, value: object) -> float:
    """Accept a duration, in seconds; none is 0."""
    try:
        return seconds(value)
    except ValueError as error:
        raise rejected(f"{name}: {error}") from error


def _check_guest(guest: Mapping[str, Any]) -> None:
    kind, cpus, memory_mb = guest["cpu_kind"], guest["cpus"], guest["memory_mb"]
    if kind not in GUESTS:
        raise rejected(f"guest.cpu_kind {kind!r} is neither shared nor performance")
    counts, low, high = GUESTS[kind]
    if cpus not in counts:
        raise rejected(f"guest.cpus {cpus!r} is none of {sorted(counts)} for {kind} CPUs")
    if not isinstance(memory_mb, int) or not low * cpus <= memory_mb <= high * cpus:
        raise rejected(
            f"guest.memory_mb {memory_mb!r} is outside {low * cpus}-{high * cpus}"
            f" for {cpus} {kind} CPUs"
        )
    if memory_mb % MEMORY_STEP_MB:
        raise rejected(f"guest.memory_mb {memory_mb} is no multiple of {MEMORY_STEP_MB}")
    gpu_kind = guest.get("gpu_kind")
    if gpu_kind is not None and gpu_kind not in GPU_KINDS:
        raise rejected(f"guest.gpu_kind {gpu_kind!r} is none of {', '.join(sorted(GPU_KINDS))}")


def _check_restart(restart: Mapping[str, Any]) -> None:
    policy = restart.get("policy", "on-failure")
    if policy not in RESTART_POLICIES:
        raise rejected(f"restart.policy {policy!r} is none of {sorted(RESTART_POLICIES)}")


def _check_stop_config(stop: Mapping[str, Any]) -> None:
    check_signal(stop.get("signal"))
    check_duration("stop_config.timeout", stop.get("timeout"))


def _check_strings(section: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            raise rejected(f"config.{section}.{name} is {type(value).__name__}, not a string")
