"""Documents of real runs of the proof against the stub gateway, one for each way it can end."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import httpx

from gateway import proof
from gateway.events.joining import events_record, rescues_of, with_events
from gateway.events.source import Event
from gateway.evidence.document import ASKED, INSIDE, OUTSIDE, Gate, Subject, build, proof_digest
from gateway.proof.command_line import evidence_of_none
from tests.unit.gateway.stub_gateway import StubFaults, StubGateway, body_of, edges, plan
from tests.unit.gateway.test_proof import Counters
from tests.unit.gateway.test_proof_breaker import BREAKER, Group

AT = "2026-11-24T12:00:00.000+00:00"
METRICS = "http://gateway.test/metrics/"
FORMS = ["chat", "chat_stream"]

Document = dict[str, Any]


def subject(**changes: str) -> Subject:
    """Return what was proven; every field has a value of its own."""
    told = {
        "app": "acme-gateway",
        "environment": "dev",
        "bundle": "ab" * 32,
        "plan_bundle": "ab" * 32,
        "image": "ghcr.io/berriai/litellm:v1.106.2",
        "image_digest": f"sha256:{'12' * 32}",
        "config_digest": f"sha256:{'34' * 32}",
        "toml_digest": f"sha256:{'56' * 32}",
        "judged_by": proof_digest(),
    }
    return Subject(**{**told, **changes})


def document_of(
    told: Mapping[str, Any], *gates: Gate, secrets: Sequence[str] = (), **changes: str
) -> Document:
    """Return the document of some gates, all of which were asked by one plan."""
    return build(subject(**changes), told, gates, at=AT, secrets=secrets)


def inside(told: dict[str, Any], *, faults: StubFaults | None = None, **fields: Any) -> Gate:
    """Return gate 1 of a stub gateway, asked with faults of its own and with counters."""
    special = fields.pop("override", None) or (lambda _: None)
    gateway = StubGateway(faults=faults or StubFaults(), **fields)
    counters = Counters(gateway)
    gateway.override = lambda request: counters(request) or special(request)
    around = proof.Surroundings(METRICS, gateway.faults)
    return Gate(INSIDE, "3d8d9014b32d89", gateway.prove(plan=told, surroundings=around))


def outside(told: dict[str, Any], gate: str = OUTSIDE, **fields: Any) -> Gate:
    """Return a gate that asked a stub gateway through its public address."""
    return Gate(gate, evidence=StubGateway(**fields).prove(plan=told))


def full_plan(**changes: Any) -> dict[str, Any]:
    """Return a plan with two forms, several samples and faults of the proof's own."""
    asked = edges(forms=FORMS, faults=["refused", "server_error", "rate_limit"])
    return plan(edges=asked, samples=3, **changes)


def proven_by_two_gates() -> Document:
    """A release that both of its gates passed."""
    told = full_plan()
    return document_of(told, inside(told, cost="0.001"), outside(told, cost="0.001"))


def asked_by_a_person() -> Document:
    """A proof of a release that is not what the settings say, asked for by hand."""
    told = plan()
    return document_of(told, outside(told, ASKED), plan_bundle="cd" * 32)


def without_fallbacks() -> Document:
    """A gateway that never falls back, found so by gate 1."""
    told = full_plan()
    return document_of(told, inside(told, never_falls_back=True))


def failed_from_outside() -> Document:
    """A release whose gate 2 failed after gate 1 had passed: it is undone."""
    told = full_plan()
    return document_of(told, inside(told), outside(told, chains={"a/one": ["c/three"]}))


def target_down() -> Document:
    """A target whose provider is down: nothing was shown, after two looks."""
    return document_of(plan(), outside(plan(), down={"b/two"}))


def target_asked_anew() -> Document:
    """A target that was down, and slower each time that it was asked, for case after case."""
    seconds = iter(number * number / 1000 for number in range(10**6))
    gateway = StubGateway(faults=StubFaults(), down={"b/two"})
    told = full_plan(concurrency=1, total_timeout_s=10**6)
    return document_of(
        told, Gate(INSIDE, "3d8d", gateway.prove(plan=told, clock=lambda: next(seconds)))
    )


def target_recovered() -> Document:
    """A target that answered the second time only."""
    return document_of(plan(), outside(plan(), recovers_after={"b/two": 1}))


def always_falls_back() -> Document:
    """A gateway whose targets never answer by themselves."""
    return document_of(plan(), outside(plan(), always_falls_back=True))


def limits_used_up() -> Document:
    """A proof that ran out of requests."""
    told = plan(total_requests=6, concurrency=1)
    return document_of(told, outside(told))


def unreachable() -> Document:
    """A release whose gate 2 reached nobody."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    return document_of(plan(), inside(plan()), outside(plan(), override=refuse))


def key_refused() -> Document:
    """A proof with another key than the gateway's."""
    return document_of(plan(), Gate(OUTSIDE, evidence=StubGateway().prove(key="sk-another")))


