"""How a fly.toml's tables other than services become parts of a machine: guest, files, mounts."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fly import guests
from fly.toml_services import Groups
from fly.toml_values import Reader, Table, kept, without_zero

RESTART_POLICIES = {"always": "always", "on-failure": "on-failure", "never": "no"}
GUEST_KEYS = (
    "cpu_kind",
    "cpus",
    "memory_mb",
    "max_memory_mb",
    "gpus",
    "gpu_kind",
    "host_dedication_id",
    "persist_rootfs",
    "kernel_args",
)


def group_guest(
    reader: Reader, toml: Table, groups: Groups, group: str, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the group's guest; without [[vm]] the one that is given, or Fly's smallest."""
    rows = [
        (f"{key}[{index}]", row)
        for key in ("compute", "computes", "vm")
        for index, row in enumerate(reader.tables(toml.get(key), key))
        if not row.get("processes") or groups.match(group, row)
    ]
    dedicated = toml.get("host_dedication_id")
    if not rows:
        guest = dict(given or guests.guest(guests.DEFAULT_SIZE))
        return guest | ({"host_dedication_id": dedicated} if dedicated else {})
    # The last table that names the group wins; without one, the first that names none.
    naming = [row for row in rows if group in (row[1].get("processes") or ())]
    place, vm = naming[-1] if naming else rows[0]
    return table_guest(reader, vm, place, dedicated)


def table_guest(reader: Reader, vm: Table, place: str, dedicated: str | None) -> dict[str, Any]:
    """Return the guest that one [[vm]] table asks for."""
    default = guests.DEFAULT_GPU_SIZE if vm.get("gpu_kind") else guests.DEFAULT_SIZE
    size = vm.get("size") or default
    if size not in guests.SIZES:
        reader.problems.append(guests.unknown_size(str(size), f"{reader.file}: {place}.size"))
        return {}
    guest = guests.guest(size)
    if dedicated:
        guest["host_dedication_id"] = dedicated
    memory = reader.memory_mb(vm, place)
    if memory is not None:
        guest["memory_mb"] = memory
    return guest | kept(vm, GUEST_KEYS)


def machine_files(
    reader: Reader,
    toml: Table,
    contents: Mapping[str, bytes],
    extra_files: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the files: each group gets all of them, whatever their `processes` say.

    `contents` is by local_path; an extra file replaces one of the same guest path.
    """
    rows: dict[str, dict[str, Any]] = {}
    for index, file in enumerate(reader.tables(toml.get("files"), "files")):
        row = _file(reader, file, f"files[{index}]", contents)
        rows[str(file.get("guest_path"))] = row
    for extra in extra_files:
        rows[extra["guest_path"]] = dict(extra)
    return list(rows.values())


def _file(reader: Reader, file: Table, place: str, contents: Mapping[str, bytes]) -> dict[str, Any]:
    row = kept(file, ["guest_path"])
    if path := file.get("local_path"):
        content = contents.get(path)
        if content is None:
            expected = "no content was given for this path"
            reader.refuse(f"{place}.local_path", path, expected, "render the file beside it")
        row["raw_value"] = _base64(content or b"")
    elif secret := file.get("secret_name"):
        row["secret_name"] = secret
    elif raw := file.get("raw_value"):
        row["raw_value"] = _base64(str(raw).encode())  # flyctl encodes it, encoded or not
    return row


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def machine_restart(reader: Reader, rows: Sequence[Table]) -> dict[str, Any] | None:
    """Return the restart policy of the last row; None without rows, as Fly has its own."""
    if not rows:
        return None
    restart = rows[-1]
    policy = restart.get("policy")
    if policy not in RESTART_POLICIES:
        expected = f"{', '.join(RESTART_POLICIES)} was expected"
        reader.refuse("restart.policy", policy or "", expected, 'set policy = "on-failure"')
        return None
    return without_zero({"policy": RESTART_POLICIES[policy], "max_retries": restart.get("retries")})


def machine_mount(reader: Reader, mount: Table, volumes: Mapping[str, str]) -> dict[str, Any]:
    """Return one mount; `volumes` maps its source to the volume that the machine gets."""
    source = mount.get("source", "")
    return without_zero(
        {
            "path": mount.get("destination"),
            "volume": volumes.get(source),
            "name": source,
            "extend_threshold_percent": mount.get("auto_extend_size_threshold"),
            "add_size_gb": _gigabytes(reader, mount, "auto_extend_size_increment"),
            "size_gb_limit": _gigabytes(reader, mount, "auto_extend_size_limit"),
        }
    )


def _gigabytes(reader: Reader, mount: Table, key: str) -> int | None:
    """Read a size such as "10gb"; a bare number counts gigabytes."""
    value = str(mount.get(key) or "")
    match = re.fullmatch(r"(\d+) ?(gb?|tb?)?", value, re.IGNORECASE | re.ASCII)
    if match is None:
        if value:
            reader.refuse(f"mounts.{key}", value, "a size was expected", 'write it such as "10gb"')
        return None
    return int(match[1]) * (1000 if (match[2] or "").lower().startswith("t") else 1)


def machine_static(static: Table) -> dict[str, Any]:
    """Return one row of [[statics]]."""
    always = {key: static.get(key, "") for key in ("tigris_bucket", "index_document")}
    return kept(static, ["guest_path", "url_prefix"]) | always
