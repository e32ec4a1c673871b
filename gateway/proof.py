"""Proves on a running gateway that every declared fallback rescues a request.

One file on purpose, longer than the others: it is shipped into the machine and run there by the
image's Python (3.11 or later) with nothing but the standard library and httpx, and it is imported
by the program for the second gate. Its input is the plan of `gateway.proof_plan`, its output the
evidence: one JSON document without any key or text of a model.

An edge is *failed* when the gateway said no, *inconclusive* when its target's provider is down, and
*errored* when the checker could not look. What a provider's hiccup may explain is looked at once
more; what only the gateway can have done is final.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx

SCHEMA = 1  # of plan and evidence
PATHS = {"chat": "/v1/chat/completions", "embeddings": "/v1/embeddings"}
CONTENT = {"chat": "choices", "embeddings": "data"}  # what a real answer's body holds
CHAIN_LIST = "/v1/models"
CHAIN_QUERY = {"include_metadata": "true", "fallback_type": "general"}
COUNTER = "litellm_deployment_successful_fallbacks_total"
DEAD_PRIMARY = (500, 429)  # refused connection, and the same group once its breaker is open
MAX_BODY_BYTES = 4 * 1024 * 1024

UNKNOWN_GROUP = "invalid model name"

# Messages quote callers' keys and providers' texts, so only these phrases enter the evidence.
PHRASES = (
    "no fallback model group was found",
    "no deployments available",
    UNKNOWN_GROUP,
    "connection error",
    "also failed",
    "no connected db",
)


class Verdict(StrEnum):
    """How a look ended; the order of `WORST_FIRST` decides between several."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"


WORST_FIRST = (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.PASSED)
EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.FAILED: 2,
    Verdict.INCONCLUSIVE: 2,
    Verdict.ERRORED: 1,
}


class Outcome(StrEnum):
    """What came back from one request.

    ANSWERED: LiteLLM's own answer, of any status. TIMEOUT: none in time. UNREACHABLE: no
    connection, or it broke. FOREIGN: an answer that LiteLLM did not write, such as a proxy's 503.
    REFUSED: the key was not accepted. SKIPPED: the proof's own time was up.
    """

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FOREIGN = "foreign"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's answer, reduced to what decides; `error` is a class or a known phrase."""

    outcome: Outcome
    nonce: str
    latency_ms: float
    status: int | None = None
    group: str | None = None
    fallbacks: int | None = None
    cached: bool = False
    complete: bool = False
    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against a pass; a final one is not looked at again."""

    verdict: Verdict
    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A target asked directly; when that was not clean, `direct` asked without fallbacks."""

    state: str  # healthy, down, always-falls-back, unknown
    positive: Answer
    direct: Answer | None = None


@dataclass(slots=True)
class Look:
    """Everything seen of one edge in one round."""

    samples: list[Answer]
    negative: Answer
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return worst(finding.verdict for finding in self.findings)


def run(
    plan: Mapping[str, Any],
    *,
    client: httpx.Client,
    key: str,
    clock: Callable[[], float],
    nonce: Callable[[], str],
    progress: Callable[[str], None],
    metrics_url: str | None = None,
) -> dict[str, Any]:
    """Look at every edge of the plan and return the evidence; never raises for what it meets.

    `client` carries the gateway's address and is used from several threads; `clock` counts
    seconds since the epoch and never goes back. Takes at most the plan's `total_timeout_s`,
    plus one request's time-out.
    """
    started = clock()
    asker = _Asker(plan, client, key, clock, nonce, deadline=started + plan["total_timeout_s"])
    before = _counters(asker, metrics_url)
    chains, may_ask = _compare_chains(asker, plan["chains"])
    looks: list[list[Look]] = [[] for _ in plan["edges"]]
    targets: dict[str, Target] = {}
    if may_ask:
        progress(f"proof: {len(plan['edges'])} edges at {client.base_url}")
        looks, targets = _look_twice(asker, plan["edges"])
    edges = [
        _edge_record(edge, seen, chains["reasons"])
        for edge, seen in zip(plan["edges"], looks, strict=True)
    ]
    for record in edges:
        progress(_line(record))
    evidence: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": worst([chains["verdict"], *(Verdict(edge["verdict"]) for edge in edges)]),
        "reasons": [*chains["reasons"], *_reasons(edges if may_ask else [])],
        "started_at": datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds"),
        "duration_s": round(clock() - started, 3),
        "url": str(client.base_url),
        "litellm_version": {
            "expected": plan["litellm_version"],
            "seen": sorted(asker.versions),
        },
        "plan_digest": _sha256(plan),
        "requests": asker.requests,
        "edges": edges,
        "unproven": plan.get("unproven", []),
        "targets": {name: asdict(target) for name, target in sorted(targets.items())},
        "chains": chains,
        "counters": _counter_record(before, _counters(asker, metrics_url), edges),
    }
    evidence = json.loads(canonical(evidence))
    progress(f"proof: {evidence['verdict']} in {evidence['duration_s']:.1f} s")
    return evidence | {"digest": evidence_digest(evidence)}


