"""What is left of a case whose answers did not fit into what a machine's exec may print."""

from collections.abc import Mapping
from typing import Any

from gateway.evidence.replay import is_a
from gateway.proof.evidence import ANSWERS, NO_ANSWERS, NOT_OF_PASSED
from gateway.proof.judging import Case
from gateway.proof.looking import LOOKS
from gateway.proof.plan import Plan
from gateway.proof.verdicts import Verdict

Record = Mapping[str, Any]

TEXTS = ("form", "fault", "verdict")
LISTS = ("reasons", "earlier")
TIMES = ("latency_ms", "cold_ms", "warm_ms")


def reduction(evidence: Record) -> str:
    """Return what the evidence keeps of its answers, in the proof's words; "" for all of them.

    Raises ValueError when other answers are left out than these words say.
    """
    told = str(evidence.get("reduced_to", ""))
    for case in (case for edge in evidence["edges"] for case in edge["cases"]):
        kept = "samples" in case
        if told == NOT_OF_PASSED and kept is not (case["verdict"] != Verdict.PASSED):
            raise ValueError(f"reduced_to is {told!r}, and a case is kept otherwise")
        if told == NO_ANSWERS and kept:
            raise ValueError(f"reduced_to is {told!r}, and a case is kept with answers")
        if not told and not kept:
            raise ValueError("a case is kept without its answers, and nothing says why")
    if told not in ("", NOT_OF_PASSED, NO_ANSWERS):
        raise ValueError(f"reduced_to is {told!r}")
    return told


def without_answers(record: Record) -> dict[str, Any]:
    """Return a case's record without its answers."""
    return {name: value for name, value in record.items() if name not in ANSWERS}


def kept_case(case: Case, record: Record, plan: Plan) -> dict[str, Any]:
    """Return what a case without its answers must record, as far as its parts say it.

    Raises ValueError where they contradict each other.
    """
    verdict, limit = Verdict(record["verdict"]), case.limit(plan.litellm_version)
    told = {name: record[name] for name in (*TEXTS, *LISTS, "looks", *TIMES)}
    for name in LISTS:
        if not all(is_a(reason, str) and reason for reason in record[name]):
            raise ValueError(f"{name} are {record[name]!r}")
    for name in TIMES:
        if record[name] is not None and not is_a(record[name], float):
            raise ValueError(f"{name} is {record[name]!r}")
    if record["looks"] != (LOOKS if record["earlier"] else 1):
        raise ValueError(f"{case.form}/{case.fault} was looked at {record['looks']!r} times")
    if (verdict is Verdict.PASSED) is bool(record["reasons"]):
        raise ValueError(f"{case.form}/{case.fault} is {verdict}, for {record['reasons']!r}")
    if verdict is Verdict.KNOWN_LIMIT:
        if limit is None:
            raise ValueError(f"{case.form}/{case.fault} is a known limit that nobody knows")
        told |= {"reasons": [limit.what], "known_limit": limit.id}
    return told
