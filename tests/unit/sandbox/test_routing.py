from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.routing import (
    Candidate,
    Endpoint,
    app_of_host,
    choose,
    endpoint_at,
    external_ports,
    http_endpoint,
)


def candidate(
    name: str,
    in_flight: int = 0,
    *,
    soft: int | None = None,
    hard: int | None = None,
    used: int = 0,
) -> Candidate:
    return Candidate(name, "127.77.1.10", "iad", Endpoint(4000, soft, hard), in_flight, used)


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.uuids().map(str),
        st.integers(0, 9),
        soft=st.none() | st.integers(1, 5),
        hard=st.none() | st.integers(1, 9),
        used=st.integers(0, 9),
    )
)


def test_the_least_loaded_machine_is_chosen() -> None:
    chosen = choose([candidate("a", 3), candidate("b", 1), candidate("c", 2)])
    assert chosen is not None
    assert chosen.machine_id == "b"


def test_a_machine_below_its_soft_limit_is_preferred_to_a_less_loaded_one_above() -> None:
    chosen = choose([candidate("a", 2, soft=2), candidate("b", 5, soft=10)])
    assert chosen is not None
    assert chosen.machine_id == "b"


def test_machines_above_the_soft_limit_still_serve() -> None:
    assert choose([candidate("a", 2, soft=2, hard=3)]) is not None


def test_no_machine_gets_more_than_its_hard_limit() -> None:
    assert choose([candidate("a", 3, hard=3)]) is None


def test_equal_machines_take_turns() -> None:
    chosen = choose([candidate("a", used=5), candidate("b", used=4)])
    assert chosen is not None
    assert chosen.machine_id == "b"


@given(CANDIDATES)
def test_a_machine_with_room_is_always_found_and_a_full_one_never(
    candidates: list[Candidate],
) -> None:
    chosen = choose(candidates)
    assert (chosen is None) == all(c.full for c in candidates)
    if chosen is not None:
        assert not chosen.full
        rivals = [c for c in candidates if not c.full and c.loaded <= chosen.loaded]
        assert chosen.in_flight == min(c.in_flight for c in rivals if c.loaded == chosen.loaded)


@pytest.mark.parametrize(
    ("host", "public", "app"),
    [
        ("acme.fly.dev", ["acme", "other"], "acme"),
        ("Acme.fly.dev:4281", ["acme"], "acme"),
        ("acme.fly.dev.", ["acme"], "acme"),
        ("other.fly.dev", ["acme"], None),
        ("127.0.0.1:4281", ["acme"], "acme"),
        ("localhost", ["acme"], "acme"),
        ("[::1]:4281", ["acme"], "acme"),
        ("::1", ["acme"], "acme"),
        ("127.0.0.1", ["acme", "other"], None),
        ("127.0.0.1", [], None),
        ("example.com", ["acme"], None),
        ("", ["acme"], None),
    ],
)
def test_a_host_names_an_app_with_a_public_address(
    host: str, public: list[str], app: str | None
) -> None:
    assert app_of_host(host, public) == app


def service(port: int, *external: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "internal_port": port, "ports": list(external), **more}


def test_the_edge_reaches_the_service_with_an_http_handler_and_its_limits() -> None:
    limits = {"type": "requests", "soft_limit": 100, "hard_limit": 150}
    config = {
        "services": [
            service(5432, {"port": 5432}),
            service(4000, {"port": 443, "handlers": ["http", "tls"]}, concurrency=limits),
        ]
    }
    assert http_endpoint(config) == Endpoint(4000, 100, 150)


def test_port_443_comes_before_80_and_80_before_others() -> None:
    def at(port: int, external: int) -> dict[str, Any]:
        return service(port, {"port": external, "handlers": ["http"]})

    assert http_endpoint({"services": [at(1, 8080), at(2, 80), at(3, 443)]}) == Endpoint(3)
    assert http_endpoint({"services": [at(1, 8080), at(2, 80)]}) == Endpoint(2)
    assert http_endpoint({"services": [at(1, 8080)]}) == Endpoint(1)


@pytest.mark.parametrize("config", [{}, {"services": None}, {"services": [{"ports": None}]}])
def test_a_machine_without_services_is_not_reachable(config: dict[str, Any]) -> None:
    assert http_endpoint(config) is None
    assert endpoint_at(config, 80) is None
    assert external_ports(config) == frozenset()


def test_external_ports_are_those_of_tcp_services_without_ranges() -> None:
    config = {
        "services": [
            service(4000, {"port": 80}, {"port": 443}, {"start_port": 1, "end_port": 9}),
            service(5353, {"port": 53}, protocol="udp"),
        ]
    }
    assert external_ports(config) == {80, 443}
    assert endpoint_at(config, 443) == Endpoint(4000)
    assert endpoint_at(config, 53) is None
