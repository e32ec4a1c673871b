"""How a `model_list` becomes models and providers: what deployments share is said once."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.models import facts_of
from gateway.retries import RETRIES
from stacks.extras import REFERENCE
from stacks.importing import Change, Kind, same
from stacks.litellm import Mode, Tries
from stacks.load import SECRET_NAME
from stacks.paths import Path
from stacks.values import (
    Amount,
    Count,
    HttpUrl,
    ModelGroup,
    ProviderName,
    Rescue,
    Seconds,
    SecretName,
)

_ACCESS: Mapping[str, TypeAdapter[Any]] = {
    "api_base": TypeAdapter(HttpUrl),
    "api_key": TypeAdapter(SecretName),
    "vertex_project": TypeAdapter(str),
    "vertex_location": TypeAdapter(str),
    "vertex_credentials": TypeAdapter(SecretName),
}
_REFERENCES = ("api_key", "vertex_credentials")
_LIMITS: Mapping[str, TypeAdapter[Any]] = {
    "num_retries": TypeAdapter(Tries),
    "timeout": TypeAdapter(Seconds),
    "stream_timeout": TypeAdapter(Seconds),
    "max_retries": TypeAdapter(Tries),
    "rpm": TypeAdapter(Amount),
    "tpm": TypeAdapter(Amount),
    "weight": TypeAdapter(Count),
}
_INFO: Mapping[str, TypeAdapter[Any]] = {
    "id": TypeAdapter(str),
    "mode": TypeAdapter(Mode),
}
_NAME = TypeAdapter(ModelGroup)
_PROVIDER = TypeAdapter(ProviderName)
# What LiteLLM reads by itself where a deployment has no key (get_llm_provider_logic.py and each
# provider's own file).
_KEYS_BY_PROVIDER: Mapping[str, tuple[str, ...]] = {
    **{
        name: (f"{name.upper()}_API_KEY",)
        for name in (
            "openai",
            "anthropic",
            "xai",
            "groq",
            "mistral",
            "cohere",
            "gemini",
            "deepseek",
            "openrouter",
            "perplexity",
            "fireworks_ai",
            "azure",
        )
    },
    "vertex_ai": ("VERTEXAI_PROJECT", "VERTEXAI_LOCATION"),
}
_OTHER_ACCESS = frozenset({"litellm_credential_name", "azure_ad_token", "tenant_id", "client_id"})


@dataclass(slots=True)
class Models:
    """What a `model_list` became: `models`, `providers` and `rescue` of a definition."""

    definition: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)


def import_models(entries: Sequence[Any], sources: frozenset[str]) -> Models:
    """Return models and providers; `sources` are the groups that own a chain.

    Every group gets ids that are its own: a deployment without one is called like its group, the
    next ones with a number behind it.
    """
    made = Models()
    models = []
    for index, entry in enumerate(entries):
        model = _model(entry, ("litellm", "model_list", index), made.changes)
        if model is not None:
            models.append(model)
    if not models:
        return made
    _number(models)
    made.definition["providers"] = _providers(models)
    rescue = _rescue([model for model in models if model["name"] in sources])
    if rescue is not None:
        made.definition["rescue"] = rescue
    made.definition["models"] = models
    for model in models:
        made.secrets |= _unnamed_secrets(model, made.definition["providers"][model["provider"]])
    return made


def _model(entry: Any, path: Path, changes: list[Change]) -> dict[str, Any] | None:
    fields = entry if isinstance(entry, Mapping) else {}
    name, params = fields.get("model_name"), fields.get("litellm_params")
    model = params.get("model") if isinstance(params, Mapping) else None
    info = fields.get("model_info", {})
    usable = _fits(_NAME, name) and isinstance(model, str) and model
    if not usable or not isinstance(params, Mapping) or not isinstance(model, str):
        said = "an entry without a usable `model_name` and `litellm_params.model` is left out"
        changes.append(Change(path, Kind.LOST, said))
        return None
    if not isinstance(info, Mapping):
        changes.append(Change((*path, "model_info"), Kind.LOST, "this is no mapping: left out"))
        info = {}
    made: dict[str, Any] = {"name": name, "provider": _provider(model, params)}
    if model != name:
        made["model"] = model
    rest = {key: value for key, value in params.items() if key != "model"}
    others = ("model_name", "litellm_params", "model_info")
    beside = {key: value for key, value in fields.items() if key not in others}
    for place, values, known, key in (
        (("litellm_params",), rest, {**_ACCESS, **_LIMITS}, "extras"),
        (("model_info",), info, _INFO, "info"),
        ((), beside, {}, "entry"),
    ):
        kept = _taken(made, values, known)
        if kept:
            made[key] = kept
            said = "kept as it stands among the extras"
            changes += [Change((*path, *place, each), Kind.EXTRA, said) for each in kept]
    base = info.get("base_model", model)
    if "mode" not in info and not _is_chat(base if isinstance(base, str) else model):
        made["mode"] = None
    return made


def _taken(
    made: dict[str, Any], values: Mapping[str, Any], known: Mapping[str, TypeAdapter[Any]]
) -> dict[str, Any]:
    """Put into `made` what its fields can hold, and return the rest."""
    fields = {key: _field(key, value, known) for key, value in values.items()}
    made |= {key: value for key, value in fields.items() if value is not None}
    return {key: value for key, value in values.items() if fields[key] is None}


def _field(key: str, value: Any, fields: Mapping[str, TypeAdapter[Any]]) -> Any:
    """Return what the model's field of this name holds; None where it cannot hold the value."""
    if key not in fields:
        return None
    if key in _REFERENCES:
        name = value.removeprefix(REFERENCE) if isinstance(value, str) else ""
        return name if value == f"{REFERENCE}{name}" and SECRET_NAME.fullmatch(name) else None
    if isinstance(value, str) and value.startswith(REFERENCE):
        return None
    return value if _fits(fields[key], value) else None


