"""Which setting stands behind a property that moved, and what it would have to be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.configuration import settings_path
from components.recorded import Recorded, last_applied
from fly.differences import MISSING, Step, differences
from fly.durations import parse_ns
from gateway.render import PATH_IN_MACHINE as YAML_IN_MACHINE
from ops.drift_findings import Finding
from ops.drift_values import file_bytes
from stacks.paths import Path, parse, spell
from stacks.secrecy import may_be_secret
from stacks.settings import Settings

NANOSECONDS = 1_000_000_000
_CHAINS = frozenset({"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"})
_SERVICE: Mapping[str, Path] = {
    "autostop": ("fly", "auto_stop"),
    "min_machines_running": ("fly", "min_machines_running"),
}
_MACHINE: Mapping[tuple[Step, ...], Path] = {
    ("guest", "memory_mb"): ("fly", "memory_mb"),
    ("guest", "cpus"): ("fly", "vm", "cpus"),
    ("guest", "cpu_kind"): ("fly", "vm", "cpu_kind"),
    ("stop_config", "signal"): ("fly", "kill", "signal"),
    ("metrics", "port"): ("metrics", "port"),
    ("metrics", "path"): ("metrics", "path"),
}
_CHECK: Mapping[Step, Path] = {
    "path": ("fly", "check", "path"),
    "interval": ("fly", "check", "interval_s"),
    "timeout": ("fly", "check", "timeout_s"),
    "grace_period": ("fly", "check", "grace_period_s"),
}
_MAX_CONNECTIONS = re.compile(r"max_connections=(\d+)")


class NoSetting(Exception):  # noqa: N818 - what is so, not a fault of ours
    """Raised when no setting can say what is there; the text says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A setting and the value that it should have; None takes a key out of what is shared."""

    path: Path
    value: Any

    @property
    def spelled(self) -> str:
        """The setting as people write it."""
        return spell(self.path)


def wishes(
    settings: Settings,
    finding: Finding,
    findings: Sequence[Finding],
    recorded: Sequence[Recorded],
) -> tuple[Wish, ...]:
    """Return what would have to be set; raises `NoSetting` where nothing can be.

    `findings` are all of the look: how many machines a region has is seen from all of them.
    """
    what = finding.handle
    if what.kind:
        raise NoSetting(_UNSAID.get(what.kind, "no setting declares it"))
    match what.resource_kind, what.steps:
        case "Release", ("machines", str(slot)):
            return (_count(settings, slot, findings),)
        case "Release", ("machines", str(), *rest):
            return _of_machine(settings, tuple(rest), what.value, finding, recorded)
        case "DataMachine", ("config", *rest):
            return (_of_data_machine(finding, tuple(rest), what.value),)
        case "ManagedCluster", (("plan" | "disk_size_gb" | "pg_major_version") as key,):
            return (Wish(("postgres", "managed", str(key)), what.value),)
        case "Volume", ("size_gb",):
            return (Wish((store_of(finding.resource), "machine", "volume_gb"), what.value),)
        case _:
            raise NoSetting(_UNSAID.get(what.resource_kind, "no setting decides it"))


_UNSAID = {
    "machine": "it belongs to no release; declare it in a program of its own, or --heal",
    "address": "an environment has the two public addresses that it needs",
    "certificate": "add it to `fly.hostnames` by hand",
    "volume": "the gateway's machines have no volumes",
    "secret": "a setting has to need it before it can be declared",
    "disk": "files come from the settings, not from a disk",
    "Secrets": "values are no settings: pulumi config set --secret, then gateway deploy",
    "App": "an app that is gone cannot be kept",
    "Certificate": "a host name that is gone cannot be kept: take it out of `fly.hostnames`",
    "IpAssignment": "an address that is gone cannot be kept",
    "Database": "role and database are named by settings, which would name others",
    "ExistingDatabase": "what is in the cluster is not decided here",
    "ManagedCluster": "a cluster that is gone cannot be kept",
    "ManagedDatabase": "a database that is gone cannot be kept",
    "ManagedUser": "Fly has the password; gateway deploy takes it",
}


def _count(settings: Settings, slot: str, findings: Sequence[Finding]) -> Wish:
    """Return how many machines the slot's region really has."""
    region = slot.rsplit("-", 1)[0]
    count = settings.fly.regions.get(region, 0)
    for finding in findings:
        match finding.handle.steps:
            case ("machines", str(other)) if other.rsplit("-", 1)[0] == region:
                count += -1 if finding.handle.value is MISSING else 1
    if count < 1:
        raise NoSetting(f"no machine is left in {region}: remove fly.regions.{region} by hand")
    return Wish(("fly", "regions", region), count)


