"""Which machine configurations mean the same: the one form that drift compares."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fly.durations import format_ns, parse_ns
from fly.guests import DEFAULT_SIZE, guest

# Metadata that tells which deployment made a machine, and when: new each time, and no drift.
BOOKKEEPING_METADATA = frozenset(
    {
        "fly_bluegreen_deployment_tag",
        "fly_canary",
        "fly_flyctl_bluegreen_launch_id",
        "fly_flyctl_version",
        "fly_release_id",
        "fly_release_version",
    }
)
OUR_METADATA_PREFIX = "gateway_"  # our own rollout's notes: launch id, release, phase
# Environment that follows from the process group and fly.toml's primary_region.
DERIVED_ENV = frozenset({"FLY_PROCESS_GROUP", "PRIMARY_REGION"})

# What Fly does when nothing is said: saying it changes nothing.
SERVICE_DEFAULTS = {"autostop": "off", "autostart": True, "min_machines_running": 0}
CONCURRENCY_DEFAULTS = {"type": "connections"}
CHECK_DEFAULTS = {
    "method": "GET",
    "protocol": "http",
    "tls_skip_verify": False,
    "kind": "informational",
}
RESTART_DEFAULTS = {"policy": "on-failure", "max_retries": 10}
AUTOSTOP = {False: "off", True: "stop"}  # Fly answers in the old form, and takes both

Part = Callable[[Any], Any]


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration in the form in which equal ones are equal.

    Left out: release bookkeeping, what follows from something else, what is Fly's default, and
    what is empty. Durations have one spelling, files are text by guest path, and lists whose order
    means nothing are sorted. The form of a form is itself; keys that are not known here stay.
    Raises nothing for strange values: those stay as they are.
    """
    parts = {key: PARTS.get(key, _pruned)(value) for key, value in config.items()}
    modes = _file_modes(config.get("files"))
    if modes:
        parts["file_modes"] = modes
    if "image" in config and _is_nothing(parts.get("guest")):
        parts["guest"] = guest(DEFAULT_SIZE)
    return {key: parts[key] for key in sorted(parts) if not _is_nothing(parts[key])}


def _env(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    return {k: value[k] for k in sorted(value) if k not in DERIVED_ENV and value[k] is not None}


def _metadata(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    return {
        key: value[key]
        for key in sorted(value)
        if key not in BOOKKEEPING_METADATA and not key.startswith(OUR_METADATA_PREFIX)
    }


def _guest(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    return _pruned({**value, "gpus": value.get("gpus") or None})


def _services(value: Any) -> Any:
    return _sorted(value, _service)


def _service(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    service = dict(value)
    autostop = service.get("autostop")
    if isinstance(autostop, bool):
        service["autostop"] = AUTOSTOP[autostop]
    service["ports"] = _sorted(service.get("ports"), _port)
    service["checks"] = _sorted(service.get("checks"), _check)
    service["concurrency"] = _without(service.get("concurrency"), CONCURRENCY_DEFAULTS)
    return _without(service, SERVICE_DEFAULTS)


def _port(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    port = {**value, "handlers": _sorted(value.get("handlers"), _pruned)}
    return _without(port, {"force_https": False})


def _checks(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    return {name: _check(value[name]) for name in sorted(value)}


def _check(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    check = dict(value)
    for key in ("interval", "timeout", "grace_period"):
        check[key] = _duration(check.get(key))
    if isinstance(check.get("method"), str):
        check["method"] = check["method"].upper()
    check["headers"] = _sorted(check.get("headers"), _pruned)
    return _without(check, CHECK_DEFAULTS)


def _stop_config(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    return _pruned({**value, "timeout": _duration(value.get("timeout"))})


def _restart(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _pruned(value)
    restart = _pruned({**value, "max_retries": value.get("max_retries") or None})
    same = {**RESTART_DEFAULTS, **restart} == RESTART_DEFAULTS
    return None if same else restart


def _files(value: Any) -> Any:
    """Turn the list into guest path -> content; two files of one path: the last wins, as on Fly.

    A text is a text; other bytes are `{"base64": ...}`, whole, so that they can be sent again.
    """
    if isinstance(value, Mapping):  # it is in this form already
        return _pruned(value)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _pruned(value)
    files = {
        str(file["guest_path"]): _content(file)
        for file in value
        if isinstance(file, Mapping) and "guest_path" in file
    }
    return {path: files[path] for path in sorted(files)}


def _content(file: Mapping[str, Any]) -> Any:
    if file.get("secret_name"):
        return {"secret_name": file["secret_name"]}
    raw = file.get("raw_value") or ""
    try:
        content = base64.b64decode(raw, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return f"not base64:{hashlib.sha256(str(raw).encode()).hexdigest()}"
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _file_modes(files: Any) -> dict[str, Any]:
    if not isinstance(files, Sequence) or isinstance(files, str):
        return {}
    modes = {
        str(file["guest_path"]): file["mode"]
        for file in files
        if isinstance(file, Mapping) and "guest_path" in file and file.get("mode")
    }
    return {path: modes[path] for path in sorted(modes)}


def _mounts(value: Any) -> Any:
    return _sorted(value, _mount)


def _mount(value: Any) -> Any:
    """Leave out what Fly adds from the volume itself."""
    if not isinstance(value, Mapping):
        return _pruned(value)
    told = {"encrypted", "size_gb"} | ({"name"} if value.get("volume") else set())
    return _pruned({key: item for key, item in value.items() if key not in told})


def _duration(value: Any) -> Any:
    """Write a duration in Go's spelling; a number counts nanoseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return format_ns(value)
    if isinstance(value, str):
        try:
            return format_ns(parse_ns(value))
        except ValueError:
            return value
    return value


def _without(value: Any, defaults: Mapping[str, Any]) -> Any:
    """Prune, and leave out what says Fly's default."""
    if not isinstance(value, Mapping):
        return _pruned(value)
    pruned = _pruned(value)
    return {
        key: item
        for key, item in pruned.items()
        if not (key in defaults and type(item) is type(defaults[key]) and item == defaults[key])
    }


def _sorted(value: Any, part: Part) -> Any:
    """Put each item into its form, then sort: the order of these lists means nothing."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _pruned(value)
    items = [part(item) for item in value]
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str))


def _pruned(value: Any) -> Any:
    """Leave out null and empty values at any depth; false, 0, "" and list items stay."""
    if isinstance(value, Mapping):
        pruned = {key: _pruned(value[key]) for key in sorted(value)}
        return {key: item for key, item in pruned.items() if not _is_nothing(item)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_pruned(item) for item in value]
    return value


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping | list) and not value)


def _flag(value: Any) -> Any:
    """Leave out a switch that is off."""
    return value or None


def _dns(value: Any) -> Any:
    return _without(value, {"skip_registration": False})


def _metrics(value: Any) -> Any:
    return _without(value, {"https": False})


PARTS: Mapping[str, Part] = {
    "auto_destroy": _flag,
    "checks": _checks,
    "dns": _dns,
    "env": _env,
    "files": _files,
    "guest": _guest,
    "metadata": _metadata,
    "metrics": _metrics,
    "mounts": _mounts,
    "restart": _restart,
    "services": _services,
    "stop_config": _stop_config,
}
