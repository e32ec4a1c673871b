"""The proof's own code, asked again: it judges the recorded answers in place of a gateway's."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gateway.proof.answers import COOLED_ERROR, OK, OTHER_ERROR, PHRASES, Answer, Outcome
from gateway.proof.asking import Asker, Reply
from gateway.proof.breaker import CLOSES_LATE_S, LOOK_EVERY_S, breaker_record
from gateway.proof.chains import Chains, compare_chains
from gateway.proof.controls import Target, check_target
from gateway.proof.faults import REFUSED
from gateway.proof.plan import Plan
from gateway.proof.verdicts import Verdict

Record = Mapping[str, Any]

KINDS: Mapping[str, type] = {
    "nonce": str,
    "latency_ms": float,
    "status": int,
    "group": str,
    "fallbacks": int,
    "cached": bool,
    "complete": bool,
    "version": str,
    "error": str,
    "first_byte_ms": float,
    "cost_usd": float,
    "attempts": int,
    "call_id": str,
}
OF_A_GATEWAY = (Outcome.ANSWERED, Outcome.FOREIGN, Outcome.REFUSED)

# Reasons of `gateway.proof.chains` after which nothing was compared.
UNREAD = "the list of models could not be read"
NO_LIST = "answered with something that is no list of models"


class Replay(Asker):
    """Answers with what was recorded, in the order in which it was asked."""

    def __init__(
        self, plan: Plan, answers: Iterable[Answer] = (), live: Mapping[str, Any] | None = None
    ) -> None:
        # One request at a time, so that each gets its own answer.
        self.plan = replace(plan, bounds=replace(plan.bounds, concurrency=1))
        self._answers: Iterator[Answer] = iter(answers)
        self._live = live or {}

    def ask(
        self, group: str, form_name: str, *, fault: str = REFUSED, fallbacks: bool = True
    ) -> Answer:
        """Return the next answer."""
        del group, form_name, fault, fallbacks
        answer = next(self._answers, None)
        if answer is None:
            raise ValueError("fewer answers are recorded than were asked for")
        return answer

    def send(self, method: str, url: str, **request: Any) -> Reply:
        """Return the list of models with the chains of the kind that is asked for."""
        del method, url
        chains = self._live[request["params"]["fallback_type"]]
        rows = [{"id": group, "metadata": {"fallbacks": chain}} for group, chain in chains.items()]
        return Reply(OK, {}, json.dumps({"data": rows}).encode())

    def end(self) -> None:
        """Raise ValueError when an answer was never asked for."""
        if next(self._answers, None) is not None:
            raise ValueError("more answers are recorded than were asked for")


def answer_of(record: Record) -> Answer:
    """Return the answer that a record is of; ValueError for what no proof records."""
    answer = Answer(**{**record, "outcome": Outcome(record["outcome"])})
    for name, kind in KINDS.items():
        value = getattr(answer, name)
        if value is not None and not is_a(value, kind):
            raise ValueError(f"an answer's {name} is {value!r}")
    if answer.record() != record:
        raise ValueError(
            "an answer is recorded with what a proof leaves out, or without its marker"
        )
    known = answer.error in (None, OTHER_ERROR, *PHRASES)
    if answer.outcome in OF_A_GATEWAY and not known:
        raise ValueError(f"an answer's error is {answer.error!r}, and no phrase that is kept")
    return answer


def is_a(value: Any, kind: type) -> bool:
    """Tell whether a value is exactly of a kind; no number of a proof is below zero."""
    return type(value) is kind and not (isinstance(value, int | float) and value < 0)


def replayed_target(plan: Plan, group: str, form: str, record: Record) -> Target:
    """Judge a target's positive control again.

    Of one that was asked three times the first answer is not kept; it cannot have been clean.
    """
    positive = answer_of(record["positive"])
    answers = [positive]
    if "direct" in record:
        direct = answer_of(record["direct"])
        unclean = Answer(Outcome.ANSWERED, "", 0.0)
        answers = [unclean, direct, positive] if was_up(direct) else [positive, direct]
    asker = Replay(plan, answers)
    target = check_target(asker, group, form)
    asker.end()
    return target


def was_up(direct: Answer) -> bool:
    """Tell whether a target answered without fallbacks, so that it was asked a third time."""
    return direct.outcome is Outcome.ANSWERED and direct.status == OK


def replayed_chains(plan: Plan, record: Record) -> tuple[Chains, bool]:
    """Compare the chains again, with the recorded differences; False when they were not read."""
    unread = any(reason.startswith(UNREAD) for reason in record["reasons"])
    if unread or any(NO_LIST in reason for reason in record["reasons"]):
        verdict = Verdict(record["verdict"])
        if verdict is Verdict.PASSED:
            verdict = Verdict.ERRORED
        return Chains(
            verdict, record["reasons"], record["differences"], record["compared"], not unread
        ), False
    live: dict[str, dict[str, Any]] = {
        kind: {group: list(chain) for group, chain in groups.items()}
        for kind, groups in plan.chains.items()
    }
    for row in record["differences"]:
        if row["live"] is None:
            live[row["kind"]].pop(row["group"])
        else:
            live[row["kind"]][row["group"]] = row["live"]
    return compare_chains(Replay(plan, live=live), plan.chains), True


def replayed_breaker(plan: Plan, record: Record) -> tuple[dict[str, Any], bool]:
    """Judge the breaker again; False when what decided is not kept.

    That is so for a breaker that did not open: of the request that showed it only the reason is.
    """
    if plan.breaker is None or not record["opened"]:
        verdict = Verdict(record["verdict"])
        opened = verdict is Verdict.PASSED
        return {**record, "verdict": Verdict.FAILED if opened else verdict}, False
    now, after = [0.0], record["after"]
    latest = plan.breaker.cooldown_s + CLOSES_LATE_S + LOOK_EVERY_S + plan.bounds.request_timeout_s
    if (record["closed_after_s"] or 0.0) > latest:
        raise ValueError(f"the breaker closed after {record['closed_after_s']} s, waited {latest}")
    cooled = Answer(Outcome.ANSWERED, "", 0.0, status=429, error=COOLED_ERROR)
    ended = Answer(Outcome.ANSWERED if after else Outcome.SKIPPED, "", 0.0)
    answers = [answer_of(each) for each in record["burst"]]
    answers += [cooled, *(answer_of(each) for each in record["while_open"]), ended]
    asker = Replay(plan, [*answers, answer_of(after)] if after else answers)

    def sleep(seconds: float) -> None:
        del seconds
        now[0] = record["closed_after_s"] or 0.0

    judged = breaker_record(asker, plan.breaker, lambda: now[0], sleep, lambda _: None)
    asker.end()
    return judged, True
