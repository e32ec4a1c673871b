"""Which secrets the gateway's machines need, by name: values never pass through here."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from gateway.server import server_environment
from stacks.extras import references
from stacks.settings import Definition, Settings
from stacks.stores import Postgres, Redis
from stacks.values import SecretSource, Store

MASTER_KEY = "LITELLM_MASTER_KEY"
SALT_KEY = "LITELLM_SALT_KEY"
DATABASE_URL = "DATABASE_URL"
DIRECT_URL = "DIRECT_URL"  # LiteLLM's own name for the address that goes round a pooler
KEY_DIGITS = 16
SET_BY_FLY = ("FLY_", "PRIMARY_REGION")  # variables of every machine


class RequiredSecret(NamedTuple):
    """A secret of the gateway's app. `composed`: its value is put together from other outputs.

    `own`: whether there is one depends on what the environment runs on, not on what it runs; it is
    no part of the bundle.
    """

    name: str
    why: str
    composed: bool = False
    own: bool = False


def required_secrets(settings: Settings) -> tuple[RequiredSecret, ...]:
    """Return each needed name once, sorted; a name with several uses says all of them.

    The passwords of Postgres' own roles belong to Postgres and are not among them. Without a
    database there is no DATABASE_URL either: LiteLLM's command line would try to migrate with it.
    """
    found: dict[str, RequiredSecret] = {}
    for secret in _needed(settings):
        known = found.get(secret.name)
        why = f"{known.why}; {secret.why}" if known and secret.why not in known.why else secret.why
        found[secret.name] = secret._replace(why=why)
    return tuple(sorted(found.values()))


def provider_keys(definition: Definition) -> frozenset[str]:
    """Return the names of the secrets that providers gave: keys, and Vertex AI's credentials."""
    used = {model.provider for model in definition.models}
    providers = [part for name, part in definition.providers.items() if name in used]
    named = [(part.api_key, part.vertex_credentials) for part in definition.models]
    named += [(part.api_key, part.vertex_credentials) for part in providers]
    return frozenset(name for pair in named for name in pair if name is not None)


def key_digest(value: str) -> str:
    """Return what tells whether two environments have one key; nobody gets back to the key.

    A provider's key is long and random: its digest may be read by anyone. It is none that somebody
    could compare with a leaked list of plain digests.
    """
    return digest_of("provider key", value)


def digest_of(kind: str, value: str) -> str:
    """Return what tells a long random secret from others of its kind; it may be read by anyone."""
    text = f"litellm-fly-gateway {kind} {value}"
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def master_key_name(settings: Settings) -> str:
    """Return the variable that holds the master key; LiteLLM's own name when none is given."""
    return settings.general_settings.master_key or MASTER_KEY


def query_key_name(settings: Settings) -> str | None:
    """Return the secret by which a proof's events are read back; no machine gets it."""
    query = settings.posthog.query if settings.posthog else None
    return query.api_key if query else None


def _needed(settings: Settings) -> Iterator[RequiredSecret]:
    yield RequiredSecret(
        master_key_name(settings), "general_settings.master_key: administers the gateway"
    )
    if settings.store is Store.DATABASE:
        yield RequiredSecret(
            settings.general_settings.database_url or DATABASE_URL,
            "where LiteLLM keeps keys, teams and spend",
            composed=True,
        )
        if settings.postgres is not None and settings.postgres.kind == "managed":
            yield RequiredSecret(
                DIRECT_URL,
                "the same database round its pooler: migrations",
                composed=True,
                own=True,
            )
        yield RequiredSecret(SALT_KEY, "encrypts what the database holds; never changed afterwards")
    for name in dict.fromkeys(model.provider for model in settings.models):
        provider = settings.providers.get(name)
        if provider and provider.api_key:
            yield RequiredSecret(provider.api_key, f"models of {name}")
        if provider and provider.vertex_credentials:
            yield RequiredSecret(provider.vertex_credentials, f"models of {name}")
    for model in settings.models:
        for own in (model.api_key, model.vertex_credentials):
            if own is not None:
                yield RequiredSecret(own, f"the model {model.name}")
    if settings.redis is not None:
        yield RequiredSecret(settings.redis.password, "the workers' shared state and the cache")
    if settings.posthog is not None:
        yield RequiredSecret(settings.posthog.api_key, "events per request")
    yield from _named_elsewhere(settings)


def _named_elsewhere(settings: Settings) -> Iterator[RequiredSecret]:
    """Yield what extras refer to, unless a plain variable says it, and what is only declared."""
    plain = server_environment(settings)
    for name, place in references(settings):
        if name not in plain and not name.startswith(SET_BY_FLY):
            yield RequiredSecret(name, place)
    not_sent = {p for s in (settings.postgres, settings.redis) if s for p in _passwords(s)}
    not_sent.add(query_key_name(settings) or "")
    for name, source in settings.secrets.items():
        if source is SecretSource.CONFIG and name not in not_sent:
            yield RequiredSecret(name, f"gateway:secrets.{name}")


def _passwords(store: Postgres | Redis) -> tuple[str, ...]:
    if isinstance(store, Redis):
        return (store.password,)
    return (store.superuser_password, store.role_password)
