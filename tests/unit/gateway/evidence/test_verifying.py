"""Evidence that was changed is found, also by what its own records say; what stands is intact."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.evidence.document import INSIDE, OUTSIDE, Gate, proof_digest
from gateway.evidence.files import file_name, text_of
from gateway.evidence.verifying import State, differences, verify
from tests.unit.gateway.evidence.documents import (
    CASES,
    Document,
    document_of,
    failed_from_outside,
    key_refused,
    made,
    never_proven,
    proven_by_two_gates,
    reduced,
    target_down,
    with_breaker,
    without_fallbacks,
)
from tests.unit.gateway.evidence.tampering import (
    changed,
    is_observed,
    leaves,
    rebuilt,
    resealed,
    verified,
)
from tests.unit.gateway.gateway_mutants import HEALTHY, MUTANTS, StubMutant
from tests.unit.gateway.stub_gateway import plan

VERDICTS = {
    "proven_by_two_gates": "passed",
    "failed_from_outside": "failed",
    "without_fallbacks": "failed",
    "always_falls_back": "failed",
    "target_down": "inconclusive",
    "target_recovered": "passed",
    "limits_used_up": "inconclusive",
    "unreachable": "errored",
    "key_refused": "errored",
    "known_limits": "passed",
    "with_breaker": "passed",
    "breaker_that_never_opens": "failed",
    "breaker_that_never_closes": "failed",
    "ended_early": "errored",
    "never_proven": "errored",
}
Case = Callable[[], Document]
Evidence = dict[str, Any]
ANYTHING = st.none() | st.booleans() | st.integers(-2, 600) | st.floats(-1, 600) | st.text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_a_proof_wrote_is_intact(case: Case) -> None:
    found = verified(made(case), digest=made(case)["digest"])

    assert found.state is State.INTACT, found.differences
    assert found.verdict == VERDICTS.get(case.__name__, found.verdict)
    assert found.judged_by_this


@pytest.mark.parametrize("mutant", [*HEALTHY, *MUTANTS], ids=lambda mutant: mutant.name)
def test_what_a_gateway_that_lies_left_is_intact_and_as_bad_as_it_was(mutant: StubMutant) -> None:
    told = plan(**{"concurrency": 1, **mutant.plan})
    owned = mutant.gateway().faults is not None
    gate = Gate(INSIDE, "3d8d", mutant.proven()) if owned else Gate(OUTSIDE, "", mutant.proven())

    found = verified(document_of(told, gate))

    assert found.state is State.INTACT, found.differences
    assert found.verdict == mutant.verdict


@given(st.sampled_from(CASES), st.data())
def test_a_changed_leaf_is_found_by_the_digest(case: Case, data: st.DataObject) -> None:
    document = made(case)
    path, old = data.draw(st.sampled_from(list(leaves(document))))
    new = data.draw(ANYTHING.filter(lambda value: not _is_same(value, old)))

    assert verified(changed(document, path, new)).state is not State.INTACT


@given(st.sampled_from(CASES), st.data())
def test_a_changed_leaf_under_new_digests_is_found_by_the_records_or_was_only_observed(
    case: Case, data: st.DataObject
) -> None:
    document = made(case)
    path, old = data.draw(st.sampled_from(list(leaves(document))))
    new = data.draw(ANYTHING.filter(lambda value: not _is_same(value, old)))
    forged = resealed(changed(document, path, new))

    if verified(forged).state is State.INTACT:
        assert forged == document or is_observed(document, path), (path, old, new)
    if forged != document:
        assert verified(forged, digest=document["digest"]).state is not State.INTACT


def _pass(evidence: Evidence) -> None:
    evidence |= {"verdict": "passed", "reasons": []}


def _pass_edges(evidence: Evidence) -> None:
    _pass(evidence)
    for edge in evidence["edges"]:
        edge |= {"verdict": "passed", "reasons": []}


def _pass_cases(evidence: Evidence) -> None:
    _pass_edges(evidence)
    for edge in evidence["edges"]:
        for case in edge["cases"]:
            case |= {"verdict": "passed", "reasons": []}


def _match_chains(evidence: Evidence) -> None:
    _pass_cases(evidence)
    evidence["chains"] |= {"verdict": "passed", "reasons": [], "differences": []}


def _drop_bad_cases(evidence: Evidence) -> None:
    for edge in evidence["edges"]:
        edge["cases"] = [case for case in edge["cases"] if case["verdict"] == "passed"]
    _pass_edges(evidence)


def _drop_bad_edges(evidence: Evidence) -> None:
    _pass(evidence)
    evidence["edges"] = [edge for edge in evidence["edges"] if edge["verdict"] == "passed"]


def _drop_answers(evidence: Evidence) -> None:
    _pass_cases(evidence)
    for edge in evidence["edges"]:
        for case in edge["cases"]:
            del case["samples"], case["negative"]


def _heal_targets(evidence: Evidence) -> None:
    _pass_cases(evidence)
    for forms in evidence["targets"].values():
        for target in forms.values():
            target["state"] = "healthy"


@pytest.mark.parametrize("case", [without_fallbacks, target_down], ids=lambda case: case.__name__)
@pytest.mark.parametrize(
    "forge",
    [
        _pass,
        _pass_edges,
        _pass_cases,
        _drop_bad_cases,
        _drop_bad_edges,
        _drop_answers,
        _heal_targets,
    ],
)
def test_a_pass_that_the_records_do_not_bear_is_found_although_every_sum_agrees(
    case: Case, forge: Callable[[Evidence], None]
) -> None:
    forged = _forged(made(case), forge)

    assert forged["verdict"] == "passed"
    found = verified(forged)
    assert found.state is State.DIFFERS
    assert all(each.place.startswith("gates[0]") for each in found.differences)


def test_a_chain_that_differed_cannot_be_made_to_match_by_dropping_its_reason() -> None:
    def keep_the_difference(evidence: Evidence) -> None:
        _pass(evidence)
        evidence["chains"] |= {"verdict": "passed", "reasons": []}

    assert verified(_forged(made(failed_from_outside), keep_the_difference, 1)).state == "differs"


def test_a_gateway_that_nobody_reached_cannot_be_made_to_have_passed() -> None:
    assert verified(_forged(made(key_refused), _match_chains)).state is State.DIFFERS


def test_a_breaker_cannot_be_made_to_have_been_in_time() -> None:
    document = made(with_breaker)

    found = verified(
        _forged(document, lambda evidence: evidence["breaker"].update(closed_after_s=99.0))
    )

    assert found.state is State.DIFFERS


def test_a_slow_rescue_is_judged_again_by_the_bounds_of_the_plan() -> None:
    def slow(evidence: Evidence) -> None:
        evidence["duration_s"] = 99.0
        evidence["edges"][0]["cases"][0]["samples"][0]["latency_ms"] = 60_000.0

    found = verified(_forged(made(proven_by_two_gates), slow))

    assert found.state is State.DIFFERS
    assert any(each.expected == "failed" for each in found.differences), found


def test_the_attempts_of_the_dead_primary_cannot_be_left_out() -> None:
    def unseen(evidence: Evidence) -> None:
        for case in evidence["edges"][0]["cases"]:
            for sample in case["samples"]:
                sample.pop("attempts", None)

    assert verified(_forged(made(proven_by_two_gates), unseen)).state is State.DIFFERS


def test_a_passed_case_that_is_kept_without_answers_cannot_be_another() -> None:
    document = made(reduced)
    assert not any("no answers" in each for each in verified(document).unknown)

    def worse(evidence: Evidence) -> None:
        kept = [case for edge in evidence["edges"] for case in edge["cases"]]
        next(case for case in kept if "samples" not in case)["verdict"] = "known_limit"

    assert verified(_forged(document, worse)).state is State.DIFFERS


def test_answers_that_were_kept_are_judged_also_where_others_were_not() -> None:
    def heal(evidence: Evidence) -> None:
        _pass_edges(evidence)
        for edge in evidence["edges"]:
            for case in edge["cases"]:
                if "samples" in case:
                    case["reasons"] = ["something milder"]

    assert verified(_forged(made(reduced), heal)).state is State.DIFFERS


def test_another_file_name_and_another_text_of_the_same_document_are_found() -> None:
    document = made(proven_by_two_gates)
    text = text_of(document)

    assert verify(text, name="0123456789ab.json").differences[0].place == "the file's name"
    assert verify(text, name="copied-by-hand.json").state is State.INTACT
    assert verify(json.dumps(document)).state is State.DIFFERS
    assert verify(text.replace("\n", "\r\n")).state is State.DIFFERS


def test_the_digest_that_is_asked_for_decides() -> None:
    found = verified(made(never_proven), digest=made(proven_by_two_gates)["digest"])

    assert found.state is State.DIFFERS
    assert "as was asked for" in found.differences[0].expected


def test_evidence_of_another_program_that_judges_otherwise_is_not_called_changed() -> None:
    document = made(without_fallbacks)
    other = {**document, "judged_by": f"sha256:{'0' * 64}"}

    assert verified(resealed(other)).state is State.INTACT
    assert not verified(resealed(other)).judged_by_this
    forged = _forged(other, _pass_cases)
    assert verified(forged).state is State.UNREADABLE
    assert "another version of the proof" in verified(forged).why
    assert document["judged_by"] == proof_digest()


def test_evidence_of_an_older_schema_says_so_and_is_still_guarded_by_its_digest() -> None:
    old = {"schema": 1, "app": "acme", "bundle": "ab", "gates": []}
    document = resealed(old)

    assert verified(document).state is State.UNREADABLE
    assert verified(document).why == "evidence of schema 1; this program judges schema 2"
    assert verified({**document, "app": "other"}).state is State.DIFFERS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[]", "no evidence: `schema`"),
        ('{"schema": 2}', "`gates` or `digest` is missing"),
        ('{"schema": 2, "gates": [], "digest": "", "digest": ""}', "a key stands twice"),
        ('{"schema": 2, "gates": [NaN], "digest": ""}', "no JSON: NaN"),
        ('{"schema": 2, "gates": [1e999], "digest": ""}', "Out of range"),
        ('{"schema": 2, "gates": ["\\ud800"], "digest": ""}', "half a letter"),
        ('{"schema": 2, "gates": [' + "9" * 5000 + '], "digest": ""}', "4300 digits"),
        ("[" * 200_000, "nested too deeply"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_evidence_says_why(text: str, why: str) -> None:
    found = verify(text)

    assert found.state is State.UNREADABLE
    assert why in found.why


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(made(proven_by_two_gates))), JSON), st.text())
def test_no_document_makes_it_raise(parts: dict[str, Any], text: str) -> None:
    assert verify(text).state is State.UNREADABLE
    verify(json.dumps({**made(proven_by_two_gates), **parts}))


@given(JSON)
def test_a_document_does_not_differ_from_itself(document: Any) -> None:
    readable = json.loads(json.dumps(document).replace("NaN", "0").replace("Infinity", "0"))
    assert list(differences(readable, readable)) == []


def test_one_and_true_are_two_values() -> None:
    assert [each.place for each in differences({"a": [1]}, {"a": [True]})] == ["a[0]"]
    assert len(list(differences(1, 1.0))) == 1


def test_the_order_of_keys_never_changes_a_digest_or_a_file() -> None:
    document = made(proven_by_two_gates)

    assert resealed(_backwards(document)) == document
    assert text_of(_backwards(document)) == text_of(document)
    assert file_name(document) == f"{document['digest'][7:19]}.json"


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(each) for name, each in reversed(value.items())}
    return [_backwards(each) for each in value] if isinstance(value, list) else value


def _forged(document: Document, forge: Callable[[Evidence], object], gate: int = 0) -> Document:
    copy = json.loads(json.dumps(document))
    forge(copy["gates"][gate]["evidence"])
    return rebuilt(copy)


def _is_same(new: Any, old: Any) -> bool:
    return type(new) is type(old) and bool(new == old)
