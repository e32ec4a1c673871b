"""The checker is checked: each way for a gateway to be wrong, or unlucky, has its verdict."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import proof
from gateway.proof import Verdict
from gateway.proof.asking import MAX_BODY_BYTES
from gateway.proof.command_line import main
from gateway.proof.counters import RESCUED
from tests.unit.gateway.stub_gateway import (
    CHAINS,
    KEY,
    StubGateway,
    body_of,
    case,
    edge,
    edges,
    plan,
)

json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def verdicts(evidence: dict[str, Any]) -> dict[tuple[str, int], str]:
    return {(row["source"], row["position"]): row["verdict"] for row in evidence["edges"]}


def test_a_gateway_that_rescues_passes() -> None:
    evidence = StubGateway().prove()

    assert evidence["verdict"] == "passed"
    assert verdicts(evidence) == {
        ("a/one", 0): "passed",
        ("a/one", 1): "passed",
        ("*", 0): "passed",
    }
    assert evidence["reasons"] == []
    assert {forms["chat"]["state"] for forms in evidence["targets"].values()} == {"healthy"}


def test_each_edge_is_asked_three_ways_and_each_target_once() -> None:
    gateway = StubGateway()

    evidence = gateway.prove()

    asked = sorted((body["model"], body.get("disable_fallbacks", False)) for body in gateway.asked)
    assert asked == sorted(
        [
            (probe, off)
            for probe in ("proof/0/a/one", "proof/1/a/one", "proof/any")
            for off in (False, True)
        ]
        + [(target, False) for target in ("b/two", "c/three", "d/four")]
    )
    assert evidence["requests"] == len(asked) + 1


def test_every_request_is_new_to_every_cache() -> None:
    gateway = StubGateway()

    gateway.prove()

    texts = [body["messages"][0]["content"] for body in gateway.asked]
    assert texts
    assert all(text.startswith("nonce-") for text in texts)
    assert len(set(texts)) == len(texts)
    assert all(body["cache"] == {"no-cache": True} for body in gateway.asked)
    assert all(body["max_tokens"] == 64 for body in gateway.asked)


def test_more_samples_are_more_requests_and_all_must_pass() -> None:
    gateway = StubGateway()

    evidence = gateway.prove(plan=plan(samples=3))

    assert len(case(evidence, "a/one")["samples"]) == 3


def test_a_gateway_that_cannot_fall_back_fails() -> None:
    evidence = StubGateway(never_falls_back=True).prove()

    assert evidence["verdict"] == "failed"
    assert "HTTP 500" in edge(evidence, "a/one")["reasons"][0]
    assert "not rescued" in edge(evidence, "a/one")["reasons"][0]


def test_a_gateway_that_always_falls_back_fails_the_positive_control() -> None:
    evidence = StubGateway(always_falls_back=True).prove()

    assert evidence["verdict"] == "failed"
    assert evidence["targets"]["b/two"]["chat"]["state"] == "always-falls-back"
    assert "positive control: b/two is up" in edge(evidence, "a/one")["reasons"][0]


def test_a_negative_control_that_succeeds_fails_the_edge_for_good() -> None:
    evidence = StubGateway(ignores_disable_fallbacks=True).prove()

    assert evidence["verdict"] == "failed"
    assert "although its primary is dead" in edge(evidence, "a/one")["reasons"][0]
    assert case(evidence, "a/one")["looks"] == 1


def test_a_probe_whose_primary_lives_proves_nothing_and_fails() -> None:
    evidence = StubGateway(living_probes={"proof/0/a/one"}).prove()

    assert verdicts(evidence) == {
        ("a/one", 0): "failed",
        ("a/one", 1): "passed",
        ("*", 0): "passed",
    }


def test_an_open_breaker_is_as_dead_as_a_refused_connection() -> None:
    evidence = StubGateway(cooled={"proof/0/a/one"}).prove()

    assert evidence["verdict"] == "passed"
    assert case(evidence, "a/one")["negative"]["status"] == 429


def test_a_target_whose_provider_is_down_makes_its_edges_inconclusive_and_no_other() -> None:
    evidence = StubGateway(down={"b/two"}).prove()

    assert evidence["verdict"] == "inconclusive"
    assert evidence["targets"]["b/two"]["chat"]["state"] == "down"
    assert verdicts(evidence) == {
        ("a/one", 0): "inconclusive",
        ("a/one", 1): "passed",
        ("*", 0): "passed",
    }


def test_a_hiccup_of_a_provider_is_looked_at_once_more_and_kept_in_the_evidence() -> None:
    # Down for what the first look asks of it: the probe, and the target with and without fallbacks.
    gateway = StubGateway(recovers_after={"b/two": 3})

    evidence = gateway.prove(plan=plan(concurrency=1))

    record = case(evidence, "a/one")
    assert evidence["verdict"] == "passed"
    assert (record["verdict"], record["looks"], record["reasons"]) == ("passed", 2, [])
    assert record["earlier"]
    assert case(evidence, "*")["looks"] == 1


def test_another_target_than_the_declared_one_fails_when_that_one_is_healthy() -> None:
    gateway = StubGateway(chains={"proof/0/a/one": ["c/three", "b/two"]})

    evidence = gateway.prove()

    assert verdicts(evidence)["a/one", 0] == "failed"
    assert edge(evidence, "a/one")["reasons"] == [
        "chat/refused: c/three answered in place of b/two"
    ]


CLEAN = {
    "x-litellm-call-id": "1",
    "x-litellm-version": "1.106.2",
    "x-litellm-model-group": "d/four",
    "x-litellm-attempted-fallbacks": "0",
}


def answering(group: str, headers: dict[str, str], content: Any = "ok") -> StubGateway:
    """Return a gateway that answers `group` so, as long as fallbacks are not off."""

    def special(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") != group or body.get("disable_fallbacks"):
            return None
        choices = [{"message": {"content": content}}] if content else []
        return httpx.Response(200, headers=headers, json={"choices": choices})

    return StubGateway(override=special)


def test_the_positive_control_as_it_should_be_passes() -> None:
    assert answering("d/four", CLEAN).prove()["verdict"] == "passed"


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({**CLEAN, "x-litellm-attempted-fallbacks": "1"}, "ok"),
        ({**CLEAN, "x-litellm-model-group": "c/three"}, "ok"),
        ({**CLEAN, "x-litellm-cache-key": "k"}, "ok"),
        (CLEAN, []),
    ],
    ids=["fallbacks", "group", "cached", "empty"],
)
def test_a_positive_control_that_differs_in_one_thing_fails(
    headers: dict[str, str], content: Any
) -> None:
    evidence = answering("d/four", headers, content).prove()

    assert evidence["targets"]["d/four"]["chat"]["state"] == "always-falls-back"
    assert verdicts(evidence)["*", 0] == "failed"
    assert verdicts(evidence)["a/one", 0] == "passed"


@pytest.mark.parametrize("fallbacks", ["0", "", "one"])
def test_the_right_group_without_a_counted_fallback_is_no_rescue(fallbacks: str) -> None:
    headers = {**CLEAN, "x-litellm-attempted-fallbacks": fallbacks}

    evidence = answering("proof/any", headers).prove()

    assert verdicts(evidence)["*", 0] == "failed"
    assert "without a fallback" in edge(evidence, "*")["reasons"][0]


def test_a_version_other_than_the_pinned_one_fails() -> None:
    evidence = StubGateway(version="1.107.0").prove()

    assert evidence["verdict"] == "failed"
    assert "LiteLLM 1.107.0 answered, 1.106.2 is pinned" in edge(evidence, "a/one")["reasons"][0]
    assert evidence["litellm_version"] == {"expected": "1.106.2", "seen": ["1.107.0"]}


def test_an_answer_from_the_cache_proves_nothing() -> None:
    evidence = StubGateway(cached=True).prove()

    assert evidence["verdict"] != "passed"
    assert any("from the response cache" in reason for reason in evidence["reasons"])


def test_an_empty_answer_is_no_rescue() -> None:
    assert StubGateway(empty=True).prove()["verdict"] != "passed"


def test_a_gateway_without_the_probes_runs_another_configuration_and_fails() -> None:
    gateway = StubGateway()
    del gateway.chains["proof/0/a/one"]

    evidence = gateway.prove()

    assert verdicts(evidence)["a/one", 0] == "failed"
    assert any("does not know the probe" in reason for reason in evidence["reasons"])
    assert evidence["chains"]["differences"][0]["live"] is None


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (["c/three"], "chain of a/one is c/three, rendered was b/two -> c/three"),
        (["c/three", "b/two"], "chain of a/one is c/three -> b/two"),
        ([], "chain of a/one is empty"),
    ],
)
def test_a_live_chain_other_than_the_rendered_one_fails_although_every_probe_is_rescued(
    live: list[str], told: str
) -> None:
    evidence = StubGateway(chains={"a/one": live}).prove()

    assert set(verdicts(evidence).values()) == {"passed"}
    assert evidence["verdict"] == "failed"
    assert evidence["reasons"][0].startswith(told)


def test_groups_that_only_the_gateway_knows_are_no_difference() -> None:
    assert StubGateway(chains={"from/database": ["a/one"]}).prove()["verdict"] == "passed"


def test_a_refused_key_is_the_checkers_trouble_and_asks_no_model() -> None:
    gateway = StubGateway()

    evidence = gateway.prove(key="sk-wrong")

    assert evidence["verdict"] == "errored"
    assert set(verdicts(evidence).values()) == {"errored"}
    assert "the key was refused" in evidence["reasons"][0]
    assert gateway.asked == []


def test_an_unreachable_gateway_is_the_checkers_trouble() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    evidence = StubGateway(override=refuse).prove()

    assert evidence["verdict"] == "errored"
    assert "ConnectError" in evidence["reasons"][0]


def test_a_connection_that_breaks_under_a_sample_is_errored_not_failed() -> None:
    def cut(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") == "proof/any" and not body.get("disable_fallbacks"):
            raise httpx.RemoteProtocolError("cut", request=request)
        return None

    evidence = StubGateway(override=cut).prove()

    assert evidence["verdict"] == "errored"
    assert case(evidence, "*")["looks"] == 2


def test_an_answer_that_litellm_did_not_write_is_errored() -> None:
    def proxy(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        return httpx.Response(503, text="no machine") if body else None

    evidence = StubGateway(override=proxy).prove()

    assert evidence["verdict"] == "errored"
    assert "not LiteLLM" in evidence["reasons"][0]


def test_a_list_of_models_that_cannot_be_read_is_errored() -> None:
    assert StubGateway(model_list={"data": [{}]}).prove()["verdict"] == "errored"


def test_no_answer_in_time_fails_an_edge_whose_target_is_healthy() -> None:
    def hang(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") == "proof/any" and not body.get("disable_fallbacks"):
            raise httpx.ReadTimeout("slow", request=request)
        return None

    evidence = StubGateway(override=hang).prove()

    assert verdicts(evidence)["*", 0] == "failed"
    assert "no answer within" in edge(evidence, "*")["reasons"][0]


def test_a_target_that_hangs_is_down() -> None:
    def hang(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") in ("proof/any", "d/four") and not body.get("disable_fallbacks"):
            raise httpx.ReadTimeout("slow", request=request)
        if body.get("model") == "d/four":
            raise httpx.ReadTimeout("slow", request=request)
        return None

    evidence = StubGateway(override=hang).prove()

    assert verdicts(evidence)["*", 0] == "inconclusive"


def test_a_negative_control_of_another_status_does_not_show_the_dead_primary() -> None:
    def teapot(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if not body.get("disable_fallbacks"):
            return None
        headers = {"x-litellm-call-id": "1"}
        return httpx.Response(408, headers=headers, json={"error": {"message": "timeout"}})

    evidence = StubGateway(override=teapot).prove()

    assert evidence["verdict"] == "inconclusive"
    assert "500 or 429 or 403" in evidence["reasons"][0]


def test_a_connection_error_that_litellm_takes_for_a_403_shows_the_dead_primary() -> None:
    said = (
        "litellm.BadRequestError: GeminiException BadRequestError - Cannot connect to host "
        "127.0.0.1:4009 ssl:<ssl.SSLContext object at 0x7f4031850cb0>"
    )

    def by_chance(request: httpx.Request) -> httpx.Response | None:
        if not body_of(request).get("disable_fallbacks"):
            return None
        headers = {"x-litellm-call-id": "1"}
        return httpx.Response(403, headers=headers, json={"error": {"message": said}})

    assert StubGateway(override=by_chance).prove()["verdict"] == "passed"


def test_a_target_whose_provider_refuses_its_key_is_down() -> None:
    def without_key(request: httpx.Request) -> httpx.Response | None:
        if body_of(request).get("model") not in ("d/four", "proof/any"):
            return None
        headers = {"x-litellm-call-id": "1"}
        message = "litellm.AuthenticationError: AuthenticationError: OpenAIException - no such key"
        return httpx.Response(401, headers=headers, json={"error": {"message": message}})

    evidence = StubGateway(override=without_key).prove()

    assert verdicts(evidence)["*", 0] == "inconclusive"
    assert "d/four itself does not answer (HTTP 401" in edge(evidence, "*")["reasons"][0]


def test_when_its_time_is_up_the_proof_stops_asking() -> None:
    seconds = iter([0.0, 0.0, 0.0, 0.0, *[99.0] * 1000])
    gateway = StubGateway()

    evidence = gateway.prove(plan=plan(concurrency=1), clock=lambda: next(seconds))

    assert evidence["verdict"] == "inconclusive"
    assert gateway.asked == []
    assert any("total_timeout_s" in reason for reason in evidence["reasons"])


def test_an_answer_that_never_ends_is_no_answer() -> None:
    def endless(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        return httpx.Response(200, content=b" " * (MAX_BODY_BYTES + 1)) if body else None

    assert StubGateway(override=endless).prove()["verdict"] == "inconclusive"


def test_embeddings_are_asked_for_where_the_edge_says_so() -> None:
    gateway = StubGateway()

    evidence = gateway.prove(plan=plan(edges=edges(forms=["embeddings"])))

    assert evidence["verdict"] == "passed"
    assert all("input" in body and "messages" not in body for body in gateway.asked)


def test_a_plan_without_edges_compares_the_chains_alone() -> None:
    assert StubGateway().prove(plan=plan(edges=[]))["verdict"] == "passed"
    assert StubGateway(chains={"a/one": []}).prove(plan=plan(edges=[]))["verdict"] == "failed"


def test_the_evidence_holds_neither_key_nor_foreign_text() -> None:
    def leak(request: httpx.Request) -> httpx.Response | None:
        body = body_of(request)
        if body.get("model") != "b/two":
            return None
        message = f"your key {KEY} is wrong, said the provider; PLANTED"
        headers = {"x-litellm-call-id": "1"}
        return httpx.Response(500, headers=headers, json={"error": {"message": message}})

    text = json.dumps(StubGateway(override=leak).prove())

    assert "another error" in text
    assert KEY not in text
    assert "PLANTED" not in text
    assert "Answer with the word ok" not in text


def test_evidence_is_canonical_and_carries_its_own_digest() -> None:
    evidence = StubGateway().prove()

    assert proof.evidence_is_intact(evidence)
    assert not proof.evidence_is_intact({**evidence, "verdict": "failed"})
    assert json.loads(proof.canonical(evidence)) == evidence


@given(st.dictionaries(st.text(), json_documents))
def test_the_order_of_keys_never_changes_a_digest(document: dict[str, Any]) -> None:
    backwards = dict(reversed(document.items()))

    assert proof.evidence_digest(backwards) == proof.evidence_digest(document)
    assert json.loads(proof.canonical(document)) == document


@given(st.lists(st.sampled_from(Verdict)))
def test_the_worst_verdict_decides(found: list[Verdict]) -> None:
    decided = proof.worst(found)

    assert (decided is Verdict.FAILED) == (Verdict.FAILED in found)
    assert (decided is Verdict.PASSED) == all(verdict is Verdict.PASSED for verdict in found)


def test_the_latency_of_an_edge_is_the_rescues() -> None:
    seconds = iter(number / 10 for number in range(10**6))

    evidence = StubGateway().prove(plan=plan(concurrency=1), clock=lambda: next(seconds))

    (sample,) = case(evidence, "a/one")["samples"]
    assert edge(evidence, "a/one")["latency_ms"] == sample["latency_ms"] > 0


def test_progress_names_every_edge_as_it_is_looked_at_and_tells_what_is_wrong_at_the_end() -> None:
    lines: list[str] = []

    StubGateway(down={"b/two"}).prove(progress=lines.append)

    assert lines[0] == ("proof: 3 edges in chat, 10 requests, at most 30 s, at http://gateway.test")
    assert [line.partition(",")[0] for line in lines[1:4]] == [
        f"proof: {number} of 3 edges" for number in (1, 2, 3)
    ]
    assert lines[3].endswith(": passed * -> d/four")
    # The second look is at what the first one doubted, and at nothing else.
    assert lines[5].startswith("proof: 1 of 1 edges, ")
    assert any(line.startswith("inconclusive a/one -> b/two: ") for line in lines[-2:])
    assert lines[-1].startswith("proof: inconclusive in ")


METRICS = proof.Surroundings("http://gateway.test/metrics/")


class Counters:
    """Serves LiteLLM's counter of rescues, which grows with every rescue unless it is stuck."""

    def __init__(self, gateway: StubGateway, *, stuck: bool = False) -> None:
        self.gateway = gateway
        self.stuck = stuck

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/metrics/":
            return None
        rescued = [
            (asked["model"], plan()["chains"]["general"][asked["model"]][0])
            for asked in self.gateway.asked
            if asked["model"].startswith("proof/") and not asked.get("disable_fallbacks")
        ]
        rows = [
            f'{RESCUED}{{requested_model="{probe}",fallback_model="{target}",'
            f'exception_class="Openai.InternalServerError",model_id="None"}} '
            f"{0 if self.stuck else rescued.count((probe, target))}.0"
            for probe, target in set(rescued)
        ]
        return httpx.Response(200, text="# HELP x\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("stuck", [False, True])
def test_litellms_own_counters_are_compared_and_never_decide(*, stuck: bool) -> None:
    gateway = StubGateway()
    gateway.override = Counters(gateway, stuck=stuck)

    evidence = gateway.prove(surroundings=METRICS)

    assert evidence["verdict"] == "passed"
    assert evidence["counters"]["agree"] is not stuck
    counted = {row["probe"]: row["counted"] for row in evidence["counters"]["edges"]}
    assert counted["proof/any"] == (0 if stuck else 1)


def test_without_counters_nothing_is_said_about_them() -> None:
    def missing(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(404) if request.url.path == "/metrics/" else None

    gateway = StubGateway(override=missing)

    assert gateway.prove()["counters"] is None
    assert gateway.prove(surroundings=METRICS)["counters"] is None


def script(*arguments: str) -> tuple[int, dict[str, Any], str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    (line,) = out.getvalue().splitlines()
    return code, json.loads(line), err.getvalue()


def test_a_plan_that_cannot_be_read_is_errored_and_still_one_document(tmp_path: Path) -> None:
    code, evidence, _ = script("--plan", str(tmp_path / "none.json"), "--url", "http://x.test")

    assert code == 1
    assert evidence["verdict"] == "errored"
    assert "FileNotFoundError" in evidence["reasons"][0]
    assert proof.evidence_is_intact(evidence)


def test_a_plan_of_another_schema_is_errored() -> None:
    text = json.dumps(plan(schema=99))
    code, evidence, _ = script("--plan-json", text, "--url", "http://x.test")

    assert code == 1
    assert "plan schema 99, this proof knows 2" in evidence["reasons"][0]


def test_a_missing_key_is_errored_and_named() -> None:
    code, evidence, _ = script(
        "--plan-json", json.dumps(plan()), "--url", "http://x.test", "--key-env", "NO_SUCH_KEY_HERE"
    )

    assert code == 1
    assert "NO_SUCH_KEY_HERE" in evidence["reasons"][0]


def test_exit_codes_tell_a_finding_from_a_broken_checker() -> None:
    assert proof.EXIT_CODES == {"passed": 0, "failed": 2, "inconclusive": 2, "errored": 1}


def test_a_nonce_is_new_every_time() -> None:
    assert len({proof.new_nonce() for _ in range(100)}) == 100


def test_the_clock_never_goes_back() -> None:
    clock = proof.steady_clock()

    assert clock() <= clock()


def test_the_stub_has_the_chains_that_the_plan_expects() -> None:
    assert plan()["chains"]["general"]["a/one"] == CHAINS["a/one"]
