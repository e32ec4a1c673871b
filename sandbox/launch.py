"""What a machine's configuration becomes when it starts: environment, words, files, mounts."""

import base64
import binascii
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.interfaces import Launch, MachineRecord
from sandbox.substitution import (
    below,
    with_app_addresses,
    with_host_paths,
    with_own_address,
    with_own_loopback,
)


class LaunchError(Exception):
    """A configuration cannot be started as it stands; the text says which part and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine lives: its own directory, those of the volumes, the apps' addresses."""

    directory: Path
    volumes: Path
    addresses: Mapping[str, str]

    @property
    def rootfs(self) -> Path:
        """The directory that stands for the machine's file system."""
        return self.directory / "rootfs"


def launch_of(machine: MachineRecord, secrets: Mapping[str, str], place: Place) -> Launch:
    """Describe the start of `machine`: everything substituted, secrets over `config.env`."""
    config = machine.config
    words = Words(machine, place)
    init = config.get("init") or {}
    command = init.get("exec") or [*(init.get("entrypoint") or []), *(init.get("cmd") or [])]
    mount = next(iter(config.get("mounts") or []), None)
    environment = {
        str(name): words.value(str(value))
        for name, value in {**(config.get("env") or {}), **secrets}.items()
    }
    return Launch(
        machine_id=machine.id,
        address=machine.address,
        rootfs=place.rootfs,
        environment={**environment, **_fly_environment(machine)},
        command=tuple(words.value(str(word)) for word in command),
        ports=internal_ports(config),
        volume=place.volumes / mount["volume"] if mount and mount.get("volume") else None,
        volume_path=mount.get("path") if mount else None,
    )


def exec_words(machine: MachineRecord, command: Iterable[str], place: Place) -> tuple[str, ...]:
    """Return a command as it runs inside `machine`: its loopback is the machine itself."""
    words = Words(machine, place)
    ports = internal_ports(machine.config)
    return tuple(with_own_loopback(words.value(word), machine.address, ports) for word in command)


def write_files(machine: MachineRecord, secrets: Mapping[str, str], place: Place) -> None:
    """Write `config.files` and the link to the volume below the rootfs; blocking.

    Files are 0600 and directories 0700. Raises `LaunchError` when a text cannot be had.
    """
    for mount in machine.config.get("mounts") or []:
        if mount.get("volume") and mount.get("path"):
            _link(below(place.rootfs, mount["path"]), place.volumes / mount["volume"])
    for entry in machine.config.get("files") or []:
        path = below(place.rootfs, str(entry.get("guest_path", "")))
        content = _content(entry, secrets)
        with contextlib.suppress(UnicodeDecodeError):  # no text: nothing to substitute
            content = with_app_addresses(content.decode(), place.addresses).encode()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)


def internal_ports(config: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the internal ports that services, top-level checks and metrics name, ascending."""
    metrics = config.get("metrics") or []
    named = [service.get("internal_port") for service in config.get("services") or []]
    named += [check.get("port") for check in (config.get("checks") or {}).values()]
    named += [entry.get("port") for entry in (metrics if isinstance(metrics, list) else [metrics])]
    return tuple(sorted({int(port) for port in named if port}))


class Words:
    """The substitutions of one machine, for words of its command and values of its environment."""

    def __init__(self, machine: MachineRecord, place: Place) -> None:
        config = machine.config
        self._address = machine.address
        self._place = place
        self._files = [str(entry.get("guest_path", "")) for entry in config.get("files") or []]
        self._folders = [str(mount.get("path", "")) for mount in config.get("mounts") or []]

    def value(self, text: str) -> str:
        """Return one word with apps, the machine's address and guest paths in their places."""
        text = with_app_addresses(text, self._place.addresses)
        text = with_own_address(text, self._address)
        return with_host_paths(text, self._place.rootfs, files=self._files, folders=self._folders)


def _fly_environment(machine: MachineRecord) -> dict[str, str]:
    config = machine.config
    metadata = config.get("metadata") or {}
    guest = config.get("guest") or {}
    image = machine.image
    return {
        "FLY_APP_NAME": machine.app,
        "FLY_MACHINE_ID": machine.id,
        "FLY_ALLOC_ID": machine.id,
        "FLY_MACHINE_VERSION": machine.instance_id,
        "FLY_REGION": machine.region,
        "FLY_PRIVATE_IP": machine.address,
        "FLY_PROCESS_GROUP": str(metadata.get("fly_process_group") or "app"),
        "FLY_IMAGE_REF": f"{image.registry}/{image.repository}:{image.tag}",
        "FLY_VM_MEMORY_MB": str(guest.get("memory_mb") or 256),
        "PRIMARY_REGION": str((config.get("env") or {}).get("PRIMARY_REGION") or machine.region),
    }


def _content(entry: Mapping[str, Any], secrets: Mapping[str, str]) -> bytes:
    path = entry.get("guest_path")
    if not path:
        raise LaunchError("files: an entry has no guest_path")
    name = entry.get("secret_name")
    if name and name not in secrets:
        raise LaunchError(f"files: {path} is to hold the secret {name}, which the app has not set")
    encoded = secrets[name] if name else entry.get("raw_value") or ""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        source = f"the secret {name}" if name else "raw_value"
        raise LaunchError(f"files: {path}: {source} is not base64") from None


def _link(path: Path, volume: Path) -> None:
    volume.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_symlink():
        path.unlink()
    path.symlink_to(volume, target_is_directory=True)
