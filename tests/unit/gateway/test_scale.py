import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.scale import (
    Load,
    Machine,
    boot_core_s,
    machine_rps,
    machines_for,
    memory_needed_mb,
    redis_connections,
)

rates = st.floats(0.01, 10_000)


def test_a_request_costs_more_when_it_streams_and_when_it_is_rescued() -> None:
    assert Load(1).request_cpu_ms == 32
    assert Load(1, streamed=1).request_cpu_ms == 53
    assert Load(1, rescued=1).request_cpu_ms == 59
    assert Load(1, streamed=1, rescued=1, cpu_ms=20).request_cpu_ms == 20


def test_a_machine_is_bound_by_its_cores_its_workers_or_the_requests_at_a_time() -> None:
    load = Load(1, request_s=1, cpu_ms=25)
    assert machine_rps(Machine(2, 4, 8192, 1000), load, utilization=0.5) == 40
    assert machine_rps(Machine(2, 1, 8192, 1000), load, utilization=0.5) == 20
    assert machine_rps(Machine(2, 4, 8192, 10), load, utilization=0.5) == 5


@given(rps=rates, each=st.floats(0.1, 100), spare=st.integers(0, 3))
def test_the_machines_that_are_left_carry_the_load_and_one_fewer_would_not(
    rps: float, each: float, spare: int
) -> None:
    left = machines_for(rps, each, spare=spare) - spare
    assert left * each >= rps * (1 - 1e-6)
    assert (left - 1) * each < rps * (1 + 1e-6)


def test_a_region_without_load_has_no_machine_not_even_a_spare_one() -> None:
    assert machines_for(0, 1, spare=1) == 0


@pytest.mark.parametrize(
    ("workers", "metrics", "memory"), [(1, False, 670), (1, True, 857), (4, True, 2400)]
)
def test_memory_counts_workers_their_parent_and_the_metrics(
    *, workers: int, metrics: bool, memory: int
) -> None:
    assert memory_needed_mb(workers, metrics=metrics) == memory


def test_a_parent_of_several_workers_imports_as_they_do() -> None:
    assert [boot_core_s(workers) for workers in (1, 2, 4)] == [12, 36, 60]


def test_a_release_that_overlaps_opens_twice_the_connections_to_redis() -> None:
    assert redis_connections(2, 4, caches=2, overlap=False) == 2 * 4 * 2 * 51
    assert redis_connections(2, 4, caches=2, overlap=True) == 2 * 2 * 4 * 2 * 51
