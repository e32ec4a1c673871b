"""How a fly.toml becomes settings of an environment, and what of it stays as it is."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fly import guests
from fly.equivalence import gateway_group, sizes
from fly.importing_service import import_service
from fly.importing_table import ImportedFly, TomlTable, fits, left
from fly.toml import GROUP
from fly.toml_values import go_text
from stacks.importing import Change, Kind
from stacks.values import AppName, MebiBytes, RegionCode, Strategy

CONFIG_FILE = "litellm_config.yaml"  # rendered and shipped by every release, as the proof is
_SHIPPED = re.compile(r"(?:^|/)(?:[^/]+\.ya?ml|gateway_proof\.[a-z]+)$")
# Fly's own, where a fly.toml says nothing (facts on Fly.io, section 1).
_KILL = {"signal": "SIGINT", "timeout_s": 5}
_WITHOUT_EFFECT = {
    "mounts": "nothing here makes its volume: left out",
    "mount": "nothing here makes its volume: left out",
}
_NOT_RUN = "kept, but no deployment of this project does it"


def import_fly(toml: Mapping[str, Any]) -> ImportedFly:
    """Return the settings that render this fly.toml; `toml` is plain data.

    What Fly does where a key is missing is written out, so that the project's own defaults do not
    change it: signals, size, strategy.
    """
    whole, made, extras = TomlTable(toml, ("fly",)), ImportedFly(), dict[str, Any]()
    app = whole.take("app", AppName)
    if app is not None:
        made.fly["app"] = app
    made.fly["kill"] = {
        "signal": whole.take("kill_signal", _SIGNALS) or _KILL["signal"],
        "timeout_s": whole.seconds("kill_timeout") or _KILL["timeout_s"],
    }
    _deploy(whole, made, extras)
    _build(whole, made, extras)
    _processes(whole, made, extras)
    _environment(whole, made)
    import_service(whole, made, extras)
    _regions(whole, made)
    _files(whole, made, extras)
    made.metrics = [dict(row) for row in whole.rows("metrics", "metric")]
    _vm(whole, sizes(toml), made, extras)
    for key, why in _WITHOUT_EFFECT.items():
        if whole.rest.pop(key, None):
            whole.lose(key, why)
    extras |= whole.keep()
    if extras:
        made.fly["extras"] = extras
    made.changes += whole.changes
    return made


def _deploy(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    deploy = whole.table("deploy")
    strategy = deploy.rest.pop("strategy", Strategy.ROLLING.value)
    if not fits(Strategy, strategy):
        deploy.lose("strategy", "no deployment here does it: rolling is written")
        strategy = Strategy.ROLLING.value
    made.fly["strategy"] = strategy
    wait = deploy.seconds("wait_timeout")
    made.fly |= {} if wait is None else {"wait_timeout_s": wait}
    for key in deploy.rest:
        deploy.lose(key, _NOT_RUN)
    left(deploy, made, extras, "deploy")


def _build(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    build = whole.table("build")
    made.image = build.take("image", str)
    for key in build.rest:
        build.lose(key, _NOT_RUN)
    left(build, made, extras, "build")


def _processes(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    """Take the group that runs LiteLLM; it becomes the one that a deployment rolls out."""
    groups = whole.table("processes")
    for name in [name for name, line in groups.rest.items() if not isinstance(line, str)]:
        del groups.rest[name]
        groups.lose(name, "one command line was expected: left out")
    chosen = gateway_group(groups.rest)
    if chosen is not None:
        made.command = groups.rest.pop(chosen)
        if chosen != GROUP:
            groups.lose(chosen, f"the process group is called {GROUP}")
        if groups.rest.pop(GROUP, None) is not None:
            groups.lose(GROUP, "the group that runs LiteLLM takes its name: left out")
        for name in groups.rest:
            groups.lose(name, f"kept, but only the group {GROUP} is deployed")
    left(groups, made, extras, "processes")


def _environment(whole: TomlTable, made: ImportedFly) -> None:
    env = whole.table("env")
    made.changes += env.changes
    for name, value in env.rest.items():
        if isinstance(value, Mapping | list):
            said = "one value was expected: left out"
            made.changes.append(Change(("environment", name), Kind.LOST, said))
        else:
            made.environment[name] = go_text(value)


def _regions(whole: TomlTable, made: ImportedFly) -> None:
    """Count as many machines as must run; without effect on the rest, unless machines stop."""
    region, least = whole.take("primary_region", RegionCode), made.fly["min_machines_running"]
    count = max(least, 1)
    if region is not None:
        made.fly["regions"] = {region: count}
    if (least == count and region is not None) or "auto_stop" not in made.fly:
        del made.fly["min_machines_running"]


def _files(whole: TomlTable, made: ImportedFly, extras: dict[str, Any]) -> None:
    kept = []
    for row in whole.rows("files"):
        path = ("fly", "files", str(row.get("guest_path")))
        if _SHIPPED.search(str(row.get("local_path", ""))):
            said = f"{CONFIG_FILE} is rendered and shipped with every release"
            made.changes.append(Change(path, Kind.SAME, said))
        elif row.get("local_path"):
            said = "only rendered files are shipped: left out; bake it into the image"
            made.changes.append(Change(path, Kind.LOST, said))
        else:
            kept.append({**row, "processes": [GROUP]})
            made.changes.append(Change(path, Kind.EXTRA, "kept as it stands in fly.extras.files"))
    if kept:
        extras["files"] = kept


def _vm(
    whole: TomlTable,
    rows: Sequence[Mapping[str, Any]],
    made: ImportedFly,
    extras: dict[str, Any],
) -> None:
    """Take the table of our group's size; Fly's smallest machine where there is none."""
    whole.rows("vm", "compute", "computes")
    chosen, *others = rows or [{}]
    vm = TomlTable(chosen, ("fly", "vm", 0))
    vm.rest.pop("processes", None)
    size = vm.take("size", str) or guests.DEFAULT_SIZE
    memory = _memory(vm, size)
    made.fly |= {"size": size} | ({} if memory is None else {"memory_mb": memory})
    rest = vm.keep("kept as it stands in fly.vm")
    made.fly |= {"vm": rest} if rest else {}
    made.changes += vm.changes
    if others:
        extras["vm"] = [dict(row) for row in others]
        said = f"kept, but only the group {GROUP} is deployed"
        made.changes.append(Change(("fly", "vm", 1), Kind.LOST, said))


def _memory(vm: TomlTable, size: str) -> int | None:
    value = vm.rest.pop("memory", None)
    value = vm.rest.pop("memory_mb", None) if value is None else value
    if value is None:
        known = guests.SIZES.get(size)
        if known is None:
            vm.lose("memory", "Fly has no size of this name: its memory is not known")
        return None if known is None else known.memory_mb
    try:
        found = guests.memory_mb(value)
    except (TypeError, ValueError):
        found = 0
    if not fits(MebiBytes, found):
        vm.lose("memory", "no size of memory: left out")
        return None
    return found


_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT")
