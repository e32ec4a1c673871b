"""When LiteLLM gives one attempt up, streamed and not, and which setting says so."""

from typing import NamedTuple

from gateway.effective_router import REQUEST_TIMEOUT_OUTRANKS_ROUTER, VERTEX_STREAMS
from gateway.explain_sources import (
    Candidate,
    Sourced,
    first_given,
    module,
    params,
    router,
    variable,
)
from gateway.subject import Deployment, Subject
from stacks.versions import Holds

DEFAULT = Sourced(6000, "LiteLLM's default")  # litellm/constants.py
DEFAULT_OF_CLIENT = Sourced(600, "the default of LiteLLM's HTTP client")  # constants.py

GOOGLE = frozenset({"vertex_ai", "vertex_ai_beta", "gemini"})


class TimeOuts(NamedTuple):
    """Seconds of silence after which one attempt ends.

    `stream` counts to the first chunk and then between any two; `deaf` says that only
    `litellm_settings.request_timeout` can set it.
    """

    whole: Sourced
    stream: Sourced
    deaf: bool


def time_outs(subject: Subject, deployment: Deployment) -> TimeOuts:
    """Return both time-outs of one deployment; a request may bring its own, unknown here.

    The order is that of `_get_timeout` and Router.__init__ in 1.106.2, litellm/router.py. Where
    `request_timeout` outranks the router's it bounds each attempt, and with it the clients of
    those providers that take no time-out per call (http_handler.py).
    """
    deaf = is_gemini(deployment) and VERTEX_STREAMS.versions.hold(subject.version) is not Holds.NO
    per_attempt = REQUEST_TIMEOUT_OUTRANKS_ROUTER.versions.hold(subject.version) is not Holds.NO
    whole = _whole(subject, deployment, per_attempt=per_attempt)
    if deaf:
        bound = _request_timeout(subject) if per_attempt else ()
        return TimeOuts(
            whole, first_given(subject, bound, DEFAULT_OF_CLIENT, zero_counts=False), deaf
        )
    first = [params(deployment, "stream_timeout"), router(subject, "stream_timeout")]
    if per_attempt and router(subject, "timeout")[0] is not None:
        # Kept apart from the router's own time-out only where that is given as well.
        first += _request_timeout(subject)
    return TimeOuts(whole, first_given(subject, first, whole, zero_counts=False), deaf)


def is_gemini(deployment: Deployment) -> bool:
    """Tell whether its streams are opened by LiteLLM's client for Gemini, which hears less."""
    name = deployment.model.rpartition("/")[2]
    return deployment.provider in GOOGLE and ("gemini" in name or "*" in name)


def longest(subject: Subject, deployments: tuple[Deployment, ...]) -> TimeOuts | None:
    """Return the time-outs of the deployment that keeps a caller waiting longest."""
    found = [time_outs(subject, deployment) for deployment in deployments]
    return max(found, key=lambda times: max(times.whole.value, times.stream.value), default=None)


def _whole(subject: Subject, deployment: Deployment, *, per_attempt: bool) -> Sourced:
    by_router = [router(subject, "timeout")]
    by_module = _request_timeout(subject)
    candidates = [
        params(deployment, "timeout"),
        params(deployment, "request_timeout"),
        *([*by_module, *by_router] if per_attempt else [*by_router, *by_module]),
    ]
    return first_given(subject, candidates, DEFAULT, zero_counts=False)


def _request_timeout(subject: Subject) -> list[Candidate]:
    return [module(subject, "request_timeout"), variable(subject, "REQUEST_TIMEOUT")]
