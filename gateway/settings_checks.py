"""What is wrong with the LiteLLM side of typed settings that no rendered file shows."""

import json
from collections.abc import Callable, Iterable, Iterator

from gateway import proof
from gateway.chains import edges, nearest
from gateway.events.source import is_loopback
from gateway.image.signature import problems_before
from gateway.proof_plan import render_proof_plan
from gateway.secret_names import query_key_name, required_secrets
from stacks.litellm import CacheParams
from stacks.paths import spell
from stacks.problem import Problem
from stacks.settings import Settings

Place = Callable[[str], str]

REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - a name
MOST_PLAN_BYTES = 128 * 1024 - 1  # MAX_ARG_STRLEN of Linux, with the byte that ends it
POSTHOG_API_KEY = "POSTHOG_API_KEY"


def problems(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield all of it; `place` maps a settings path to where it was written."""
    yield from _providers(settings, place)
    yield from _ids(settings, place)
    yield from _probes(settings, place)
    yield from _proof(settings, place)
    yield from _secret_names(settings, place)
    yield from problems_before(settings, place)


def _providers(settings: Settings, place: Place) -> Iterator[Problem]:
    for index, model in enumerate(settings.models):
        if model.provider not in settings.providers:
            near = nearest(model.provider, settings.providers)
            otherwise = "add it to `providers`"
            yield Problem(
                place=place(spell(("models", index, "provider"))),
                id="L066",
                value=model.provider,
                expected=f"no provider has this name; declared are {_list(settings.providers)}",
                next_step=f'did you mean "{near}"? Otherwise {otherwise}' if near else otherwise,
            )


def _ids(settings: Settings, place: Place) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, model in enumerate(settings.models):
        own = str(model.info.get("id", model.id or model.name))
        if own in seen:
            yield Problem(
                place=place(spell(("models", index, "name"))),
                id="L065",
                value=model.name,
                expected="another model has this name; one group of two deployments with one id "
                "is no group of two",
                next_step="give each model a name or an `id` of its own, or remove one of them",
            )
        seen.add(own)


def _probes(settings: Settings, place: Place) -> Iterator[Problem]:
    taken = {edge.probe for edge in edges(settings)}
    for index, model in enumerate(settings.models):
        if model.name in taken:
            yield Problem(
                place=place(spell(("models", index, "name"))),
                id="L067",
                value=model.name,
                expected="the fallback proof uses this name for a group of its own",
                next_step="rename the model, or set another `proof.probe_prefix`",
            )


def _proof(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield what makes a proof that cannot pass: too few requests, a plan too long to send."""
    text = render_proof_plan(settings)
    counters = 2 if settings.metrics else 0  # read before and after
    needed = counters + proof.requests_of(proof.read_plan(json.loads(text)), owned=True)
    given, packed = settings.proof.total_requests, len(proof.pack_plan(text))
    if needed > given:
        yield Problem(
            place=place("proof.total_requests"),
            id="proof.requests",
            value=str(given),
            expected=f"proving every edge in every form takes {needed} requests; with fewer each "
            "release is inconclusive, and undone",
            next_step=f"set {needed + needed // 2}, or ask fewer `proof.forms` or `proof.faults`",
        )
    if packed > MOST_PLAN_BYTES:
        yield Problem(
            place=place("router_settings.fallbacks"),
            id="proof.plan",
            value=f"a plan of {packed} bytes",
            expected=f"it is an argument of a command in the machine, where Linux takes "
            f"{MOST_PLAN_BYTES} bytes",
            next_step='declare fewer fallbacks, or rescue groups of models together by `"*"`',
        )


def _secret_names(settings: Settings, place: Place) -> Iterator[Problem]:
    redis, named = settings.redis, settings.router_settings.redis_password
    if redis is not None:
        wrong = named is not None and named != redis.password
        if wrong or (_caches_in_redis(settings) and redis.password != REDIS_PASSWORD):
            yield Problem(
                place=place("redis.password"),
                id="L033",
                value=redis.password,
                expected="the response cache reads REDIS_PASSWORD, the router what "
                "`redis_password` names; any other name is silently no password",
                next_step="name it REDIS_PASSWORD in both places",
            )
    posthog = settings.posthog
    if posthog is not None and posthog.api_key != POSTHOG_API_KEY:
        yield Problem(
            place=place("posthog.api_key"),
            id="L033",
            value=posthog.api_key,
            expected="LiteLLM reads POSTHOG_API_KEY and no other name; without it no event is sent",
            next_step="name the secret POSTHOG_API_KEY",
        )
    yield from _posthog_query(settings, place)


def _posthog_query(settings: Settings, place: Place) -> Iterator[Problem]:
    query = settings.posthog.query if settings.posthog else None
    if query is not None and not (query.host.startswith("https:") or is_loopback(query.host)):
        yield Problem(
            place=place("posthog.query.host"),
            id="L069",
            value=query.host,
            expected="a personal API key would be sent in clear text",
            next_step="use https",
        )
    query_key = query_key_name(settings)
    sent = {secret.name: secret.why for secret in required_secrets(settings)}
    if query_key is not None and query_key in sent:
        yield Problem(
            place=place("posthog.query.api_key"),
            id="L068",
            value=query_key,
            expected=f"every machine gets this secret ({sent[query_key]}), and whoever holds a "
            "personal API key reads all of the project's events",
            next_step="give the query a secret of its own, such as POSTHOG_PERSONAL_API_KEY",
        )


def _caches_in_redis(settings: Settings) -> bool:
    section = settings.litellm_settings
    params = section.cache_params or CacheParams()
    return bool(section.cache) and params.type == "redis"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
