"""Which time-outs bound a request, which are never looked at, and which are no times."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.effective import VERTEX_STREAMS_END
from gateway.explain_timeouts import is_gemini
from gateway.rules.examples import CHAIN, SONNET, grok
from gateway.rules.numbers import number
from gateway.rules.quoting import listed, shown
from gateway.subject import WILDCARD, Deployment, Subject, reference
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule
from stacks.versions import Holds

REQUEST_TIMEOUT: Path = ("litellm", "litellm_settings", "request_timeout")
UNBOUND_S = 6000  # litellm.request_timeout where nothing is set
GUNICORN_S = 600  # gunicorn's own limit as LiteLLM starts it
PATIENT_STREAM_S = 60
TIMES = ("timeout", "request_timeout", "stream_timeout")
ROUTER = "litellm/router.py (_get_timeout, _get_stream_timeout, _get_non_stream_timeout)"


def nothing_ends_it(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong where a chain waits for a time-out that never comes: L005."""
    if _request_timeout(subject) or not subject.given:
        return
    deaf = VERTEX_STREAMS_END.versions.hold(subject.version) is not Holds.NO
    streams = [d.name for d in subject.deployments if deaf and is_gemini(d)]
    if streams and subject.general_chains:
        yield Finding(
            REQUEST_TIMEOUT,
            "",
            "it alone bounds a stream of Gemini that hangs: `timeout` and `stream_timeout` have no "
            f"say there (measured on vertex_ai): {listed(dict.fromkeys(streams))}",
            "set `litellm_settings.request_timeout`, for example 90",
        )
        return
    sources = [source for source in subject.general_chains if _is_unbound(subject, source)]
    if sources:
        yield Finding(
            REQUEST_TIMEOUT,
            "",
            f"no time-out is set, so {UNBOUND_S} s hold: a provider that hangs is not rescued from "
            f"before: {listed(sources)}",
            "set `litellm_settings.request_timeout`, for example 90",
        )


def _is_unbound(subject: Subject, source: str) -> bool:
    if subject.router_settings.get("timeout"):
        return False
    members = subject.deployments if source == WILDCARD else subject.groups.get(source, ())
    return not members or not all(_own_timeout(deployment) for deployment in members)


def _own_timeout(deployment: Deployment) -> Any:
    params = deployment.params
    return params.get("timeout") or params.get("request_timeout")


def _no_limit(subject: Subject) -> Iterator[Finding]:
    if _request_timeout(subject) or subject.router_settings.get("timeout"):
        return
    if any(True for _ in nothing_ends_it(subject)):
        return
    unbound = [d.name for d in subject.deployments if not _own_timeout(d)]
    if unbound:
        yield Finding(
            REQUEST_TIMEOUT,
            "",
            f"no time-out is set, so {UNBOUND_S} s hold for {listed(dict.fromkeys(unbound))}",
            "set `litellm_settings.request_timeout`, for example 90",
        )


def _request_timeout(subject: Subject) -> bool:
    given = subject.litellm_settings.get("request_timeout")
    return bool(given) or bool(subject.environment.get("REQUEST_TIMEOUT"))


def _no_time(subject: Subject) -> Iterator[Finding]:
    for path, values in _places(subject):
        for key in TIMES:
            if values.get(key) is None:
                continue
            written = values[key]
            seconds = number(written)
            if reference(written) is not None or (seconds is not None and seconds > 0):
                continue
            if seconds == 0 and not isinstance(written, bool):
                really = 'LiteLLM reads 0 as "not set", and takes the next time-out that is'
            elif isinstance(written, str):
                really = "LiteLLM makes a number of it at the call: every request fails with it"
            else:
                really = "a time-out is a number of seconds above 0"
            yield Finding(
                (*path, key), shown(written), really, "write a number of seconds, for example 90"
            )


def _places(subject: Subject) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    yield (
        ("litellm", "litellm_settings"),
        {key: value for key, value in subject.litellm_settings.items() if key == "request_timeout"},
    )
    yield (
        ("litellm", "router_settings"),
        {key: value for key, value in subject.router_settings.items() if key != "request_timeout"},
    )
    for deployment in subject.deployments:
        yield (*deployment.path, "litellm_params"), deployment.params