def canonical(document: Any) -> str:
    """Return the one JSON text of a document: sorted keys, no spaces, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def evidence_digest(evidence: Mapping[str, Any]) -> str:
    """Return the digest over everything but the digest itself."""
    return _sha256({name: value for name, value in evidence.items() if name != "digest"})


def evidence_is_intact(evidence: Mapping[str, Any]) -> bool:
    """Tell whether the evidence is what `run` wrote."""
    return evidence.get("digest") == evidence_digest(evidence)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that decides; passed when there is none."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.PASSED)


def steady_clock() -> Callable[[], float]:
    """Return a clock of seconds since the epoch that does not follow changes of the time."""
    epoch = time.time() - time.monotonic()
    return lambda: epoch + time.monotonic()


def new_nonce() -> str:
    """Return a marker that no request before carried: no cache can know its answer."""
    return f"proof-{uuid.uuid4().hex[:16]}"


def gateway_client(url: str, *, timeout_s: float = 15) -> httpx.Client:
    """Return a client that opens a connection per request, so that every worker gets some.

    The environment's proxy settings are not for the machine's own loopback and are not read.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, timeout=timeout_s, limits=limits, trust_env=False)


class _Asker:
    """Sends the plan's requests and counts them."""

    def __init__(
        self,
        plan: Mapping[str, Any],
        client: httpx.Client,
        key: str,
        clock: Callable[[], float],
        nonce: Callable[[], str],
        *,
        deadline: float,
    ) -> None:
        self.plan = plan
        self.requests = 0
        self.versions: set[str] = set()
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._nonce = nonce
        self._deadline = deadline

    def ask(self, group: str, endpoint: str, *, fallbacks: bool = True) -> Answer:
        """Send one small request to a group; `fallbacks` False turns them off for it."""
        marker = self._nonce()
        body: dict[str, Any] = {"model": group, "cache": {"no-cache": True}}
        if endpoint == "embeddings":
            body["input"] = [marker]
        else:
            content = f"{marker} Answer with the word ok."
            body["messages"] = [{"role": "user", "content": content}]
            body["max_tokens"] = self.plan["max_tokens"]
        if not fallbacks:
            body["disable_fallbacks"] = True
        started = self._clock()
        status, headers, document, error = self.send("POST", PATHS[endpoint], json=body)
        latency_ms = round((self._clock() - started) * 1000, 1)
        if isinstance(error, Outcome):
            return Answer(error, marker, latency_ms, status, error=document)
        version = headers.get("x-litellm-version")
        if version:
            self.versions.add(version)
        return Answer(
            outcome=_outcome(status, headers, document),
            nonce=marker,
            latency_ms=latency_ms,
            status=status,
            group=headers.get("x-litellm-model-group"),
            fallbacks=_whole(headers.get("x-litellm-attempted-fallbacks")),
            cached="x-litellm-cache-key" in headers,
            complete=bool(isinstance(document, dict) and document.get(CONTENT[endpoint])),
            version=version,
            error=_known_error(document),
        )

    def send(self, method: str, url: str, **request: Any) -> tuple[Any, Any, Any, Outcome | None]:
        """Return status, headers and parsed body, or what went wrong with its class name."""
        left = self._deadline - self._clock()
        if left <= 0:
            return None, {}, "total_timeout_s is used up", Outcome.SKIPPED
        limit_s = min(left, self.plan["request_timeout_s"])
        ends = self._clock() + limit_s
        self.requests += 1
        try:
            with self._client.stream(
                method, url, headers=self._headers, timeout=limit_s, **request
            ) as response:
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if self._clock() > ends or len(body) > MAX_BODY_BYTES:
                        return None, {}, "the body did not end", Outcome.TIMEOUT
                return response.status_code, response.headers, _parsed(body), None
        except httpx.TimeoutException as error:
            return None, {}, type(error).__name__, Outcome.TIMEOUT
        except httpx.HTTPError as error:
            return None, {}, type(error).__name__, Outcome.UNREACHABLE


