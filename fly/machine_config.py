"""How a fly.toml becomes machine configurations: exactly as flyctl does, without flyctl's notes.

What flyctl itself was seen to send stands in tests/unit/fly/machine_config_cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fly import guests
from fly.durations import UNITS_NS, seconds
from fly.toml_machine import (
    group_guest,
    machine_files,
    machine_mount,
    machine_restart,
    machine_static,
    table_guest,
)
from fly.toml_services import Groups, checks, services
from fly.toml_values import Reader, Table, go_text, kept, without_empty

DEFAULT_GROUP = "app"
RELEASE_COMMAND_GROUP = "fly_app_release_command"
PLATFORM_VERSION = "v2"  # without it flyctl does not look after a machine
DEFAULT_WAIT_S = 300  # deploy.wait_timeout
# Keys that hand parts of the machine over to another file: they have no equivalent here.
NOT_MAPPED = ("machine_config", "container")


@dataclass(frozen=True, slots=True)
class DeployInputs:
    """What a deployment knows besides the fly.toml: flyctl's command line and files.

    `image` and `primary_region` override the file's, `env` is added to it. `files` maps each
    local_path to its content. `extra_files` are rows of `config.files` that replace those with
    the same guest path. `volumes` maps a mount's source to the volume that this machine gets.
    `guest` is what a group without [[vm]] gets: the size of its running machines, or of --vm-size.
    """

    image: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    primary_region: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    extra_files: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    volumes: Mapping[str, str] = field(default_factory=dict)
    guest: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MachineRequest:
    """What a create or an update of a machine asks for."""

    config: Mapping[str, Any]
    region: str | None = None
    name: str | None = None
    skip_launch: bool = False
    skip_service_registration: bool = False
    skip_secrets: bool = False
    lease_ttl_s: int | None = None
    min_secrets_version: int | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON body; what is not asked is left out, as flyctl leaves it out."""
        body: dict[str, Any] = {"config": dict(self.config), "skip_secrets": self.skip_secrets}
        optional = {
            "region": self.region,
            "name": self.name,
            "skip_launch": self.skip_launch or None,
            "skip_service_registration": self.skip_service_registration or None,
            "lease_ttl": self.lease_ttl_s,
            "min_secrets_version": self.min_secrets_version,
        }
        return body | {key: value for key, value in optional.items() if value is not None}


