"""Which time-outs LiteLLM never looks at, because another one is read before them."""

from collections.abc import Iterator

from gateway.effective import REQUEST_TIMEOUT_OUTRANKS_ROUTER
from gateway.rules.examples import CHAIN, SONNET, grok
from gateway.rules.numbers import number
from gateway.rules.quoting import shown
from gateway.subject import WILDCARD, Subject
from stacks.problem import Severity
from stacks.rule import Finding, Remove, Rule

ORDER = "litellm/router.py (_get_timeout, _get_stream_timeout, _get_non_stream_timeout)"


def _outranked_in_router(subject: Subject) -> Iterator[Finding]:
    mine = number(subject.router_settings.get("timeout"))
    wins = number(subject.litellm_settings.get("request_timeout"))
    if mine and wins and mine > 0 and mine != wins:
        yield Finding(
            ("litellm", "router_settings", "timeout"),
            shown(subject.router_settings["timeout"]),
            "`litellm_settings.request_timeout` outranks it at every attempt: "
            f"{shown(subject.litellm_settings['request_timeout'])} s hold",
            "write the same number in both places, or remove this one",
        )


def _outranked_in_model(subject: Subject) -> Iterator[Finding]:
    for deployment in subject.deployments:
        params = deployment.params
        mine, wins = params.get("request_timeout"), params.get("timeout")
        if mine and wins and mine != wins:
            path = (*deployment.path, "litellm_params", "request_timeout")
            yield Finding(
                path,
                shown(mine),
                f"`timeout` beside it is read first: {shown(wins)} s hold",
                "remove it",
                (Remove(path),),
            )


def _longer_than_all(subject: Subject) -> Iterator[Finding]:
    limit = number(subject.litellm_settings.get("request_timeout"))
    chained = subject.general_chains
    if not limit or not chained:
        return
    for deployment in subject.deployments:
        own = number(deployment.params.get("timeout"))
        if own and own > limit and (WILDCARD in chained or deployment.name in chained):
            yield Finding(
                (*deployment.path, "litellm_params", "timeout"),
                shown(deployment.params["timeout"]),
                f"a model's own time-out wins over `litellm_settings.request_timeout` "
                f"({shown(subject.litellm_settings['request_timeout'])} s): this group is rescued "
                "from a hang later than the others",
                "lower it, or leave it if the model really needs the time",
            )


RULES = (
    Rule(
        id="L114",
        title="`router_settings.timeout` is outranked",
        severity=Severity.WARNING,
        about="router_settings.timeout",
        evidence=(ORDER, "facts on LiteLLM, section 1"),
        remedy="Write one number in both places.",
        failing=grok("litellm_settings: {request_timeout: 60}\nrouter_settings: {timeout: 30}\n"),
        passing=grok("litellm_settings: {request_timeout: 60}\nrouter_settings: {timeout: 60}\n"),
        find=_outranked_in_router,
        versions=REQUEST_TIMEOUT_OUTRANKS_ROUTER.versions,
    ),
    Rule(
        id="L115",
        title="A model's `request_timeout` is never read beside its `timeout`",
        severity=Severity.WARNING,
        about="model_list[].litellm_params.request_timeout",
        evidence=(ORDER,),
        remedy="Remove it.",
        failing=grok(params=", timeout: 60, request_timeout: 30"),
        passing=grok(params=", timeout: 60"),
        find=_outranked_in_model,
    ),
    Rule(
        id="L133",
        title="A model's own time-out is longer than the common one",
        severity=Severity.WARNING,
        about="model_list[].litellm_params.timeout",
        evidence=(ORDER, "facts on LiteLLM, section 1"),
        remedy="Lower it, or leave it on purpose.",
        failing=grok(
            f"{CHAIN}litellm_settings: {{request_timeout: 60}}\n", ", timeout: 300", SONNET
        ),
        passing=grok(
            f"{CHAIN}litellm_settings: {{request_timeout: 60}}\n", ", timeout: 30", SONNET
        ),
        find=_longer_than_all,
    ),
)
