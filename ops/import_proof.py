"""The proof of an import: the written settings are rendered and compared with the files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from components.bundle import make_bundle
from fly.differences import MISSING, Difference, differences
from fly.equivalence import gateway_group, normal
from fly.toml_values import go_text
from gateway.from_files import server_flags
from gateway.importing import PARTS, chain_mapping
from gateway.own_variables import VERTEX_VARIABLES, vertex_variables
from gateway.render import CHAIN_KEYS, litellm_config
from gateway.server import pinned_variables
from ops.import_stack import missing
from stacks.config_file import raw_config
from stacks.extras import REFERENCE
from stacks.importing import Change, Kind, plain
from stacks.load import Loaded, RawConfig, load_settings
from stacks.merge import merged
from stacks.paths import Path
from stacks.settings import Definition, Settings

# What stands in for what the files do not say, so that the rest can be rendered.
_STAND_INS: Mapping[str, Any] = {"organization": "acme", "app": "gateway", "regions": {"iad": 1}}
_FLAGS: Mapping[str, str] = {"num_workers": "1", "port": "4000"}  # LiteLLM's own (proxy_cli.py)
_ID = "the deployment's own name, so that metrics and evidence can name it"
_MODE = "as LiteLLM's own table of models says it"
_SHIPPED = "where the file is shipped to, and where Fly's proxy reaches the server"
_STAND_IN = "a stand-in: no file says it"
_WHY: Mapping[tuple[str | int, ...], str] = {
    ("litellm", "model_list", "model_info", "id"): _ID,
    ("litellm", "model_list", "model_info", "mode"): _MODE,
    ("litellm", "litellm_settings", "cache_params", "type"): "LiteLLM's own default",
    ("server", "config"): _SHIPPED,
    ("server", "host"): _SHIPPED,
    ("fly", "app"): _STAND_IN,
    ("fly", "primary_region"): _STAND_IN,
    ("fly", "files"): "what every release ships",
    ("fly", "build"): "the image is pinned",
    ("fly", "http_service"): "a gateway here has one service, in front of all its machines",
    (
        "fly",
        "http_service",
        "checks",
    ): "a release goes on, and gets traffic, when this check passes",
    (
        "fly",
        "http_service",
        "concurrency",
    ): "the settings' own limits: Fly has others where a file says none",
}
"""Why rendering adds something, by path without positions in lists; the longest one holds."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What rendering says and the files do not, and why."""

    path: Path
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison found. `unexplained` differs though nothing was said of it."""

    loaded: Loaded
    additions: tuple[Addition, ...]
    unexplained: tuple[Difference, ...]


def written_settings(module: str, stack: str, environment: str) -> Loaded:
    """Run the module's text, read the stack's, and load the environment as Pulumi would."""
    names: dict[str, Any] = {}
    exec(compile(module, "stacks/gateway.py", "exec"), names)  # noqa: S102 - our own text, just written
    definition: Definition = names["DEFINITION"]
    raw = raw_config(environment, yaml.safe_load(stack)["config"])
    stand_ins = {path[1]: _STAND_INS[str(path[1])] for path in missing(raw.values)}
    values = merged(raw.values, {"fly": stand_ins})
    return load_settings(environment, RawConfig(values), definition=definition)


def prove(
    litellm: Mapping[str, Any] | None,
    toml: Mapping[str, Any] | None,
    loaded: Loaded,
    changes: list[Change],
) -> Proof:
    """Compare what the settings render with the files' data, `None` for a file not given."""
    settings = loaded.settings
    rendered = tomllib.loads(make_bundle(settings).fly_toml)
    found: list[Difference] = []
    if litellm is not None:
        before = _normal_litellm(plain(litellm, (), []), changes)
        after = _normal_litellm(_with_own_values(settings), [])
        found += _below("litellm", before, after)
    if toml is not None:
        given = _without_converted(plain(toml, (), []), changes)
        found += _below("fly", normal(given), normal(rendered))
        found += _below("environment", _env(given), _env(rendered))
        found += _below("server", _flags(given), _flags(rendered))
    explained = {change.path for change in changes if change.kind is not Kind.EXTRA}
    additions, unexplained = [], []
    for difference in found:
        why = _why_added(difference, settings)
        if any(difference.steps[:length] in explained for length in range(1, 99)):
            continue
        if difference.before is MISSING and why:
            additions.append(Addition(difference.steps, difference.after, why))
        else:
            unexplained.append(difference)
    return Proof(loaded, tuple(additions), tuple(unexplained))


