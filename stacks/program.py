"""What the running Pulumi program was configured with; no one else reads Pulumi's config."""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stacks.config_file import PROJECT, misplaced_secret, raw_config
from stacks.load import SECRET_NAME, RawConfig

if TYPE_CHECKING:
    import pulumi


def read_program_config() -> RawConfig:
    """Return the stack's configuration; of its secrets only the names are taken."""
    import pulumi.runtime.config as runtime  # noqa: PLC0415 (ops imports this package without Pulumi)
    from pulumi import get_stack  # noqa: PLC0415

    found = {**runtime.get_config_env(), **runtime.CONFIG.get()}
    config: dict[str, Any] = {}
    problems = []
    for full, text in sorted(found.items()):
        key = full.removeprefix(f"{PROJECT}:")
        if not runtime.is_config_secret(full):
            config[full] = _decoded(text)
        elif SECRET_NAME.fullmatch(key):
            config[full] = {"secure": ""}
        elif key != full:
            problems.append(misplaced_secret(get_stack(), key))
    read = raw_config(get_stack(), config)
    return RawConfig(read.values, read.secret_names, (*read.problems, *problems))


def secret_value(name: str, environ: Mapping[str, str] = os.environ) -> "pulumi.Output[str]":
    """Return a secret of the configuration, else of the environment; it stays marked as one."""
    import pulumi  # noqa: PLC0415 (see above)

    config = pulumi.Config(PROJECT)
    found = config.get_secret(name)
    if found is None and name in environ:
        return pulumi.Output.secret(environ[name])
    return found if found is not None else config.require_secret(name)


def _decoded(text: Any) -> Any:
    """Return a mapping or list for its JSON, which is how the engine hands one over."""
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
