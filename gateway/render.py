"""How typed settings become LiteLLM's YAML, probes of the fallback proof included."""

from typing import Any

import yaml

from gateway.chains import EdgeKind
from gateway.own_variables import VERTEX, vertex_variables
from gateway.probes import Probe, probe_model, probes
from gateway.retries import retries_of
from stacks.litellm import Model, Provider
from stacks.settings import Settings
from stacks.values import Store

PATH_IN_MACHINE = "/app/litellm_config.yaml"

HEADER = """\
# Rendered from typed settings by `gateway render`; edits here are lost at the next deploy.
# Values that begin with os.environ/ are read by LiteLLM from the machine's environment.
"""

# Without a database each of these is dead, and use_redis_transaction_buffer refuses to start.
DATABASE_KEYS = frozenset(
    {
        "database_url",
        "store_model_in_db",
        "use_redis_transaction_buffer",
        "database_connection_pool_limit",
        "database_connection_timeout",
        "disable_prisma_schema_update",
        "maximum_spend_logs_retention_period",
        "allow_requests_on_db_unavailable",
    }
)
GENERAL_REFERENCES = ("master_key", "database_url")
ROUTER_REFERENCES = ("redis_host", "redis_port", "redis_password")
CHAIN_KEYS = {
    "fallbacks": EdgeKind.GENERAL,
    "context_window_fallbacks": EdgeKind.CONTEXT_WINDOW,
    "content_policy_fallbacks": EdgeKind.CONTENT_POLICY,
}


class RenderError(Exception):
    """Raised when the rendered text does not say what the settings say: a defect of this file."""


def render_litellm_config(settings: Settings, *, with_probes: bool = True) -> str:
    """Return the YAML text, parsed back and compared; equal settings give equal bytes."""
    config = litellm_config(settings, with_probes=with_probes)
    body = yaml.dump(
        config,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=100,
    )
    text = HEADER + body
    parsed = yaml.load(text, Loader=yaml.CSafeLoader)
    if parsed != config or list(parsed) != list(config):
        message = "the rendered LiteLLM YAML reads back differently from the settings"
        raise RenderError(message)
    return text


def litellm_config(settings: Settings, *, with_probes: bool = True) -> dict[str, Any]:
    """Return the configuration as LiteLLM loads it; empty sections are left out."""
    hidden = probes(settings) if with_probes else ()
    sections: dict[str, Any] = {
        "model_list": [_model(settings, model) for model in settings.models]
        + [probe_model(settings, probe) for probe in hidden],
        "litellm_settings": _litellm_settings(settings),
        "general_settings": _general_settings(settings),
        "router_settings": _router_settings(settings, hidden),
    }
    return {name: section for name, section in sections.items() if section} | settings.sections


def _model(settings: Settings, model: Model) -> dict[str, Any]:
    provider = settings.providers.get(model.provider, Provider())
    limits = {
        "num_retries": retries_of(settings, model),
        "timeout": model.timeout,
        "stream_timeout": model.stream_timeout,
        "max_retries": model.max_retries,
        "rpm": model.rpm,
        "tpm": model.tpm,
        "weight": model.weight,
    }
    return {
        "model_name": model.name,
        "litellm_params": {
            "model": model.model or model.name,
            **_access(provider),
            **_own_references(settings, model),
            **provider.extras,
            **_access(model),
            **_given(limits),
            **model.extras,
        },
        "model_info": _given({"id": model.id or model.name, "mode": model.mode}) | model.info,
        **model.entry,
    }


def _own_references(settings: Settings, model: Model) -> dict[str, Any]:
    """Return what the model's provider has of the environment's own, as references to it."""
    if model.provider != VERTEX:
        return {}
    variables = vertex_variables(settings)
    return {field: _reference(name) for field, (name, _) in variables.items()}


def _access(part: Provider | Model) -> dict[str, Any]:
    return _given(
        {
            "api_base": part.api_base,
            "api_key": _reference(part.api_key),
            "vertex_project": part.vertex_project,
            "vertex_location": part.vertex_location,
            "vertex_credentials": _reference(part.vertex_credentials),
        }
    )


def _litellm_settings(settings: Settings) -> dict[str, Any]:
    section = settings.litellm_settings.given()
    added = {"callbacks": "prometheus"} if settings.metrics is not None else {}
    if settings.posthog is not None:
        added |= {"success_callback": "posthog", "failure_callback": "posthog"}
    for key, name in added.items():
        section[key] = _with(section.get(key), name)
    return section | settings.litellm_settings.extras


def _general_settings(settings: Settings) -> dict[str, Any]:
    general = settings.general_settings
    section = general.given()
    if settings.store is Store.FILE:
        section = {key: value for key, value in section.items() if key not in DATABASE_KEYS}
    return _with_references(section, GENERAL_REFERENCES) | general.extras


def _router_settings(settings: Settings, hidden: tuple[Probe, ...]) -> dict[str, Any]:
    router = settings.router_settings
    section = router.given()
    for key in CHAIN_KEYS:
        if key in section and key not in router.extras:
            section[key] = _chain_list(section[key])
    for key, kind in CHAIN_KEYS.items():
        own = {probe.name: probe.chain for probe in hidden if probe.kind is kind and probe.chain}
        if own and isinstance(section.get(key, []), list):
            section[key] = section.get(key, []) + _chain_list(own)
    with_references = _with_references(section, ROUTER_REFERENCES)
    return with_references | {
        key: router.extras[key] for key in router.extras if key not in CHAIN_KEYS
    }


def _chain_list(chains: dict[str, Any]) -> list[dict[str, list[str]]]:
    return [{source: list(targets)} for source, targets in chains.items()]


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _with(names: Any, name: str) -> list[str]:
    present = list(names) if isinstance(names, list) else []
    return present if name in present else [*present, name]


def _with_references(section: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: _reference(value) if key in keys else value for key, value in section.items()}


def _reference(name: str | None) -> str | None:
    return None if name is None else f"os.environ/{name}"


class _Dumper(yaml.CSafeDumper):
    """Writes with libyaml, ten times faster than in Python, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True
