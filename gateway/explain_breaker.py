"""When LiteLLM stops sending requests to a group that fails (cooldown), and for how long."""

from dataclasses import dataclass

from gateway.effective_router import (
    ALLOWED_FAILS_OF_3,
    LONE_GROUPS_STAY_OPEN,
    MODEL_ALLOWED_FAILS,
    MODEL_ALLOWED_FAILS_SHUTS,
)
from gateway.explain_attempts import ERRORS, ErrorClass
from gateway.explain_sources import Sourced, first_given, info, number, params, router, variable
from gateway.explain_sources import spelled as spelled_path
from gateway.fact import Fact
from gateway.subject import Deployment, Subject, mapping
from stacks.paths import Path
from stacks.versions import Holds

COOLDOWN = Sourced(5, "LiteLLM's default")  # DEFAULT_COOLDOWN_TIME_SECONDS, litellm/constants.py
MODULE_ALLOWED_FAILS = 3
LONE = "a group of one deployment without a chain rests by no number, only by a policy"
AT_ONCE = Sourced(0, "LiteLLM's own rule: an error that no retry can mend")
RATE_LIMIT_AMONG_SEVERAL = Sourced(0, "LiteLLM's own rule: a rate limit where others can answer")


@dataclass(frozen=True, slots=True)
class Trips:
    """What opens the breaker for one class of error.

    `allowed` failures within the window change nothing, the next one opens it; None: it never
    opens, and `why` says why. Tries of one request count as one failure (peers, section 0).
    """

    error: str
    allowed: Sourced | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one group.

    `window_s` is how long a failure is remembered, and how long the group rests. `shared` tells
    whether all workers count together, in Redis; `workers` how many count apart if they do not.
    """

    single: bool
    trips: tuple[Trips, ...]
    window_s: Sourced
    shared: bool
    workers: int

    def of(self, error: ErrorClass) -> Trips:
        """Return what opens it for one class of error."""
        return next(trip for trip in self.trips if trip.error == error.name)


def breaker(subject: Subject, deployments: tuple[Deployment, ...]) -> Breaker:
    """Return a group's breaker; of deployments that differ, the first one's."""
    single = len(deployments) <= 1
    first = deployments[0] if deployments else Deployment(0, "", {}, {})
    window = first_given(
        subject,
        (
            info(first, "cooldown_time"),
            params(first, "cooldown_time"),
            router(subject, "cooldown_time"),
            variable(subject, "DEFAULT_COOLDOWN_TIME_SECONDS"),
        ),
        COOLDOWN,
        zero_counts=False,
    )
    trips = tuple(_trips(subject, first, error, single=single) for error in ERRORS)
    return Breaker(single, trips, window, _shares_redis(subject), workers(subject))


def workers(subject: Subject) -> int:
    """Return how many processes serve on one machine."""
    for raw in (subject.server.get("num_workers"), subject.environment.get("NUM_WORKERS")):
        value = number(raw, subject.environment)
        if value is not None and value >= 1:
            return int(value)
    return 1


def _trips(subject: Subject, deployment: Deployment, error: ErrorClass, *, single: bool) -> Trips:
    """Follow _should_cooldown_deployment of 1.84.0 to 1.109.1, router_utils/cooldown_handlers.py.

    Releases before 1.98.0 read nothing of a deployment; from 1.108.1 on a lone one is one whose
    group has no chain either.
    """
    if subject.router_settings.get("disable_cooldowns") is True:
        return Trips(error.name, None, "router_settings.disable_cooldowns")
    reads_models = _holds(subject, MODEL_ALLOWED_FAILS_SHUTS) or not _holds(
        subject, MODEL_ALLOWED_FAILS
    )
    policy = mapping(deployment.info.get("allowed_fails_policy")) if reads_models else {}
    named = _of_policy(subject, policy, error, (*deployment.path, "model_info"))
    if named is not None:
        return Trips(error.name, named)
    if not error.cools:
        return Trips(error.name, None, "the caller's own error is never counted")
    stays_open = single and _holds(subject, LONE_GROUPS_STAY_OPEN)
    lone = stays_open and subject.chain_of(deployment.name) is None
    own = deployment.info.get("allowed_fails") if reads_models else None
    if own is not None:
        value = number(own, subject.environment)
        if lone or value is None or (single and not stays_open):
            why = "`model_info.allowed_fails` is ignored in a group of one deployment"
            return Trips(error.name, None, LONE if lone else why)
        path = (*deployment.path, "model_info", "allowed_fails")
        return Trips(error.name, Sourced(value, spelled_path(path), path))
    return _of_router(subject, error, single=single, lone=lone)


def _holds(subject: Subject, fact: Fact) -> bool:
    return fact.versions.hold(subject.version) is not Holds.NO


def _of_router(subject: Subject, error: ErrorClass, *, single: bool, lone: bool) -> Trips:
    section: Path = ("litellm", "router_settings")
    policy = mapping(subject.router_settings.get("allowed_fails_policy"))
    written = number(subject.router_settings.get("allowed_fails"), subject.environment)
    given = _is_set(subject, written)
    if not given and not policy:
        return _by_default(error, single=single, written=written)
    named = _of_policy(subject, policy, error, section)
    if named is not None:
        return Trips(error.name, named)
    if lone:
        return Trips(error.name, None, LONE)
    path = (*section, "allowed_fails")
    if written is None:
        return Trips(error.name, Sourced(_module_value(subject), "LiteLLM's default"))
    return Trips(error.name, Sourced(written, spelled_path(path), path))


def _by_default(error: ErrorClass, *, single: bool, written: float | None) -> Trips:
    """Return LiteLLM's own rule, which holds where nobody set anything that it takes as set."""
    if not error.retried:
        return Trips(error.name, AT_ONCE)
    if single:
        said = f"allowed_fails {written:g} is read as not set; " if written is not None else ""
        rule = "one deployment rests only after 1,000 failures and no success in a minute"
        return Trips(error.name, None, said + rule)
    if error.status == 429:  # noqa: PLR2004 - the status of a rate limit
        return Trips(error.name, RATE_LIMIT_AMONG_SEVERAL)
    return Trips(error.name, None, "a deployment rests when over half of 5 or more requests fail")


def _is_set(subject: Subject, written: float | None) -> bool:
    """Tell whether LiteLLM takes `allowed_fails` as set: one equal to its default is not."""
    if written is None:
        return False
    if not _holds(subject, ALLOWED_FAILS_OF_3):
        return True
    return written != _module_value(subject)


def _module_value(subject: Subject) -> float:
    """Return what the router compares with: `litellm_settings.allowed_fails` changes it."""
    raw = subject.litellm_settings.get("allowed_fails")
    value = number(raw, subject.environment)
    return MODULE_ALLOWED_FAILS if value is None else value


def _of_policy(
    subject: Subject, policy: object, error: ErrorClass, section: Path
) -> Sourced | None:
    values = mapping(policy)
    for name in error.classes:
        key = f"{name}AllowedFails"
        value = number(values.get(key), subject.environment)
        if value is not None:
            path = (*section, "allowed_fails_policy", key)
            return Sourced(value, spelled_path(path), path)
    return None


def _shares_redis(subject: Subject) -> bool:
    if any(subject.router_settings.get(key) for key in ("redis_host", "redis_url")):
        return True
    cache = mapping(subject.litellm_settings.get("cache_params"))
    return bool(subject.litellm_settings.get("cache")) and cache.get("type", "redis") == "redis"