def _look_twice(
    asker: _Asker, edges: Sequence[Mapping[str, Any]]
) -> tuple[list[list[Look]], dict[str, Target]]:
    """Look at all edges, then once more at those whose doubts are not final."""
    looks: list[list[Look]] = [[] for _ in edges]
    targets: dict[str, Target] = {}
    again = list(range(len(edges)))
    with ThreadPoolExecutor(max_workers=asker.plan["concurrency"]) as pool:
        for _ in range(2):
            wanted = {edges[index]["target"]: edges[index]["endpoint"] for index in again}
            checks = {
                name: pool.submit(_check_target, asker, name, endpoint)
                for name, endpoint in wanted.items()
            }
            seen = {index: _submit(pool, asker, edges[index]) for index in again}
            targets |= {name: check.result() for name, check in checks.items()}
            for index, collect in seen.items():
                look = collect()
                look.findings = _judge(edges[index], look, targets[edges[index]["target"]], asker)
                looks[index].append(look)
            again = [index for index in again if _is_worth_a_second_look(looks[index][-1])]
            if not again:
                break
    return looks, targets


def _submit(pool: ThreadPoolExecutor, asker: _Asker, edge: Mapping[str, Any]) -> Callable[[], Look]:
    probe, endpoint = edge["probe"], edge["endpoint"]
    samples = [pool.submit(asker.ask, probe, endpoint) for _ in range(asker.plan["samples"])]
    negative = pool.submit(asker.ask, probe, endpoint, fallbacks=False)
    return lambda: Look([sample.result() for sample in samples], negative.result())


def _is_worth_a_second_look(look: Look) -> bool:
    return bool(look.findings) and not any(finding.final for finding in look.findings)


def _check_target(asker: _Asker, name: str, endpoint: str) -> Target:
    positive = asker.ask(name, endpoint)
    if _is_clean(positive, name):
        return Target("healthy", positive)
    if positive.outcome not in (Outcome.ANSWERED, Outcome.TIMEOUT):
        return Target("unknown", positive)
    direct = asker.ask(name, endpoint, fallbacks=False)
    if direct.outcome is Outcome.ANSWERED and direct.status == httpx.codes.OK:
        # The provider is up. Either it was down a moment ago, or the gateway falls back always.
        repeated = asker.ask(name, endpoint)
        state = "healthy" if _is_clean(repeated, name) else "always-falls-back"
        return Target(state, repeated, direct)
    state = "down" if direct.outcome in (Outcome.ANSWERED, Outcome.TIMEOUT) else "unknown"
    return Target(state, positive, direct)


def _is_clean(answer: Answer, group: str) -> bool:
    return (
        answer.status == httpx.codes.OK
        and answer.complete
        and answer.fallbacks == 0
        and answer.group == group
        and not answer.cached
    )


def _judge(edge: Mapping[str, Any], look: Look, target: Target, asker: _Asker) -> list[Finding]:
    """Return every reason against a pass, from both controls and all samples."""
    found: list[Finding] = []
    name = edge["target"]
    if target.state == "always-falls-back":
        reason = f"positive control: {name} is up, and {_said(target.positive)} answered for it"
        found.append(Finding(Verdict.FAILED, reason, final=True))
    elif target.state == "down":
        reason = f"positive control: {name} itself does not answer ({_said(target.positive)})"
        found.append(Finding(Verdict.INCONCLUSIVE, reason))
    elif target.state == "unknown":
        reason = f"positive control: {_said(target.direct or target.positive)}"
        found.append(Finding(Verdict.ERRORED, reason))
    found += _judge_negative(look.negative)
    for sample in look.samples:
        found += _judge_sample(sample, edge, target, asker.plan["litellm_version"])
    return found


def _judge_negative(answer: Answer) -> list[Finding]:
    said = f"negative control: {_said(answer)}"
    succeeded = answer.status == httpx.codes.OK or bool(answer.fallbacks)
    return _first(
        (answer.outcome is Outcome.TIMEOUT, Finding(Verdict.INCONCLUSIVE, said)),
        (answer.outcome is not Outcome.ANSWERED, Finding(Verdict.ERRORED, said)),
        (
            succeeded,
            Finding(
                Verdict.FAILED,
                f"{said}, although its primary is dead and fallbacks are off",
                final=True,
            ),
        ),
        (
            answer.error == UNKNOWN_GROUP,
            Finding(Verdict.FAILED, f"{said}: the gateway does not know the probe", final=True),
        ),
        (
            answer.status not in DEAD_PRIMARY,
            Finding(Verdict.INCONCLUSIVE, f"{said}, where 500 or 429 shows the dead primary"),
        ),
    )


