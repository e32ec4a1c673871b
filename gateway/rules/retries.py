"""How long retries keep a request from the group that would answer it, and which never happen."""

from collections.abc import Iterator
from typing import Any

from gateway.explain_attempts import RATE_LIMIT, TIMEOUT, Attempts, attempts
from gateway.explain_timeouts import is_gemini, longest
from gateway.rules.examples import SOUND, with_chains, with_router
from gateway.rules.numbers import count
from gateway.rules.quoting import listed, shown
from gateway.rules.timeouts import nothing_ends_it
from gateway.subject import WILDCARD, Deployment, Subject, mapping, reference
from gateway.worst_case import (
    LONGEST_OBEYED_RETRY_AFTER_S,
    attempts_s,
    backoff_of,
    exactly,
)
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Put, Rule

PATIENCE_S = 600  # the OpenAI clients' own time-out: who asked is gone by then
WALKED = 10  # groups of one walk that are added up: a request tries each once
ROUTER_RETRIES: Path = ("litellm", "router_settings", "num_retries")
WITH_RETRIES = "litellm/router.py (async_function_with_retries)"


def _rate_limits_slept_out(subject: Subject) -> Iterator[Finding]:
    places: dict[Path, list[str]] = {}
    tries: dict[Path, int] = {}
    policies = mapping(subject.router_settings.get("model_group_retry_policy"))
    known: dict[str, Attempts] = {}
    for group in _rescued(subject):
        members = subject.groups.get(group, ())
        if len(members) > 1:
            continue  # a group of several goes on to the next deployment without a sleep
        own = bool(members) and members[0].params.get("num_retries") is not None
        alike = group if own or group in policies else ""
        if alike not in known:
            known[alike] = attempts(subject, group, members, RATE_LIMIT)
        found = known[alike]
        if found.tries > 1:
            path = found.retries.path or ROUTER_RETRIES
            places.setdefault(path, []).append(group)
            tries[path] = max(found.tries, tries.get(path, 0))
    for path, groups in places.items():
        worst = tries[path] * LONGEST_OBEYED_RETRY_AFTER_S
        retries = tries[path] - 1
        yield Finding(
            path,
            str(retries),
            f"a 429's Retry-After of up to 60 s is slept out after every try, with the next group "
            f"ready all along: up to {worst:g} s for {listed(groups)}"
            + (
                "" if _is_written(subject, path) else " (nothing is set, and LiteLLM retries twice)"
            ),
            "set `router_settings.retry_policy.RateLimitErrorRetries: 0`",
        )


def _is_written(subject: Subject, path: Path) -> bool:
    return path != ROUTER_RETRIES or subject.router_settings.get("num_retries") is not None


def _rescued(subject: Subject) -> list[str]:
    """Return the groups that a chain answers for."""
    chains = subject.general_chains
    everybody = subject.groups if WILDCARD in chains else ()
    return [name for name in dict.fromkeys((*chains, *everybody)) if WILDCARD not in name]


def _default_retries(subject: Subject) -> Iterator[Finding]:
    router = subject.router_settings
    policies: list[tuple[tuple[str, ...], Any]] = [(("retry_policy",), router.get("retry_policy"))]
    for group, policy in mapping(router.get("model_group_retry_policy")).items():
        policies.append((("model_group_retry_policy", str(group)), policy))
    for place, policy in policies:
        given = count(mapping(policy).get("DefaultRetries"))
        if given is not None and given > 0:
            yield Finding(
                ("litellm", "router_settings", *place, "DefaultRetries"),
                str(given),
                "a policy skips the question whether an error can be retried: clients' own 400s "
                "are tried again, too",
                "set 0, or name the classes of error",
            )


def _no_number(subject: Subject) -> Iterator[Finding]:
    for path, written in _retry_numbers(subject):
        if written is None or reference(written) is not None:
            continue
        if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
            continue
        whole = count(written)
        fits = isinstance(written, str | float) and whole is not None and whole >= 0
        if path[1] == "model_list":
            really = "LiteLLM takes it for no number, and the router's value in its place"
        elif isinstance(written, int | float) and not isinstance(written, bool):
            really = "LiteLLM loads it, and then no retry happens"
        else:
            really = (
                "LiteLLM loads it, and at the first failure compares it with a number: no retry "
                "happens, and the caller reads a TypeError in place of the provider's error"
            )
        yield Finding(
            path,
            shown(written),
            really,
            f"write {whole}" if fits else "write a whole number from 0",
            (Put(path, whole),) if fits else (),
        )


def _retry_numbers(subject: Subject) -> Iterator[tuple[Path, Any]]:
    for section in ("router_settings", "litellm_settings"):
        values = mapping(subject.top.get(section))
        yield ("litellm", section, "num_retries"), values.get("num_retries")
    for key in ("max_fallbacks", "allowed_fails"):
        yield ("litellm", "router_settings", key), subject.router_settings.get(key)
    for deployment in subject.deployments:
        path = (*deployment.path, "litellm_params", "num_retries")
        yield path, deployment.params.get("num_retries")


