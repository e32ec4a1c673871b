import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import MIGRATION, RESERVED, budget_of, connection_budget
from tests.unit.gateway.example import example

few = st.integers(1, 50)


def test_the_shared_definition_opens_twice_its_connections_while_blue_and_green_overlap() -> None:
    budget = budget_of(example())

    assert budget is not None
    assert (budget.steady, budget.worst, budget.available) == (80, 160, 285)
    assert budget.fits


def test_a_rolling_release_never_has_two_generations_but_a_migration_beside_one() -> None:
    budget = budget_of(example(fly={"strategy": "rolling"}))

    assert budget is not None
    assert budget.worst == 80 + MIGRATION


@pytest.mark.parametrize("changes", [{"store": "file"}, {"postgres": None}])
def test_without_a_database_there_is_no_budget(changes: dict[str, object]) -> None:
    assert budget_of(example(**changes)) is None


@given(machines=few, workers=few, limit=few, overlap=st.booleans())
def test_a_release_fits_exactly_when_its_worst_moment_leaves_the_reserve(
    *, machines: int, workers: int, limit: int, overlap: bool
) -> None:
    steady = machines * workers * limit
    worst = max(steady * (2 if overlap else 1), steady + MIGRATION)

    def at(max_connections: int) -> bool:
        return connection_budget(
            machines=machines,
            workers=workers,
            limit=limit,
            max_connections=max_connections,
            overlap=overlap,
            migration=MIGRATION,
        ).fits

    assert at(worst + RESERVED)
    assert not at(worst + RESERVED - 1)


@pytest.mark.parametrize(
    ("mode", "available"), [("transaction", 500 - RESERVED), ("session", 150 - RESERVED)]
)
def test_of_a_managed_cluster_plan_and_pool_mode_say_how_many_may_be_connected(
    mode: str, available: int
) -> None:
    cluster = {"plan": "launch", "pool_mode": mode}
    budget = budget_of(example(postgres={"kind": "managed", "managed": cluster}))
    assert budget is not None
    assert budget.available == available