def _of_machine(  # noqa: PLR0911 - one line a property
    settings: Settings,
    steps: tuple[Step, ...],
    value: Any,
    finding: Finding,
    recorded: Sequence[Recorded],
) -> tuple[Wish, ...]:
    match steps:
        case ("env", str(name)):
            return (_variable(name, value),)
        case ("files", path) if path == YAML_IN_MACHINE:
            return _of_yaml(settings, finding, recorded)
        case ("services", 0, "concurrency", str(key)):
            return (Wish(("fly", "concurrency", key), _there(value)),)
        case ("services", 0, "checks", 0, str(key)) if key in _CHECK:
            return (Wish(_CHECK[key], value if key == "path" else _seconds(value)),)
        case ("services", 0, "autostop") if value is MISSING:
            return (Wish(_SERVICE["autostop"], "off"),)
        case ("services", 0, str(key)) if key in _SERVICE:
            return (Wish(_SERVICE[key], _there(value)),)
        case ("stop_config", "timeout"):
            return (Wish(("fly", "kill", "timeout_s"), _seconds(value)),)
        case ("image",):
            return (_image(settings, str(value)),)
        case _ if steps in _MACHINE:
            return (Wish(_MACHINE[steps], _there(value)),)
        case _:
            raise NoSetting("no setting decides it alone")


def _variable(name: str, value: Any) -> Wish:
    if isinstance(value, str) and may_be_secret(("env", name), value):
        raise NoSetting("it may hold a secret: set it as one, under a name in `secrets`")
    return Wish(("server", "environment", name), None if value is MISSING else value)


def _image(settings: Settings, reference: str) -> Wish:
    repository, _, version = reference.partition(":v")
    if repository != settings.image.reference.partition(":")[0] or not version:
        raise NoSetting("another image is a decision: set image.repository and image.version")
    number, _, digest = version.partition("@")
    same_version = number == settings.image.version
    return Wish(("image", "digest"), digest) if same_version else Wish(("image", "version"), number)


def _of_data_machine(finding: Finding, steps: tuple[Step, ...], value: Any) -> Wish:
    store = store_of(finding.resource)
    match steps:
        case ("guest", "memory_mb"):
            return Wish((store, "machine", "memory_mb"), _there(value))
        case ("image",):
            return Wish((store, "image"), _there(value))
        case ("init", "cmd", int()) if store == "postgres":
            found = _MAX_CONNECTIONS.fullmatch(str(value))
            if found:
                return Wish(("postgres", "max_connections"), int(found[1]))
    raise NoSetting("no setting decides it alone")


def _of_yaml(
    settings: Settings, finding: Finding, recorded: Sequence[Recorded]
) -> tuple[Wish, ...]:
    """Return the settings behind each key of LiteLLM's file that is another there."""
    slot = finding.handle.steps[1]
    applied = (last_applied(each) for each in recorded if each.name == finding.resource)
    inputs: Any = next(applied)
    texts = (inputs["machines"][slot]["files"][YAML_IN_MACHINE], finding.handle.value)
    try:
        before, after = (
            yaml.load(file_bytes(text) or b"", Loader=yaml.CSafeLoader) for text in texts
        )
    except (yaml.YAMLError, UnicodeDecodeError):
        raise NoSetting("the file that is there is no YAML") from None
    wished: dict[Path, Any] = {}
    for found in differences(before, after):
        match found.steps:
            case (str(section), str(key), *_) if key in _CHAINS:
                wished |= _chains(section, key, before, after)
            case ("model_list", *_):
                raise NoSetting("its models differ: they are declared in stacks/gateway.py")
            case _:
                wished[parse(settings_path(("litellm", *found.steps), settings))] = _plain(found)
    if not wished:
        raise NoSetting("it says the same in another way")
    return tuple(Wish(path, value) for path, value in wished.items())


def _plain(found: Any) -> Any:
    if isinstance(found.after, str) and may_be_secret(found.steps, found.after):
        raise NoSetting("it may hold a secret: settings hold the names of secrets only")
    return None if found.after is MISSING else found.after


def _chains(section: str, key: str, before: Any, after: Any) -> dict[Path, Any]:
    """Return the chains that differ, by source; None for one that is gone."""
    try:
        old, new = (
            {
                source: chain
                for entry in side[section].get(key) or []
                for source, chain in entry.items()
            }
            for side in (before, after)
        )
    except (AttributeError, KeyError, TypeError):
        raise NoSetting(f"{section}.{key} is no list of chains there") from None
    return {
        (section, key, source): new.get(source)
        for source in sorted(old.keys() | new.keys())
        if old.get(source) != new.get(source)
    }


def store_of(resource: str) -> str:
    """Return which of the two data stores a resource is part of, by the name it is given."""
    return "postgres" if "-postgres-" in resource else "redis"


def _there(value: Any) -> Any:
    if value is MISSING:
        raise NoSetting("it is not set there, and the setting always says something")
    return value


def _seconds(value: Any) -> int:
    try:
        return parse_ns(str(value)) // NANOSECONDS
    except ValueError:
        raise NoSetting("it is no number of seconds") from None