def machine_config(
    toml: Table,
    group: str | None = None,
    inputs: DeployInputs | None = None,
    *,
    image: str | None = None,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Return the configuration of a machine of one process group.

    `group` None is the default group. `image` and `files` stand for inputs that hold nothing
    else. Raises `ProblemError` with everything that flyctl's
    deploy refuses, and with what is not mapped here; what flyctl passes on unseen is passed on.
    """
    inputs = inputs or DeployInputs(image=image, files=files or {})
    reader = Reader()
    groups = _groups(reader, toml)
    group = group or groups.default
    mounts = _matching(reader, toml, groups, group, "mounts", "mount")
    metrics = _matching(reader, toml, groups, group, "metrics", "metric")
    config = {
        "env": _env(reader, toml, inputs, group),
        "init": _init(reader, toml, group),
        "guest": group_guest(reader, toml, groups, group, inputs.guest),
        "metadata": _metadata(group),
        "mounts": [machine_mount(reader, row, inputs.volumes) for row in mounts],
        "services": services(reader, toml, groups, group),
        "metrics": kept(metrics[0], ["port", "path", "https"]) if metrics else None,
        "checks": checks(reader, toml, groups, group),
        "statics": [machine_static(row) for row in reader.tables(toml.get("statics"), "statics")],
        "image": _image(reader, toml, inputs),
        "files": machine_files(reader, toml, inputs.files, inputs.extra_files),
        "restart": machine_restart(reader, _matching(reader, toml, groups, group, "restart")),
        "stop_config": _stop_config(reader, toml),
    }
    reader.check()
    return {"init": {}, **without_empty(config)}


def release_command_config(
    toml: Table, inputs: DeployInputs | None = None
) -> dict[str, Any] | None:
    """Return the configuration of the machine that runs deploy.release_command; None without."""
    inputs = inputs or DeployInputs()
    reader = Reader()
    deploy = reader.table(toml.get("deploy"), "deploy")
    command = reader.words(deploy.get("release_command", ""), "deploy.release_command")
    if not command and not reader.problems:
        return None
    experimental = reader.table(toml.get("experimental"), "experimental")
    entrypoint = reader.strings(experimental.get("entrypoint"), "experimental.entrypoint")
    vm = reader.table(deploy.get("release_command_vm"), "deploy.release_command_vm")
    guest = guests.guest("shared-cpu-2x")  # also where [[vm]] says more: Fly's own default
    if vm:
        guest = table_guest(reader, vm, "deploy.release_command_vm", toml.get("host_dedication_id"))
    config = {
        "env": {**_env(reader, toml, inputs, RELEASE_COMMAND_GROUP), "RELEASE_COMMAND": "1"},
        "init": without_empty(
            {"cmd": command, "entrypoint": entrypoint, "swap_size_mb": toml.get("swap_size_mb")}
        ),
        "guest": guest,
        "metadata": _metadata(RELEASE_COMMAND_GROUP),
        "image": _image(reader, toml, inputs),
        "files": machine_files(reader, toml, inputs.files, inputs.extra_files),
        "restart": {"policy": "no"},
        "auto_destroy": True,
        "dns": {"skip_registration": True},
        "stop_config": _stop_config(reader, toml),
    }
    reader.check()
    return {"init": {}, **without_empty(config)}


def machine_requests(
    toml: Table, inputs: DeployInputs | None = None, *, ha: bool = False
) -> tuple[MachineRequest, ...]:
    """Return the creates of a first deployment, in flyctl's order.

    The release command's machine comes first, then one for each group; with `ha` two for a group
    that has services. (A group without services then gets a standby of its first machine: see
    `standby_request`, which needs that machine's id.)
    """
    inputs = inputs or DeployInputs()
    region = inputs.primary_region or toml.get("primary_region")
    made = []
    release = release_command_config(toml, inputs)
    if release is not None:
        made.append(MachineRequest(release, region, skip_launch=True))
    for group in process_groups(toml):
        config = machine_config(toml, group, inputs)
        request = MachineRequest(config, region, lease_ttl_s=wait_timeout_s(toml))
        made += [request] * (2 if ha and config.get("services") else 1)
    return tuple(made)


def standby_request(request: MachineRequest, machine_id: str) -> MachineRequest:
    """Return the create of a machine that starts only when the given one's host fails."""
    config = dict(request.config)
    config["env"] = {**config.get("env", {}), "FLY_STANDBY_FOR": machine_id}
    config["standbys"] = [machine_id]
    return MachineRequest(config, request.region, skip_launch=True, lease_ttl_s=request.lease_ttl_s)


def process_groups(toml: Table) -> tuple[str, ...]:
    """Return the names of the process groups, sorted; `("app",)` without [processes]."""
    return tuple(sorted(toml.get("processes") or ())) or (DEFAULT_GROUP,)


def wait_timeout_s(toml: Table) -> int:
    """Return deploy.wait_timeout in whole seconds; 300 when not set."""
    reader = Reader()
    deploy = reader.table(toml.get("deploy"), "deploy")
    text = reader.duration(deploy, "wait_timeout", "deploy")
    reader.check()
    return DEFAULT_WAIT_S if text is None else int(seconds(text))


def _groups(reader: Reader, toml: Table) -> Groups:
    for key in NOT_MAPPED:
        if toml.get(key) or (toml.get("experimental") or {}).get(key):
            expected = "this key hands the machine over to another file, which is not mapped here"
            reader.refuse(key, "", expected, "say the same with fly.toml's own keys")
    names = process_groups(toml)
    return Groups(names, DEFAULT_GROUP if DEFAULT_GROUP in names else names[0])


def _matching(reader: Reader, toml: Table, groups: Groups, group: str, *keys: str) -> list[Table]:
    rows = [row for key in keys for row in reader.tables(toml.get(key), key)]
    return [row for row in rows if groups.match(group, row)]


def _env(reader: Reader, toml: Table, inputs: DeployInputs, group: str) -> dict[str, str]:
    env = {}
    for name, value in reader.table(toml.get("env"), "env").items():
        if isinstance(value, Mapping | list):
            reader.refuse(f"env.{name}", value, "one value was expected", "write it as a string")
        env[name] = go_text(value)
    region = inputs.primary_region or toml.get("primary_region")
    derived = {"FLY_PROCESS_GROUP": group} | ({"PRIMARY_REGION": region} if region else {})
    return env | dict(inputs.env) | derived


def _init(reader: Reader, toml: Table, group: str) -> dict[str, Any]:
    processes = reader.table(toml.get("processes"), "processes")
    experimental = reader.table(toml.get("experimental"), "experimental")
    own: dict[str, Any] = {
        key: reader.strings(experimental.get(key), f"experimental.{key}")
        for key in ("entrypoint", "exec", "cmd")
    }
    command = reader.words(processes.get(group, ""), f"processes.{group}")
    return without_empty(
        {**own, "cmd": command or own["cmd"], "swap_size_mb": toml.get("swap_size_mb")}
    )


def _metadata(group: str) -> dict[str, str]:
    return {"fly_platform_version": PLATFORM_VERSION, "fly_process_group": group}


def _image(reader: Reader, toml: Table, inputs: DeployInputs) -> str:
    image = inputs.image or reader.table(toml.get("build"), "build").get("image")
    if not image:
        reader.refuse("build.image", "", "an image was expected", "name one, with its digest")
    return str(image)


def _stop_config(reader: Reader, toml: Table) -> dict[str, Any]:
    timeout = reader.duration(toml, "kill_timeout", "", number_ns=UNITS_NS["s"])
    return without_empty({"timeout": timeout, "signal": toml.get("kill_signal")})