def _fits(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        return value is not None and same(adapter.validate_python(value), value)
    except ValidationError:
        return False


def _provider(model: str, params: Mapping[str, Any]) -> str:
    own = params.get("custom_llm_provider")
    if isinstance(own, str) and _fits(_PROVIDER, own):
        return own
    prefix, slash, _ = model.partition("/")
    if not slash:
        facts = facts_of(model, "")
        prefix = facts.provider if facts is not None else "openai"
    name = re.sub(r"[^a-z0-9_-]+", "_", prefix.lower()).lstrip("_-0123456789")
    return name or "any"


def _is_chat(model: str) -> bool:
    """Tell whether `mode: chat` says no more than LiteLLM's own table of models does."""
    facts = facts_of(model, model.partition("/")[0] if "/" in model else "")
    return facts is not None and facts.mode == "chat"


def _number(models: list[dict[str, Any]]) -> None:
    """Give each deployment without an id of its own one that no other has."""
    given = [str(model["info"]["id"]) for model in models if "id" in model.get("info", {})]
    taken = {*given, *(model["id"] for model in models if "id" in model)}
    for model in models:
        if "id" in model or "id" in model.get("info", {}):
            if model.get("id") == model["name"]:
                del model["id"]  # as it is called when it is left out
            continue
        name, number = model["name"], 2
        if name in taken:
            while f"{name}/{number}" in taken:
                number += 1
            name = model["id"] = f"{name}/{number}"
        taken.add(name)


def _providers(models: list[dict[str, Any]]) -> dict[str, Any]:
    """Take out of the models what all of a provider's say, and return it by provider."""
    members: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for model in models:
        members[model["provider"]].append(model)
    return {name: _shared(group) for name, group in members.items()}


def _shared(models: list[dict[str, Any]]) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    for key in _ACCESS:
        if all(key in model for model in models):
            (most, _), *_ = Counter(model[key] for model in models).most_common(1)
            shared[key] = most
            for model in models:
                if model[key] == most:
                    del model[key]
    first = models[0].get("extras", {})
    extras = {
        key: value
        for key, value in first.items()
        if len(models) > 1
        and key not in shared
        and all(
            key in model.get("extras", {}) and same(model["extras"][key], value) for model in models
        )
    }
    for model in models if extras else []:
        rest = {key: value for key, value in model["extras"].items() if key not in extras}
        model.pop("extras") if not rest else model.update(extras=rest)
    return shared | ({"extras": extras} if extras else {})


def _rescue(owners: list[dict[str, Any]]) -> str | None:
    """Return the rescue that writes the owners' `num_retries`, and take these out of them."""
    if not owners:
        return None
    for rescue in (Rescue.NOW, Rescue.RETRY_ONCE):
        if all(owner.get("num_retries") == RETRIES[rescue] for owner in owners):
            for owner in owners:
                del owner["num_retries"]
            return None if rescue is Rescue.NOW else rescue.value
    return Rescue.ROUTER.value


def _unnamed_secrets(model: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, str]:
    """Return what LiteLLM looks for in its environment for a deployment that does not say it."""
    said = {**provider, **provider.get("extras", {}), **model, **model.get("extras", {})}
    name = model["provider"]
    if _OTHER_ACCESS & said.keys():
        return {}
    if name == "vertex_ai":
        fields = ("vertex_project", "vertex_location")
        names = _KEYS_BY_PROVIDER[name]
        missing = [env for key, env in zip(fields, names, strict=True) if key not in said]
    else:
        missing = [] if "api_key" in said else list(_KEYS_BY_PROVIDER.get(name, ()))
    return dict.fromkeys(missing, f"LiteLLM reads it for models of {name} that name no other")
