"""How a LiteLLM YAML and a fly.toml together become settings: the definition, and its own part."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fly.importing import import_fly
from gateway.from_files import image_version, server_flags
from gateway.importing import Imported as ImportedYaml
from gateway.importing import import_litellm
from gateway.importing_server import DATABASE_URL, Machine, import_server
from stacks.configuration import DEFAULT_VERSION
from stacks.extras import REFERENCE
from stacks.importing import Change, Kind, plain
from stacks.literal_secrets import Names, is_secret, named_in, without_secrets
from stacks.load import SECRET_NAME
from stacks.settings import Image, Server

SET_BY_FLY = ("FLY_", "PRIMARY_REGION")


@dataclass(slots=True)
class Imported:
    """What two files became, as plain data for a module and for `Pulumi.<environment>.yaml`."""

    definition: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """Secrets that the two files do not name, each with the reason why it is asked for."""


def import_settings(
    litellm: Mapping[str, Any] | None,
    toml: Mapping[str, Any] | None,
    *,
    version: str | None = None,
    organization: str | None = None,
) -> Imported:
    """Return the settings that say what the files say; `version` wins over the image's tag."""
    made = Imported()
    fly = import_fly(plain(toml or {}, ("fly",), made.changes))
    tree = plain(litellm or {}, ("litellm",), made.changes)
    environment = dict(fly.environment)
    url = _literal_url(tree)
    if url is not None:
        environment.setdefault(DATABASE_URL, url)
    names = Names(named_in(tree))
    for name, value in environment.items():
        if is_secret(name, value) and name != DATABASE_URL:
            names.keep(value, name)
    tree = without_secrets(tree, ("litellm",), names, made.changes)
    yaml = import_litellm(tree)
    made.changes += [*yaml.changes, *fly.changes]
    _unusable_names(tree, made)
    rows = [(row.get("port", 0), row.get("path", "")) for row in fly.metrics]
    machine = Machine(server_flags(fly.command), environment, rows)
    served = import_server(machine, yaml.definition, names, database=yaml.needs_database)
    made.changes += served.changes
    made.definition = served.definition
    port = made.definition["server"].get("port", Server().port)
    if fly.internal_port not in (None, port):
        said = f"the server listens on {port}, so that {port} is written"
        made.changes.append(Change(("fly", "http_service", "internal_port"), Kind.LOST, said))
    if toml is None:
        del made.definition["server"]
    _metrics(fly.fly, fly.metrics, served.metrics_port)
    made.definition["image"] = _image(fly.image, version, made.changes)
    known = {**fly.fly} | ({} if organization is None else {"organization": organization})
    first = [key for key in ("organization", "app", "regions") if key in known]
    made.own = {**served.own, "fly": {key: known[key] for key in (*first, *known)}}
    _secrets(made, yaml, served.secrets)
    return made


def _literal_url(tree: Mapping[str, Any]) -> str | None:
    general = tree.get("general_settings")
    url = general.get("database_url") if isinstance(general, Mapping) else None
    return url if isinstance(url, str) and "://" in url else None


def _unusable_names(tree: Mapping[str, Any], made: Imported) -> None:
    for name in sorted(named_in(tree)):
        if not SECRET_NAME.fullmatch(name) and not name.startswith(SET_BY_FLY):
            said = f"{REFERENCE}{name} stays, but no secret here can have this name: capitals only"
            made.changes.append(Change(("litellm",), Kind.LOST, said))


def _metrics(fly: dict[str, Any], rows: list[dict[str, Any]], by_settings: int | None) -> None:
    """Keep the rows of `[[metrics]]` that the setting `metrics` does not write."""
    kept = [row for row in rows if by_settings is None or row.get("port") != by_settings]
    if kept:
        extras = dict(fly.get("extras", {}))
        fly["extras"] = {**extras, "metrics": [{**row, "processes": ["app"]} for row in kept]}


def _image(image: str | None, version: str | None, changes: list[Change]) -> dict[str, Any]:
    """Return the pinned image; a tag that names no version becomes the version's own."""
    found = image_version({"build": {"image": image}}) if image else None
    found = found.removesuffix("-stable") if found else None
    pinned = version or found or DEFAULT_VERSION
    made: dict[str, Any] = {"version": pinned}
    if image is None:
        return made
    named, _, digest = image.partition("@")
    repository, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = named, ""
    if repository != Image().repository:
        made["repository"] = repository
    if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        made["digest"] = digest
    if found == pinned and tag != f"v{pinned}":
        made["tag"] = tag
    elif found != pinned:
        said = f"the tag {tag or '(none)'} names no version: v{pinned} is pinned"
        if found:
            said = f"{pinned} was asked for"
        changes.append(Change(("fly", "build", "image"), Kind.LOST, said))
    return made


def _secrets(made: Imported, yaml: ImportedYaml, more: Mapping[str, str]) -> None:
    """Declare the secrets that must be set though no setting names them."""
    plainly = made.definition.get("server", {}).get("environment", {})
    known = {*plainly, *named_secrets(made.definition)}
    wanted = {**yaml.secrets, **more}
    made.secrets = {name: why for name, why in wanted.items() if name not in known}
    if made.secrets:
        made.own["secrets"] = dict.fromkeys(sorted(made.secrets), "config")


def named_secrets(definition: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the secrets that a definition names."""
    parts = [*definition.get("providers", {}).values(), *definition.get("models", ())]
    keys = ("api_key", "vertex_credentials")
    own = {part[key] for part in parts for key in keys if key in part}
    return named_in(definition) | own
