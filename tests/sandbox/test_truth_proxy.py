"""What the table says of time-outs, the loader and the servers, shown on two releases."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from gateway import effective as facts
from gateway.keys import known_keys
from tests.sandbox.image_machines import wait_until
from tests.sandbox.truth import ADDRESS, ANSWER_S, KEY, VERSIONS, Lab, labs
from tests.sandbox.truth_servers import PROXY_PLAN

pytestmark = pytest.mark.timeout(1200)  # two installs, where there are none yet


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Lab]]:
    with labs(PROXY_PLAN, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def lab(found: dict[str, Lab], request: pytest.FixtureRequest) -> Lab:
    return found[request.param]


def hangs(lab: Lab, name: str, provider: str = "openai") -> None:
    lab.breaks(name, provider, kind="hang")


def test_without_a_timeout_a_request_may_take_6000_s(lab: Lab) -> None:
    lab.breaks("broken")

    assert lab.ask("dead", "broken").headers["x-litellm-timeout"] == "6000.0"


def test_a_request_timeout_in_general_settings_is_dead(lab: Lab) -> None:
    lab.breaks("broken")

    assert lab.ask("dead", "broken").headers["x-litellm-timeout"] == "6000.0"


def test_a_stream_timeout_in_litellm_settings_is_dead(lab: Lab) -> None:
    lab.breaks("broken")

    answer = lab.ask("dead", "broken", stream=True)

    assert answer.headers["x-litellm-timeout"] == "6000.0"


def test_the_request_timeout_outranks_the_routers(lab: Lab) -> None:
    lab.breaks("broken")

    seen = lab.ask("timeouts", "broken").headers["x-litellm-timeout"]

    assert (seen == "4.0") == lab.holds(facts.REQUEST_TIMEOUT_OUTRANKS_ROUTER)


def test_a_models_timeout_outranks_the_others(lab: Lab) -> None:
    lab.breaks("own")

    assert lab.ask("timeouts", "own").headers["x-litellm-timeout"] == "5.0"


def test_the_routers_stream_timeout_ends_a_silent_stream(lab: Lab) -> None:
    hangs(lab, "silent")

    answer = lab.ask("timeouts", "silent", stream=True)

    assert (answer.status_code, float(answer.headers["x-litellm-timeout"])) == (408, 1)


def test_only_the_request_timeout_ends_a_vertex_stream(lab: Lab) -> None:
    hangs(lab, "gemini", "vertex_ai")

    answer = lab.ask("timeouts", "gemini", stream=True)

    assert answer.status_code == 408
    assert ("Timeout passed=4" in answer.text) == lab.holds(facts.VERTEX_STREAMS)
    assert ("Timeout passed=1" in answer.text) != lab.holds(facts.VERTEX_STREAMS)


def test_the_cache_answers_for_a_dead_model(lab: Lab) -> None:
    fill = lab.ask("timeouts", "cached", cache={})
    lab.breaks("cached")

    again = lab.ask("timeouts", "cached", cache={})

    assert fill.is_success
    assert again.is_success
    assert "x-litellm-cache-key" in again.headers
    assert lab.ask("timeouts", "cached").status_code == 500


def test_mock_testing_parameters_are_refused(lab: Lab) -> None:
    answer = lab.ask("gunicorn", "good", mock_testing_fallbacks=True)

    assert (answer.status_code == 400) == lab.holds(facts.MOCK_TESTING_IS_GATED)
    assert "dangerously_allow_mock_testing_request_params" in answer.text


@pytest.mark.parametrize("section", ["router_settings", "retry_policy", "allowed_fails_policy"])
def test_a_table_of_keys_is_exactly_what_litellm_says(lab: Lab, section: str) -> None:
    assert set(lab.case("keys").result[section]) == getattr(known_keys(lab.version), section)


@pytest.mark.parametrize(
    "section", ["litellm_settings", "general_settings", "litellm_params", "model_info"]
)
def test_a_table_of_keys_holds_every_declared_field(lab: Lab, section: str) -> None:
    declared = set(lab.case("keys").result[section]) - {"provider_list"}  # made when asked for

    assert declared <= getattr(known_keys(lab.version), section)


def test_unknown_keys_of_every_section_are_accepted(lab: Lab) -> None:
    assert "no_such_callback" not in lab.case("success-callback").error
    assert lab.case("success-callback").result["general"] == []


def test_a_text_instead_of_a_list_of_targets(lab: Lab) -> None:
    seen = lab.case("text-targets")

    assert ("before" in seen.result) == lab.holds(facts.TEXT_AS_TARGETS), seen.error


def test_a_health_check_interval_of_the_router_is_refused(lab: Lab) -> None:
    assert "is NOT a valid router_settings parameter" in lab.case("health-check").error


def test_an_unknown_routing_strategy_stops_the_start(lab: Lab) -> None:
    assert lab.case("strategy").error


def test_an_unset_redis_host_is_silently_no_redis(lab: Lab) -> None:
    assert "before" in lab.case("unset-redis").result


def test_an_unknown_callback_stops_the_start(lab: Lab) -> None:
    assert lab.case("callback").error
    assert "before" in lab.case("success-callback").result


def test_an_unknown_key_of_cache_params_stops_the_start(lab: Lab) -> None:
    assert "no_such_key" in lab.case("cache-key").error
    assert lab.case("cache-type").error


def test_an_included_section_replaces_the_whole_section(lab: Lab) -> None:
    seen = lab.case("including").result["before"]

    assert seen["timeout"] == 9
    assert seen["fallbacks"] in (None, [])
    assert seen["num_retries"] != 1


def test_a_sync_with_the_database_drops_default_fallbacks(lab: Lab) -> None:
    seen = lab.case("synced").result

    assert seen["before"]["fallbacks"] == [{"a": ["good"]}, {"*": ["good"]}]
    assert seen["after"]["fallbacks"] == [{"a": ["good"]}]


def test_the_file_outranks_the_database(lab: Lab) -> None:
    after = lab.case("database").result["after"]["fallbacks"]

    assert (after == [{"a": ["good"]}]) == lab.holds(facts.FILE_BEATS_DATABASE)


@pytest.mark.parametrize("case", ["no-key", "known-key"])
def test_a_missing_or_published_master_key_is_refused(lab: Lab, case: str) -> None:
    seen = lab.case(case)

    assert (seen.status == 3) == lab.holds(facts.MASTER_KEY_REFUSED), seen.log[-800:]


def test_an_idle_lifetime_of_60_s_is_added(lab: Lab) -> None:
    added = "max_idle_connection_lifetime=60" in lab.case("url").log

    assert added == lab.holds(facts.IDLE_LIFETIME_OF_60)


def test_connection_limit_of_the_url_is_overridden(lab: Lab) -> None:
    log = lab.case("url").log

    assert "connection_limit=10" in log
    assert "connection_limit=3" not in log


def test_granian_is_not_given_max_requests(lab: Lab) -> None:
    assert "is not supported by Granian" in lab.case("granian").log


@contextmanager
def idle_connection(lab: Lab, server: str) -> Iterator[tuple[socket.socket, bytes]]:
    """Open a connection and have one answer on it; it stays open."""
    with socket.create_connection((ADDRESS, lab.ports[server]), timeout=ANSWER_S) as connection:
        request = f"GET /health/liveliness HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n"
        connection.sendall(request.encode())
        answer = connection.recv(65536)
        if b"I'm alive" not in answer and b"503" not in answer:
            answer += connection.recv(65536)
        yield connection, answer


def test_gunicorn_is_not_given_the_keepalive(lab: Lab) -> None:
    with idle_connection(lab, "gunicorn") as (short, _), idle_connection(lab, "dead") as (long, _):
        assert short.recv(65536) == b""  # closed by the server, long before the 30 s asked for
        long.settimeout(0)
        with pytest.raises(BlockingIOError, match="temporarily unavailable"):
            long.recv(1)


def test_gunicorn_is_not_given_the_concurrency(lab: Lab) -> None:
    def is_refused(server: str) -> bool:
        with ExitStack() as held:
            answers = [held.enter_context(idle_connection(lab, server))[1] for _ in range(6)]
        return any(b" 503 " in answer for answer in answers)

    assert is_refused("dead")
    assert not is_refused("gunicorn")


def test_one_uvicorn_worker_ends_after_its_requests(lab: Lab) -> None:
    def refused() -> bool:
        try:
            httpx.get(f"{lab.url('short')}/health/liveliness", timeout=ANSWER_S)
        except httpx.TransportError:
            return True
        return False

    wait_until(refused, 60, "an end after 20 requests")


def test_the_metrics_key_is_dead_in_general_settings(lab: Lab) -> None:
    assert httpx.get(f"{lab.url('dead')}/metrics/", timeout=ANSWER_S).status_code == 401
    key = {"Authorization": f"Bearer {KEY}"}
    assert httpx.get(f"{lab.url('dead')}/metrics/", headers=key, timeout=ANSWER_S).is_success
