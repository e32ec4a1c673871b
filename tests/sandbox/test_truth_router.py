"""What the table says of the router, shown on real proxies of two releases.

Each release is imported once and serves five configurations; each claim has models of its own.
"""

import time
from collections.abc import Iterator

import httpx
import pytest

from gateway import effective as facts
from tests.sandbox.truth import VERSIONS, Lab, labs
from tests.sandbox.truth_servers import PLAN

pytestmark = pytest.mark.timeout(1200)  # two installs, where there are none yet

TOO_LONG = "This model's maximum context length is 10 tokens. However, you requested 20 tokens."


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lab]]:
    with labs(PLAN, tmp_path_factory.mktemp("router")) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def lab(found: dict[str, Lab], request: pytest.FixtureRequest) -> Lab:
    return found[request.param]


def rescued(answer: httpx.Response) -> bool:
    return answer.is_success and answer.headers["x-litellm-attempted-fallbacks"] == "1"


def statuses(lab: Lab, server: str, model: str, times: int) -> list[int]:
    """Return the statuses without fallbacks, one after the other."""
    return [lab.ask(server, model, disable_fallbacks=True).status_code for _ in range(times)]


def test_a_fallback_fires_at_the_first_failing_request(lab: Lab) -> None:
    lab.breaks("at-once")

    assert rescued(lab.ask("main", "at-once"))
    assert lab.calls("at-once") == 1


def test_of_two_lists_of_fallbacks_the_routers_is_used(lab: Lab) -> None:
    lab.breaks("first")

    assert lab.ask("main", "first").headers["x-litellm-model-group"] == "good"


def test_a_clients_own_error_is_sent_again_to_the_fallback(lab: Lab) -> None:
    lab.breaks("invalid", kind="status", status=400)

    assert rescued(lab.ask("main", "invalid"))


def test_only_errors_that_may_pass_are_tried_again(lab: Lab) -> None:
    lab.breaks("retried-400", kind="status", status=400)
    lab.breaks("retried")

    assert rescued(lab.ask("main", "retried-400"))
    assert lab.calls("retried-400") == 1
    before = lab.calls("retried")
    assert rescued(lab.ask("main", "retried"))
    assert lab.calls("retried") == before + 2


def test_a_request_sleeps_once_more_than_it_retries(lab: Lab) -> None:
    lab.breaks("retried")

    started = time.monotonic()
    assert rescued(lab.ask("main", "retried"))

    # One sleep is 0.5 to 1.25 s, the second 1 to 1.75 s: together at least 1.5 s.
    assert time.monotonic() - started > 1.45


def test_a_retry_after_is_slept_out_before_the_fallback(lab: Lab) -> None:
    lab.breaks("retried-429", kind="rate_limit", retry_after=2)

    started = time.monotonic()
    assert rescued(lab.ask("main", "retried-429"))

    assert time.monotonic() - started > 4


def test_a_models_own_num_retries_outranks_the_routers(lab: Lab) -> None:
    lab.breaks("never-retried")

    assert rescued(lab.ask("main", "never-retried"))
    assert lab.calls("never-retried") == 1  # the router's number is 3


def test_each_target_of_a_circle_is_tried_once(lab: Lab) -> None:
    for name in ("circle-a", "circle-b", "circle-c"):
        lab.breaks(name)

    assert lab.ask("main", "circle-a").status_code == 500
    assert [lab.calls(f"circle-{letter}") for letter in "abc"] == [1, 1, 1]


def test_an_unknown_target_is_skipped(lab: Lab) -> None:
    lab.breaks("skips")

    answer = lab.ask("main", "skips")

    assert rescued(answer)
    assert answer.headers["x-litellm-model-group"] == "good"


def test_a_model_that_falls_back_to_itself_fails(lab: Lab) -> None:
    lab.breaks("itself")

    assert lab.ask("main", "itself").status_code == 500
    assert lab.calls("itself") == 1


def test_a_failing_target_goes_on_with_its_own_chain(lab: Lab) -> None:
    lab.breaks("hop-1")
    lab.breaks("hop-2")

    answer = lab.ask("main", "hop-1")

    assert rescued(answer)  # the header counts no hops
    assert answer.headers["x-litellm-model-group"] == "good"
    assert lab.calls("hop-2") == 1


def test_max_fallbacks_bounds_depth_not_length(lab: Lab) -> None:
    for number in range(4):
        lab.breaks(f"line-{number}")
        lab.breaks(f"flat-{number}")

    assert lab.ask("zero", "line-0").status_code == 500  # max_fallbacks is 2
    assert [lab.calls(f"line-{number}") for number in range(4)] == [1, 1, 1, 0]
    assert rescued(lab.ask("zero", "flat-0"))


def test_an_alias_has_no_chain_but_its_own(lab: Lab) -> None:
    lab.breaks("behind-alias")

    assert rescued(lab.ask("main", "behind-alias"))
    assert lab.ask("main", "alias").status_code == 500