def _patient_streams(subject: Subject) -> Iterator[Finding]:
    if not subject.general_chains or subject.router_settings.get("stream_timeout"):
        return
    bound = number(subject.litellm_settings.get("request_timeout")) or number(
        subject.router_settings.get("timeout")
    )
    if not bound or bound <= PATIENT_STREAM_S:
        return
    if any(not deployment.params.get("stream_timeout") for deployment in subject.deployments):
        yield Finding(
            ("litellm", "router_settings", "stream_timeout"),
            "",
            f"the next time-out holds for streams: one that sends nothing is rescued after "
            f"{bound:g} s",
            "set `router_settings.stream_timeout`; it is also the longest silence between two "
            "pieces, so take the longest pause of your reasoning models",
        )


def _longer_than_the_server(subject: Subject) -> Iterator[Finding]:
    if "run_gunicorn" not in subject.server:
        return
    for path, values in _places(subject):
        for key in TIMES:
            seconds = number(values.get(key))
            if seconds and seconds > GUNICORN_S:
                yield Finding(
                    (*path, key),
                    shown(values[key]),
                    f"LiteLLM starts gunicorn with a limit of {GUNICORN_S} s, and a worker that "
                    "does not answer it is killed with all its requests (BerriAI/litellm #17571)",
                    f"set at most {GUNICORN_S}, or leave `--run_gunicorn` out",
                )


RULES = (
    Rule(
        id="L005",
        title="Nothing ends a request that hangs, so that no chain rescues it",
        severity=Severity.ERROR,
        about="litellm_settings.request_timeout",
        evidence=(
            "facts on LiteLLM, section 1 (x-litellm-timeout: 6000.0)",
            "facts on a local gateway, sections 0.4 and 3 (measured)",
        ),
        remedy="Set `litellm_settings.request_timeout`.",
        failing=grok(CHAIN, more=SONNET),
        passing=grok(f"{CHAIN}litellm_settings: {{request_timeout: 60}}\n", more=SONNET),
        find=nothing_ends_it,
    ),
    Rule(
        id="L112",
        title="No time-out is set",
        severity=Severity.WARNING,
        about="litellm_settings.request_timeout",
        evidence=("facts on LiteLLM, section 1 (x-litellm-timeout: 6000.0)",),
        remedy="Set `litellm_settings.request_timeout`.",
        failing=grok(),
        passing=grok("litellm_settings: {request_timeout: 60}\n"),
        find=_no_limit,
    ),
    Rule(
        id="L113",
        title="A time-out is no number of seconds",
        severity=Severity.ERROR,
        about="timeout, stream_timeout, request_timeout",
        evidence=("run on 1.106.2: `timeout: abc` loads, and each call fails", ROUTER),
        remedy="Write a number of seconds.",
        failing=Example(litellm="litellm_settings: {request_timeout: 90s}\n"),
        passing=Example(litellm="litellm_settings: {request_timeout: 90}\n"),
        find=_no_time,
    ),
    Rule(
        id="L116",
        title="A silent stream is rescued late",
        severity=Severity.WARNING,
        about="router_settings.stream_timeout",
        evidence=(ROUTER, "facts on a local gateway, section 3 (measured)"),
        remedy="Set `router_settings.stream_timeout`.",
        failing=grok(f"{CHAIN}litellm_settings: {{request_timeout: 300}}\n", more=SONNET),
        passing=grok(f"{CHAIN}litellm_settings: {{request_timeout: 60}}\n", more=SONNET),
        find=_patient_streams,
    ),
    Rule(
        id="L118",
        title="A time-out is longer than gunicorn's",
        severity=Severity.WARNING,
        about="litellm_settings.request_timeout",
        evidence=("BerriAI/litellm #17571", "facts on LiteLLM, section 5"),
        remedy="Set at most 600 s.",
        failing=Example(
            litellm="litellm_settings: {request_timeout: 900}\n",
            fly='[processes]\napp = "--config /app/config.yaml --run_gunicorn"\n',
        ),
        passing=Example(
            litellm="litellm_settings: {request_timeout: 300}\n",
            fly='[processes]\napp = "--config /app/config.yaml --run_gunicorn"\n',
        ),
        find=_longer_than_the_server,
    ),
)