def _judge_sample(
    answer: Answer, edge: Mapping[str, Any], target: Target, version: str
) -> list[Finding]:
    said = _said(answer)
    looked = answer.outcome in (Outcome.ANSWERED, Outcome.TIMEOUT)
    # A target that is down explains whatever else went wrong on the way to it.
    no = Verdict.INCONCLUSIVE if target.state == "down" else Verdict.FAILED
    other = f"{answer.group} answered in place of {edge['target']}"
    pinned = f"LiteLLM {answer.version} answered, {version} is pinned"
    return _first(
        (not looked, Finding(Verdict.ERRORED, said)),
        (answer.status != httpx.codes.OK, Finding(no, f"{said}, not rescued")),
        (answer.cached, Finding(Verdict.INCONCLUSIVE, f"{said}, from the response cache")),
        (not answer.fallbacks, Finding(Verdict.FAILED, f"{said}, without a fallback", final=True)),
        (answer.version != version, Finding(Verdict.FAILED, pinned, final=True)),
        (answer.group != edge["target"], Finding(no, other)),
        (not answer.complete, Finding(no, f"{said}, with nothing in it")),
    )


def _first(*rules: tuple[bool, Finding]) -> list[Finding]:
    return next(([finding] for applies, finding in rules if applies), [])


def _compare_chains(
    asker: _Asker, expected: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], bool]:
    """Compare the chains that hold with the rendered ones; False when nothing can be asked."""
    record: dict[str, Any] = {"verdict": Verdict.PASSED, "reasons": [], "differences": []}
    record["compared"] = len(expected)
    status, headers, document, error = asker.send("GET", CHAIN_LIST, params=CHAIN_QUERY)
    if error is not None or status != httpx.codes.OK:
        said = f"{error.value} ({document})" if error else f"HTTP {status}"
        if error is None and _outcome(status, headers, document) is Outcome.REFUSED:
            said = f"HTTP {status}, the key was refused"
        record["verdict"] = Verdict.ERRORED
        record["reasons"] = [f"the list of models could not be read: {said}"]
        return record, False
    live = _live_chains(document)
    if live is None:
        record["verdict"] = Verdict.ERRORED
        record["reasons"] = [f"{CHAIN_LIST} answered with something that is no list of models"]
        return record, True
    for group, chain in sorted(expected.items()):
        if live.get(group) != list(chain):
            record["verdict"] = Verdict.FAILED
            record["differences"].append(
                {"group": group, "expected": list(chain), "live": live.get(group)}
            )
    record["reasons"] = [
        f"chain of {row['group']} is {_named(row['live'])}, rendered was {_named(row['expected'])}"
        for row in record["differences"]
    ]
    return record, True


def _live_chains(document: Any) -> dict[str, list[str]] | None:
    try:
        return {row["id"]: list(row["metadata"]["fallbacks"]) for row in document["data"]}
    except (KeyError, TypeError):
        return None


def _edge_record(
    edge: Mapping[str, Any], looks: Sequence[Look], chain_reasons: Sequence[str]
) -> dict[str, Any]:
    record = {name: edge[name] for name in ("kind", "source", "position", "target", "probe")}
    if not looks:
        return record | {
            "verdict": Verdict.ERRORED,
            "reasons": list(chain_reasons[:1]),
            "latency_ms": None,
            "samples": [],
            "negative": None,
            "looks": 0,
        }
    last = looks[-1]
    passed = last.verdict is Verdict.PASSED
    return record | {
        "verdict": last.verdict,
        "reasons": list(dict.fromkeys(finding.reason for finding in last.findings)),
        "earlier": list(
            dict.fromkeys(finding.reason for look in looks[:-1] for finding in look.findings)
        ),
        "latency_ms": max(sample.latency_ms for sample in last.samples) if passed else None,
        "samples": [asdict(sample) for sample in last.samples],
        "negative": asdict(last.negative),
        "looks": len(looks),
    }


def _reasons(edges: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{edge['source']} -> {edge['target']} (position {edge['position']}): {reason}"
        for edge in edges
        for reason in edge["reasons"]
    ]


def _line(edge: Mapping[str, Any]) -> str:
    took = "" if edge["latency_ms"] is None else f", {edge['latency_ms']:.0f} ms"
    why = f": {edge['reasons'][0]}" if edge["reasons"] else ""
    return f"{edge['verdict']} {edge['source']} -> {edge['target']}{took}{why}"