def _with_own_values(settings: Settings) -> dict[str, Any]:
    """Return LiteLLM's configuration with the environment's own values where they are referred to.

    The fly.toml has them as variables: nothing is lost, and no file said it so.
    """
    config = litellm_config(settings, with_probes=False)
    own = {f"{REFERENCE}{name}": value for name, value in vertex_variables(settings).values()}
    for entry in config.get("model_list", ()):
        params = entry["litellm_params"]
        for field in VERTEX_VARIABLES.keys() & params.keys():
            params[field] = own.get(params[field], params[field])
    return config


def _without_converted(toml: dict[str, Any], changes: list[Change]) -> dict[str, Any]:
    """Leave out the first of `[[services]]` where it became the `[http_service]`."""
    converted = any(change.path == ("fly", "services", 0) for change in changes)
    return {**toml, "services": toml["services"][1:]} if converted else toml


def _below(document: str, before: Any, after: Any) -> list[Difference]:
    """Return the differences, those of a table that is gone or new key by key."""
    found: list[Difference] = []
    for each in differences(before, after):
        steps = (document, *each.steps)
        if each.after is MISSING and isinstance(each.before, Mapping):
            found += [Difference((*steps, k), value, MISSING) for k, value in each.before.items()]
        elif each.before is MISSING and isinstance(each.after, Mapping):
            found += [Difference((*steps, k), MISSING, value) for k, value in each.after.items()]
        else:
            found.append(Difference(steps, each.before, each.after))
    return found


def _normal_litellm(data: Mapping[str, Any], changes: list[Change]) -> dict[str, Any]:
    """Return the one form of all files that say the same: no empty section, chains as mappings."""
    lost = {change.path for change in changes if change.kind is Kind.LOST}
    whole = {key: value for key, value in data.items() if value or key not in _OURS}
    if isinstance(whole.get("model_list"), list):
        whole["model_list"] = [
            entry
            for index, entry in enumerate(whole["model_list"])
            if ("litellm", "model_list", index) not in lost
        ]
    router = whole.get("router_settings")
    if isinstance(router, Mapping):
        whole["router_settings"] = {
            key: _chains(value) if key in CHAIN_KEYS else value for key, value in router.items()
        }
    return {key: value for key, value in whole.items() if value or key not in _OURS}


_OURS = frozenset({"model_list", *PARTS})


def _chains(value: Any) -> Any:
    mapping = chain_mapping(value)
    return value if mapping is None else mapping


def _env(toml: Mapping[str, Any]) -> dict[str, str]:
    env = toml.get("env")
    pairs = env.items() if isinstance(env, Mapping) else ()
    return {name: go_text(value) for name, value in pairs}


def _flags(toml: Mapping[str, Any]) -> dict[str, str]:
    processes = toml.get("processes")
    groups = processes if isinstance(processes, Mapping) else {}
    command = groups.get(gateway_group(groups))
    return {**_FLAGS, **server_flags(command if isinstance(command, str) else "")}


def _why_added(difference: Difference, settings: Settings) -> str:
    """Return why rendering adds this; "" where it should not."""
    document, *steps = difference.steps
    if document == "environment":
        pinned = {each.name: each.why for each in pinned_variables(settings)}
        return pinned.get(str(steps[0]), "")
    path = (document, *(step for step in steps if not isinstance(step, int)))
    return next((why for length in range(5, 0, -1) if (why := _WHY.get(path[:length]))), "")
