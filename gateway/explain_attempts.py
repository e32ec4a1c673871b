"""How often a group is tried for each class of error, and which of five places decides that."""

from typing import NamedTuple

from gateway.explain_sources import Sourced, first_given, module, number, params, router, spelled
from gateway.subject import Deployment, Subject, mapping
from stacks.versions import Holds, Versions

ALL_CLASSES_IN_POLICY = Versions(since="1.101.0")
"""Before, a retry policy was asked for `EARLY_CLASSES` only (router_utils/
get_retry_from_policy.py of released versions compared)."""
EARLY_CLASSES = frozenset(
    {
        "AuthenticationError",
        "TimeoutError",
        "RateLimitError",
        "ContentPolicyViolationError",
        "BadRequestError",
    }
)

DEFAULT_RETRIES = Sourced(2, "LiteLLM's default")  # openai.DEFAULT_MAX_RETRIES, router.py
NOT_RETRIED = "never retried"


class ErrorClass(NamedTuple):
    """One way in which a provider fails, as LiteLLM tells them apart.

    `classes` are the names in `retry_policy` (with `Retries`) and `allowed_fails_policy` (with
    `AllowedFails`) that are asked for, in this order. `retried` is LiteLLM's own answer where no
    policy has one, `cools` whether the breaker counts it at all.
    """

    name: str
    status: int
    classes: tuple[str, ...]
    retried: bool
    cools: bool


ERRORS = (
    ErrorClass("500", 500, ("InternalServerError",), retried=True, cools=True),
    ErrorClass("503", 503, ("ServiceUnavailableError",), retried=True, cools=True),
    ErrorClass("429", 429, ("RateLimitError",), retried=True, cools=True),
    ErrorClass("time-out", 408, ("TimeoutError",), retried=True, cools=True),
    ErrorClass("401", 401, ("AuthenticationError",), retried=False, cools=True),
    ErrorClass("404", 404, ("NotFoundError",), retried=False, cools=True),
    ErrorClass("400", 400, ("BadRequestError",), retried=False, cools=False),
    ErrorClass("context window", 400, ("BadRequestError",), retried=False, cools=False),
    ErrorClass(
        "content policy",
        400,
        ("ContentPolicyViolationError", "BadRequestError"),
        retried=False,
        cools=False,
    ),
)
SERVER_ERROR, UNAVAILABLE, RATE_LIMIT, TIMEOUT = ERRORS[:4]


class Attempts(NamedTuple):
    """How often a group is tried at most, and who says so.

    `by_policy` is True where a retry policy decides: it overrules the deployment, and LiteLLM then
    no longer asks whether a retry can help at all.
    """

    error: str
    tries: int
    retries: Sourced
    by_policy: bool


def attempts(
    subject: Subject, group: str, deployments: tuple[Deployment, ...], error: ErrorClass
) -> Attempts:
    """Return the tries of one group for one error.

    The order of the places is that of async_function_with_retries in 1.106.2, litellm/router.py.
    A request's own `num_retries` (body or header) comes before all of them and is not known here.
    Where deployments of the group differ, the most patient one counts.
    """
    decided = _policy(subject, group, error)
    by_policy = decided is not None
    if decided is None:
        decided = _retries(subject, deployments, error)
    return Attempts(error.name, 1 + max(0, int(decided.value)), decided, by_policy)


def all_attempts(
    subject: Subject, group: str, deployments: tuple[Deployment, ...]
) -> tuple[Attempts, ...]:
    """Return the tries for every class of error."""
    return tuple(attempts(subject, group, deployments, error) for error in ERRORS)


def _policy(subject: Subject, group: str, error: ErrorClass) -> Sourced | None:
    """Return what the policy of the group says, or the router's if the group has none at all."""
    groups = mapping(subject.router_settings.get("model_group_retry_policy"))
    own = group in groups
    policy = mapping(groups[group] if own else subject.router_settings.get("retry_policy"))
    where = ("model_group_retry_policy", group) if own else ("retry_policy",)
    path = ("litellm", "router_settings", *where)
    names = (*error.classes, "Default")
    if ALL_CLASSES_IN_POLICY.hold(subject.version) is Holds.NO:
        names = tuple(name for name in names if name in EARLY_CLASSES)
    for key in (f"{name}Retries" for name in names):
        value = number(policy.get(key), subject.environment)
        if value is not None:
            return Sourced(value, spelled((*path, key)), (*path, key))
    return None


def _retries(subject: Subject, deployments: tuple[Deployment, ...], error: ErrorClass) -> Sourced:
    several = len(deployments) > 1
    if not error.retried and not (error.name == "401" and several):
        return Sourced(0, NOT_RETRIED)
    by_router = first_given(
        subject,
        (router(subject, "num_retries"), module(subject, "num_retries")),
        DEFAULT_RETRIES,
        zero_counts=True,
    )
    written = subject.router_settings.get("num_retries")
    if isinstance(written, str) and number(written, subject.environment) is None:
        # Loads, and then compares a text with a number: no retry happens (facts, section 13).
        by_router = Sourced(0, "router_settings.num_retries, which is no number", by_router.path)
    found = (
        first_given(subject, (params(one, "num_retries"),), by_router, zero_counts=True)
        for one in deployments
    )
    return max(found, key=lambda sourced: sourced.value, default=by_router)
