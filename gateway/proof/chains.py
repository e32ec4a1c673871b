"""Whether the chains that hold on the gateway are the ones that were rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.proof.answers import OK, Outcome, outcome_of
from gateway.proof.asking import Asker
from gateway.proof.forms import error_in
from gateway.proof.verdicts import Verdict, worst

CHAIN_LIST = "/v1/models"


@dataclass(slots=True)
class Chains:
    """What the comparison found; `may_ask` is False when nothing can be asked at all."""

    verdict: Verdict = Verdict.PASSED
    reasons: list[str] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)
    compared: int = 0
    may_ask: bool = True

    def record(self) -> dict[str, Any]:
        """Return it for the evidence."""
        return {
            "verdict": self.verdict,
            "reasons": self.reasons,
            "differences": self.differences,
            "compared": self.compared,
        }


def compare_chains(asker: Asker, expected: Mapping[str, Mapping[str, Sequence[str]]]) -> Chains:
    """Ask for the list of each kind of fallback and compare group by group."""
    chains = Chains()
    for kind, groups in sorted(expected.items()):
        _compare(asker, kind, groups, chains)
        if not chains.may_ask:
            break
    return chains


def _compare(
    asker: Asker, kind: str, expected: Mapping[str, Sequence[str]], chains: Chains
) -> None:
    query = {"include_metadata": "true", "fallback_type": kind}
    reply = asker.send("GET", CHAIN_LIST, params=query)
    if reply.trouble is not None or reply.status != OK:
        why = f"{reply.trouble} ({reply.why})" if reply.trouble else f"HTTP {reply.status}"
        skipped = reply.trouble is Outcome.SKIPPED
        if (
            reply.trouble is None
            and outcome_of(reply.status, reply.headers, error_in(reply.document)) is Outcome.REFUSED
        ):
            why = f"HTTP {reply.status}, the key was refused"
        chains.verdict = Verdict.INCONCLUSIVE if skipped else Verdict.ERRORED
        chains.reasons.append(f"the list of models could not be read: {why}")
        chains.may_ask = False
        return
    live = _live(reply.document)
    if live is None:
        chains.verdict = worst([chains.verdict, Verdict.ERRORED])
        chains.reasons.append(f"{CHAIN_LIST} answered with something that is no list of models")
        return
    chains.compared += len(expected)
    for group, chain in sorted(expected.items()):
        if live.get(group) != list(chain):
            row = {"kind": kind, "group": group, "expected": list(chain), "live": live.get(group)}
            chains.differences.append(row)
            chains.verdict = Verdict.FAILED
            chains.reasons.append(_told(row))


def _told(row: Mapping[str, Any]) -> str:
    kind = "" if row["kind"] == "general" else f"{row['kind']} "
    live, expected = _named(row["live"]), _named(row["expected"])
    return f"{kind}chain of {row['group']} is {live}, rendered was {expected}"


def _live(document: Any) -> dict[str, list[str]] | None:
    try:
        return {row["id"]: list(row["metadata"]["fallbacks"]) for row in document["data"]}
    except (KeyError, TypeError):
        return None


def _named(chain: Sequence[str] | None) -> str:
    return "unknown to the gateway" if chain is None else " -> ".join(chain) or "empty"
