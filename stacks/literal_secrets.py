"""Which values of a file are secrets, and under which names they are kept instead."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stacks.extras import REFERENCE, referred, texts
from stacks.importing import Change, Kind
from stacks.paths import Path
from stacks.secrecy import looks_like_secret

_SECRET_KEY = re.compile(
    r"""(?ix)(?:^|[_.-])(?:
        api_?key | secret | secret_?key | access_?key | access_?key_?id | auth_?token
      | access_?token | refresh_?token | bearer | password | passwd | passphrase | private_?key
      | master_?key | salt_?key | signing_?key | encryption_?key | token | authorization
      | auth_?value | webhook_?url | dsn | credentials_?json
    )$"""
)
# Addresses whose path is the key: who knows one can write to the channel.
_WEBHOOK = re.compile(
    r"(?i)^https://(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks)/|/webhookb?2?/"
)
_NEVER_NUMBERS = re.compile(r"(?i)token$|url$")
# What people write where a key has to stand and none is asked for.
_STAND_INS = frozenset(
    {
        "",
        "none",
        "null",
        "na",
        "n/a",
        "no",
        "not-needed",
        "not_needed",
        "anything",
        "dummy",
        "empty",
        "fake",
        "fake-key",
        "true",
        "false",
        "placeholder",
    }
)
# Parts of a path that say nothing about which secret it is.
_SILENT = frozenset(
    {
        "litellm_params",
        "litellm_settings",
        "general_settings",
        "router_settings",
        "model_list",
        "credential_list",
        "credential_values",
        "guardrails",
        "mcp_servers",
        "headers",
        "static_headers",
        "extra_headers",
        "environment_variables",
        "env",
        "http_headers",
        "pass_through_endpoints",
        "model_info",
        "optional_params",
    }
)
_KNOWN_NAMES: Mapping[Path, str] = {
    ("general_settings", "master_key"): "LITELLM_MASTER_KEY",
    ("general_settings", "database_url"): "DATABASE_URL",
    ("litellm_settings", "cache_params", "password"): "REDIS_PASSWORD",
}


def is_secret(key: str, value: Any) -> bool:
    """Tell whether `value`, which stands at `key`, must not be written into settings."""
    if isinstance(value, str):
        if looks_like_secret(value) or _WEBHOOK.search(value):
            return True
        if REFERENCE in value or value.strip().lower() in _STAND_INS:
            return False
        return "cost" not in key and bool(_SECRET_KEY.search(key))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    told = number and _SECRET_KEY.search(key) and not _NEVER_NUMBERS.search(key)
    return bool(told) and "cost" not in key


class Names:
    """The names given to secrets so far: one value has one name, and one name one value."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._by_value: dict[str, str] = {}

    def name(self, value: str, wanted: str) -> str:
        """Return the name of `value`: `wanted`, or that with a number behind it."""
        if value not in self._by_value:
            base = _as_name(wanted)
            name, number = base, 2
            while name in self._taken:
                name, number = f"{base}_{number}", number + 1
            self._taken.add(name)
            self._by_value[value] = name
        return self._by_value[value]

    def keep(self, value: str, name: str) -> None:
        """Take over the name that a value has already: that of a variable."""
        self._taken.add(name)
        self._by_value.setdefault(value, name)


def named_in(tree: Any) -> frozenset[str]:
    """Return the NAME of each os.environ/NAME in a tree."""
    return frozenset(name for _, text in texts(tree) for name in referred(text))


def without_secrets(
    tree: Mapping[str, Any], document: Path, names: Names, changes: list[Change]
) -> dict[str, Any]:
    """Return a tree in which each secret is a reference to a secret, and tell of each.

    LiteLLM resolves no reference that is an entry of a list of texts (_resolved_config_value in
    proxy_server.py, 1.84.0 to 1.109.1): there it is told as lost.
    """

    def walk(value: Any, path: Path, said: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return {key: walk(item, (*path, key), (*said, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [
                walk(item, (*path, index), (*said, _named(item)))
                for index, item in enumerate(value)
            ]
        if not is_secret(next((str(p) for p in reversed(path) if isinstance(p, str)), ""), value):
            return value
        name = names.name(str(value), _KNOWN_NAMES.get(path) or _wanted(path, said, tree))
        changes.append(_told(document, path, name))
        return f"{REFERENCE}{name}"

    return {key: walk(item, (key,), (key,)) for key, item in tree.items()}


def _told(document: Path, path: Path, name: str) -> Change:
    if isinstance(path[-1], int):
        return Change(
            (*document, *path),
            Kind.LOST,
            f"a secret in a list of texts: it becomes {REFERENCE}{name}, which LiteLLM does not"
            " resolve there",
            name,
        )
    return Change((*document, *path), Kind.SECRET, f"its value becomes the secret {name}", name)


def _wanted(path: Path, said: tuple[str, ...], tree: Mapping[str, Any]) -> str:
    key = said[-1]
    if path[0] == "model_list" and isinstance(path[1], int):
        provider = _provider(tree["model_list"][path[1]])
        return key if provider and key.startswith(f"{provider}_") else f"{provider}_{key}"
    return "_".join(part for part in said if part and part not in _SILENT) or key


def _provider(entry: Any) -> str:
    params = entry.get("litellm_params") if isinstance(entry, Mapping) else None
    model = params.get("model") if isinstance(params, Mapping) else None
    provider = params.get("custom_llm_provider") if isinstance(params, Mapping) else None
    if isinstance(provider, str):
        return provider
    return model.partition("/")[0] if isinstance(model, str) and "/" in model else ""


def _named(item: Any) -> str:
    """Return what an entry of a list is called by its own name: `guardrail_name` and the like."""
    fields = item.items() if isinstance(item, Mapping) else ()
    return next((str(v) for k, v in fields if str(k).endswith("name") and isinstance(v, str)), "")


def _as_name(wanted: str) -> str:
    name = re.sub(r"[^A-Z0-9]+", "_", wanted.upper()).strip("_")[:120]
    return name if name[:1].isalpha() else f"SECRET_{name}".rstrip("_")