def known_limits() -> Document:
    """Streams that break, which the pinned LiteLLM does not hand over, and a hang it sits out."""
    faults = StubFaults()

    def broken(request: httpx.Request) -> httpx.Response | None:
        cut = b"[fault cut_stream" in request.content
        if not cut or not body_of(request).get("stream"):
            return None
        faults.status(request.content)
        event = 'data: {"error": {"message": "owned fault"}}\n\n'
        return httpx.Response(200, headers={"x-litellm-call-id": "1"}, text=event)

    gemini, *others = edges(forms=FORMS, faults=["refused", "cut_stream"])
    gemini |= {"speaks": "gemini", "faults": ["refused", "hang"]}
    told = plan(edges=[gemini, *others])
    return document_of(told, inside(told, faults=faults, override=broken))


def port_taken() -> Document:
    """A gate 1 whose own faults could not be had: another proof was at work."""
    told = full_plan()
    gateway = StubGateway(faults=StubFaults(taken=True))
    return document_of(told, Gate(INSIDE, "3d8d9014b32d89", gateway.prove(plan=told)))


def classes_of_errors() -> Document:
    """A fallback that only a fault inside the machine can prove, asked for from outside."""
    general, window, last = edges()
    window |= {"kind": "context_window", "faults": ["context_window"]}
    told = plan(edges=[general, window, last], unproven=[{**_named(last), "why": "no probe"}])
    return document_of(told, inside(told), outside(told))


def with_breaker(group: Group | None = None) -> Document:
    """A proof with the breaker's, on a clock of the group's own."""
    breaks = group or Group()
    told = plan(breaker=BREAKER, concurrency=1, total_timeout_s=120, warm_rescue_ms=200)
    evidence = StubGateway(override=breaks).prove(
        plan=told,
        clock=lambda: breaks.now,
        surroundings=proof.Surroundings(breaker=True, sleep=breaks.sleep),
    )
    return document_of(told, Gate(ASKED, evidence=evidence))


def breaker_that_never_opens() -> Document:
    """A proof of a breaker that stays closed."""
    return with_breaker(Group(opens_after=None))


def breaker_that_never_closes() -> Document:
    """A proof of a breaker that stays open."""
    return with_breaker(Group(cooldown_s=None))


def reduced(limit: int = 2600) -> Document:
    """A gate 1 whose answers did not fit into what a machine's exec may print."""
    told = full_plan()
    gate = inside(told, down={"b/two"})
    assert gate.evidence is not None
    small = proof.unpack(proof.pack(gate.evidence, limit))
    assert small["reduced_to"]
    return document_of(told, Gate(INSIDE, gate.machine, small))


def reduced_to_no_answers() -> Document:
    """A gate 1 of which no answer is kept at all."""
    return reduced(limit=0)


def ended_early() -> Document:
    """A gate 1 whose program could not read its plan, and said so."""
    evidence = evidence_of_none(ValueError("plan schema 99, this proof knows 2"), "http://x.test")
    return document_of(plan(), Gate(INSIDE, "3d8d9014b32d89", evidence))


def never_proven() -> Document:
    """A gate 1 that came to no proof, because the machine could not be asked."""
    return document_of(plan(), Gate(INSIDE, "3d8d9014b32d89", error="Fly answered 503"))


def told_by_events() -> Document:
    """A gate whose rescues a service tells of, but for the first half of the first one."""
    gate = outside(plan())
    assert gate.evidence is not None
    at = {"at": AT, "trace_id": ""}
    found = [
        Event(rescue.nonce, failed, group, rescue.probe, **at)
        for rescue in rescues_of(gate.evidence)
        for failed, group in ((True, rescue.probe), (False, rescue.target))
    ]
    asked: dict[str, Any] = {"source": "PostHog", "trouble": "", "waited_s": 2.0, "looks": 3}
    record = events_record(gate.evidence, found[1:], **asked)
    return document_of(plan(), Gate(OUTSIDE, evidence=with_events(gate.evidence, record)))


CASES: tuple[Callable[[], Document], ...] = (
    proven_by_two_gates,
    asked_by_a_person,
    without_fallbacks,
    failed_from_outside,
    target_down,
    target_asked_anew,
    target_recovered,
    always_falls_back,
    limits_used_up,
    unreachable,
    key_refused,
    known_limits,
    port_taken,
    classes_of_errors,
    with_breaker,
    breaker_that_never_opens,
    breaker_that_never_closes,
    reduced,
    reduced_to_no_answers,
    ended_early,
    never_proven,
    told_by_events,
)


@cache
def made(case: Callable[[], Document]) -> Document:
    """Return one document, made once; whoever changes it copies it first."""
    return case()


def _named(edge: Mapping[str, Any]) -> dict[str, Any]:
    return {name: edge[name] for name in ("kind", "source", "position", "target", "probe")}