def _too_slow(subject: Subject) -> Iterator[Finding]:
    if any(True for _ in nothing_ends_it(subject)):
        return  # L005 says that nothing ends it
    until = _UntilItFails(subject)
    for source in subject.general_chains:
        if source == WILDCARD or source not in subject.groups:
            continue
        walk = until.walk(source)
        seconds = {group: until.seconds(group) for group in walk}
        whole = sum(seconds.values())
        if whole > PATIENCE_S and len(walk) > 1:
            parts = [f"{group} {seconds[group]:.0f} s" for group in walk]
            yield Finding(
                subject.general_chains[source].path,
                source,
                f"when every provider hangs, the last answer comes after {whole:.0f} s "
                f"({listed(parts)}), and a client of OpenAI's leaves after {PATIENCE_S} s",
                "lower the time-outs, or set `num_retries: 0` for groups with a chain",
            )


class _UntilItFails:
    """How long groups take to fail, and which are tried then; each is computed once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._backoff = backoff_of({k: str(v) for k, v in subject.environment.items()})
        self._policies = mapping(subject.router_settings.get("model_group_retry_policy"))
        self._alike: dict[tuple[str, ...], float] = {}
        self._seconds: dict[str, float] = {}
        self._next: dict[str, tuple[str, ...]] = {}

    def walk(self, source: str) -> dict[str, None]:
        """Return the groups that a request walks through if all fail, each once, in order."""
        walk: dict[str, None] = {}
        waiting = [source]
        while waiting and len(walk) < WALKED:
            group = waiting.pop()
            if group not in walk and group in self._subject.groups:
                walk[group] = None
                waiting += self._after(group)
        return walk

    def seconds(self, group: str) -> float:
        """Return the seconds at worst, from the first try to the last."""
        if group not in self._seconds:
            members = self._subject.groups[group]
            alike = (group if group in self._policies else "", *map(_alike, members))
            if alike not in self._alike:
                self._alike[alike] = self._computed(group, members)
            self._seconds[group] = self._alike[alike]
        return self._seconds[group]

    def _after(self, group: str) -> tuple[str, ...]:
        if group not in self._next:
            chain = self._subject.chain_of_hop(group)
            self._next[group] = chain.targets[::-1] if chain else ()
        return self._next[group]

    def _computed(self, group: str, members: tuple[Deployment, ...]) -> float:
        times = longest(self._subject, members)
        if times is None:
            return 0
        attempt = exactly(max(times.whole.value, times.stream.value))
        retries = attempts(self._subject, group, members, TIMEOUT).tries - 1
        count_of = len(members)
        return attempts_s(
            attempt, retries=retries, backoff=self._backoff, deployments=count_of
        ).worst


def _alike(deployment: Deployment) -> str:
    params = deployment.params
    decides = ("timeout", "request_timeout", "stream_timeout", "num_retries")
    values = [params.get(key) for key in decides]
    return repr([is_gemini(deployment), *values])


RULES = (
    Rule(
        id="L056",
        title="A rate limit is slept out while the fallback waits",
        severity=Severity.WARNING,
        about="router_settings.num_retries",
        evidence=(WITH_RETRIES, "facts on a local gateway, sections 0.3 and 8 (measured)"),
        remedy="Set `router_settings.retry_policy.RateLimitErrorRetries: 0`.",
        failing=Example(
            litellm=f"{SOUND}router_settings: {{num_retries: 1, allowed_fails: 2, "
            "fallbacks: [{grok: [sonnet]}]}\n"
        ),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_rate_limits_slept_out,
    ),
    Rule(
        id="L057",
        title="`DefaultRetries` retries clients' own errors",
        severity=Severity.WARNING,
        about="router_settings.retry_policy.DefaultRetries",
        evidence=(WITH_RETRIES, "facts on a local gateway, section 3"),
        remedy="Set 0, or name the classes of error.",
        failing=with_router("retry_policy: {DefaultRetries: 2}"),
        passing=with_router("retry_policy: {InternalServerErrorRetries: 1}"),
        find=_default_retries,
    ),
    Rule(
        id="L119",
        title="A number of retries is no number",
        severity=Severity.ERROR,
        about="router_settings.num_retries",
        evidence=(WITH_RETRIES, "facts on LiteLLM, section 13.6", "run on 1.106.2"),
        remedy="Write a whole number from 0.",
        failing=Example(litellm='router_settings: {num_retries: "3"}\n'),
        passing=Example(litellm="router_settings: {num_retries: 3}\n"),
        find=_no_number,
    ),
    Rule(
        id="L008",
        title="The last group of a chain answers later than anybody waits",
        severity=Severity.WARNING,
        about="router_settings.fallbacks",
        evidence=(
            WITH_RETRIES,
            "facts on a local gateway, section 8: the formula",
            "openai-python: DEFAULT_TIMEOUT is 600 s",
        ),
        remedy="Lower the time-outs, or try groups with a chain only once.",
        failing=with_router(
            "stream_timeout: 30\n  fallbacks: [{grok: [sonnet]}]",
            SOUND.replace("request_timeout: 60", "request_timeout: 400"),
        ),
        passing=with_chains("[{grok: [sonnet]}]"),
        find=_too_slow,
    ),
)
