"""How a configuration in canonical form is written again as the Machines API takes it."""

import base64
from collections.abc import Mapping
from typing import Any

TRANSLATED = ("files", "file_modes")


def sendable(form: Mapping[str, Any], *, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a configuration whose canonical form is `form`.

    `env` is added below what the form says: the variables that canonical form leaves out because
    they follow from something else. Raises ValueError for a file whose content the form holds
    only by its digest.
    """
    config = {key: value for key, value in form.items() if key not in TRANSLATED}
    modes = form.get("file_modes") or {}
    files = [
        _file(path, content, modes.get(path)) for path, content in (form.get("files") or {}).items()
    ]
    if files:
        config["files"] = files
    if env:
        config["env"] = {**env, **(form.get("env") or {})}
    return config


def _file(path: str, content: Any, mode: int | None) -> dict[str, Any]:
    file: dict[str, Any] = {"guest_path": path}
    if isinstance(content, Mapping) and "base64" in content:
        file["raw_value"] = content["base64"]
    elif isinstance(content, Mapping):
        file["secret_name"] = content["secret_name"]
    elif content.startswith("not base64:"):
        raise ValueError(f"{path}: only the digest of this file is known, so it cannot be sent")
    else:
        file["raw_value"] = base64.b64encode(content.encode()).decode()
    if mode:
        file["mode"] = mode
    return file