def _counters(asker: _Asker, url: str | None) -> dict[tuple[str, str], float] | None:
    """Return LiteLLM's count of rescues by (requested, answering) group; None when not readable."""
    if url is None:
        return None
    status, _, text, error = asker.send("GET", url)
    if error is not None or status != httpx.codes.OK or not isinstance(text, str):
        return None
    rows = []
    for line in text.splitlines():
        if not line.startswith(f"{COUNTER}{{"):
            continue
        labels, _, value = line.rpartition("}")
        read = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        edge = (read.get("requested_model", ""), read.get("fallback_model", ""))
        rows.append((edge, float(value.split()[0])))
    rows.sort(key=lambda row: row[0])
    return {
        edge: sum(value for _, value in group)
        for edge, group in groupby(rows, key=lambda row: row[0])
    }


def _counter_record(
    before: Mapping[tuple[str, str], float] | None,
    after: Mapping[tuple[str, str], float] | None,
    edges: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """Say how far LiteLLM's own counters agree; they inform and never decide."""
    if before is None or after is None:
        return None
    deltas = {
        edge["probe"]: after.get(pair, 0) - before.get(pair, 0)
        for edge in edges
        for pair in [(edge["probe"], edge["target"])]
    }
    passed = [edge for edge in edges if edge["verdict"] == Verdict.PASSED]
    agree = all(deltas[edge["probe"]] >= len(edge["samples"]) for edge in passed)
    return {"agree": agree, "deltas": deltas}


def _outcome(status: int, headers: Mapping[str, str], document: Any) -> Outcome:
    error = document.get("error") if isinstance(document, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    refused = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    if status in refused or kind in ("no_db_connection", "auth_error"):
        return Outcome.REFUSED
    return Outcome.ANSWERED if "x-litellm-call-id" in headers else Outcome.FOREIGN


def _known_error(document: Any) -> str | None:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return None
    message = str(error.get("message", "")).lower()
    return next((phrase for phrase in PHRASES if phrase in message), "another error")


def _said(answer: Answer) -> str:
    seconds = f"{answer.latency_ms / 1000:.1f} s"
    if answer.outcome is Outcome.SKIPPED:
        return "not asked: total_timeout_s was used up"
    if answer.outcome is Outcome.TIMEOUT:
        return f"no answer within {seconds}"
    if answer.outcome is Outcome.UNREACHABLE:
        return f"no connection ({answer.error}) after {seconds}"
    if answer.outcome is Outcome.FOREIGN:
        return f"HTTP {answer.status} from something that is not LiteLLM"
    if answer.outcome is Outcome.REFUSED:
        return f"HTTP {answer.status}, the key was refused"
    details = answer.group if answer.status == httpx.codes.OK else answer.error
    return f"HTTP {answer.status} after {seconds}" + (f" ({details})" if details else "")


def _named(chain: Sequence[str] | None) -> str:
    return "unknown to the gateway" if chain is None else " -> ".join(chain) or "empty"


def _parsed(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _sha256(document: Any) -> str:
    return f"sha256:{hashlib.sha256(canonical(document).encode()).hexdigest()}"


def _evidence_of_none(error: Exception, url: str) -> dict[str, Any]:
    # A UnicodeError is about the key's own characters and is not quoted.
    said = "" if isinstance(error, UnicodeError) else f": {error}"
    evidence = {
        "schema": SCHEMA,
        "verdict": Verdict.ERRORED.value,
        "reasons": [f"the proof did not come to its end: {type(error).__name__}{said}"],
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "duration_s": 0.0,
        "url": url,
        "edges": [],
    }
    return evidence | {"digest": evidence_digest(evidence)}


def main(argv: Sequence[str]) -> int:
    """Read the plan, prove, print one JSON document; the exit code is the verdict's."""
    parser = argparse.ArgumentParser(prog="gateway_proof", description="Prove every fallback.")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--plan", type=Path, help="the plan's file")
    given.add_argument("--plan-json", help="the plan itself")
    parser.add_argument("--url", required=True)
    parser.add_argument("--metrics-url")
    parser.add_argument("--key-env", default="LITELLM_MASTER_KEY")
    options = parser.parse_args(argv)
    try:
        plan = json.loads(options.plan_json or options.plan.read_text(encoding="utf-8"))
        if plan["schema"] != SCHEMA:
            raise ValueError(f"plan schema {plan['schema']}, this file knows {SCHEMA}")
        with gateway_client(options.url, timeout_s=plan["request_timeout_s"]) as client:
            evidence = run(
                plan,
                client=client,
                key=os.environ[options.key_env],
                clock=steady_clock(),
                nonce=new_nonce,
                progress=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
                metrics_url=options.metrics_url,
            )
    except (OSError, ValueError, LookupError, TypeError, httpx.InvalidURL) as error:
        evidence = _evidence_of_none(error, options.url)
    sys.stdout.write(canonical(evidence) + "\n")
    return EXIT_CODES[Verdict(evidence["verdict"])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