def test_alias_wildcard_and_mapping_work_as_targets(lab: Lab) -> None:
    for name in ("to-alias", "to-wildcard", "to-mapping"):
        lab.breaks(name)

    assert lab.ask("main", "to-alias").headers["x-litellm-model-group"] == "good-alias"
    assert lab.ask("main", "to-mapping").headers["x-litellm-model-group"] == "good"
    assert lab.ask("star", "to-wildcard").headers["x-litellm-model-group"] == "wild/any"


def test_a_source_without_its_prefix_is_found(lab: Lab) -> None:
    lab.breaks("prefixed")

    assert rescued(lab.ask("main", "openai/prefixed"))
    assert lab.ask("main", "family/prefixed").status_code == 500  # that is no provider


def test_a_source_with_its_providers_prefix_is_found(lab: Lab) -> None:
    lab.breaks("gpt-5.5")

    assert rescued(lab.ask("main", "gpt-5.5")) == lab.holds(facts.SOURCE_WITH_PREFIX)


def test_a_context_window_list_alone_decides_for_its_errors(lab: Lab) -> None:
    for name in ("long", "long-without-list"):
        lab.breaks(name, kind="status", status=400, message=TOO_LONG)

    assert rescued(lab.ask("main", "long"))
    assert lab.ask("main", "long-without-list").status_code == 400


def test_without_a_context_window_list_the_general_chain_rescues(lab: Lab) -> None:
    lab.breaks("long", kind="status", status=400, message=TOO_LONG)

    assert rescued(lab.ask("defaults", "long"))


def test_default_fallbacks_become_the_star_chain(lab: Lab) -> None:
    lab.breaks("lone")

    assert lab.ask("defaults", "lone").headers["x-litellm-model-group"] == "good"


def test_the_star_chain_serves_no_unknown_model(lab: Lab) -> None:
    assert lab.ask("defaults", "no-such-model").status_code == 400


def test_beside_a_wildcard_group_the_star_chain_serves_every_name(lab: Lab) -> None:
    assert lab.ask("star", "no-such-model").is_success


def test_rpm_limits_nothing_by_itself(lab: Lab) -> None:
    assert [lab.ask("main", "limited").status_code for _ in range(3)] == [200, 200, 200]


def test_allowed_fails_of_3_is_read_as_not_set(lab: Lab) -> None:
    lab.breaks("lone-chained")

    seen = statuses(lab, "defaults", "lone-chained", 6)

    assert seen[:4] == [500] * 4
    assert (seen[4:] == [500] * 2) == lab.holds(facts.ALLOWED_FAILS_OF_3)


def test_allowed_fails_of_2_opens_the_breaker(lab: Lab) -> None:
    lab.breaks("lone-chained")

    assert statuses(lab, "breaker", "lone-chained", 5) == [500, 500, 500, 429, 429]
    assert rescued(lab.ask("breaker", "lone-chained"))


def test_a_lone_group_without_a_chain_is_never_cooled(lab: Lab) -> None:
    lab.breaks("lone")

    cooled = 429 in statuses(lab, "breaker", "lone", 5)

    assert cooled != lab.holds(facts.LONE_GROUPS_STAY_OPEN)


def test_a_cooled_group_without_a_chain_answers_429(lab: Lab) -> None:
    lab.breaks("lone")

    answers = [lab.ask("breaker", "lone") for _ in range(5)]

    assert (answers[-1].status_code == 429) == lab.holds(facts.COOLED_WITHOUT_A_CHAIN)


def test_no_allowed_fails_cools_down_at_the_first_failure(lab: Lab) -> None:
    lab.breaks("lone-chained")

    assert statuses(lab, "zero", "lone-chained", 2) == [500, 429]


def test_allowed_fails_of_a_lone_model_does_nothing(lab: Lab) -> None:
    lab.breaks("counted")
    lab.breaks("counted-chained")

    assert statuses(lab, "breaker", "counted", 5) == [500] * 5
    cooled = 429 in statuses(lab, "breaker", "counted-chained", 5)
    assert cooled != lab.holds(facts.MODEL_ALLOWED_FAILS)


def test_num_retries_that_is_no_number_retries_nothing(lab: Lab) -> None:
    lab.breaks("text")

    alone = lab.ask("star", "text", disable_fallbacks=True)

    assert "not supported between instances of 'str' and 'int'" in alone.text
    assert rescued(lab.ask("star", "text"))
    assert lab.calls("text") == 2  # once for each


def test_a_retry_policy_retries_even_a_clients_error(lab: Lab) -> None:
    lab.breaks("policy", kind="status", status=400)

    assert lab.ask("breaker", "policy").status_code == 400
    assert lab.calls("policy") == 2


def test_misspelt_keys_of_policies_are_accepted(lab: Lab) -> None:
    assert lab.ask("defaults", "good").is_success  # with retry_policy: {NoSuchErrorRetries: 3}
