"""How many Postgres connections a release opens at its worst moment, and how many it may."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stacks.managed_plans import ManagedPlan, PoolMode, connections

if TYPE_CHECKING:
    from stacks.settings import Settings

RESERVED = 15  # for psql, backups, the drift check, and the 3 that Postgres keeps for superusers
MIGRATION = 2  # the schema engine and the index build of the one-off machine
DEFAULT_LIMIT = 10  # LiteLLM's own `connection_limit` per worker when the settings name none


class ConnectionBudget(NamedTuple):
    """A release's need against a server's supply; every field counts connections."""

    steady: int
    worst: int
    available: int

    @property
    def fits(self) -> bool:
        """True when the worst moment leaves the reserve untouched."""
        return self.worst <= self.available


def connection_budget(
    *, machines: int, workers: int, limit: int, max_connections: int, overlap: bool, migration: int
) -> ConnectionBudget:
    """Count the connections a release opens.

    `workers` is per machine, `limit` per worker: each worker keeps a pool of its own
    (BerriAI/litellm PR #18780). `overlap` is True for bluegreen, where old and new machines are
    connected at once. The migration runs while the old machines serve, before any new one
    starts, so it adds to one generation and never to two. Counts are at least 1.
    """
    steady = machines * workers * limit
    worst = max(steady + migration, steady * 2 if overlap else steady)
    return ConnectionBudget(steady, worst, max_connections - RESERVED)


def budget_of(
    settings: "Settings", *, machines: int | None = None, workers: int | None = None
) -> ConnectionBudget | None:
    """Return the budget of one environment alone; None when LiteLLM opens no connection.

    `machines` in all and `workers` of each are the settings' own unless others are asked about.
    Environments that share one cluster each see the whole of `max_connections`: give each its part.
    Of a managed cluster the plan and the pooler's mode say how many clients may be connected.
    """
    return budget_of_data(settings.model_dump(mode="json"), machines=machines, workers=workers)


def budget_of_data(
    settings: Mapping[str, Any], *, machines: int | None = None, workers: int | None = None
) -> ConnectionBudget | None:
    """Return the same for typed settings as plain data."""
    postgres, general = settings["postgres"], settings["general_settings"]
    if settings["store"] == "file" or postgres is None:
        return None
    return connection_budget(
        machines=machines or sum(settings["fly"]["regions"].values()),
        workers=workers or settings["server"]["workers"],
        limit=general["database_connection_pool_limit"] or DEFAULT_LIMIT,
        max_connections=supply_of_data(postgres),
        overlap=settings["fly"]["strategy"] == "bluegreen",
        migration=MIGRATION,
    )


def supply_of_data(postgres: Mapping[str, Any]) -> int:
    """Return how many connections a Postgres takes, by its settings as plain data."""
    if postgres.get("kind") != "managed":
        most: int = postgres["max_connections"]
        return most
    cluster = postgres["managed"]
    return connections(ManagedPlan(cluster["plan"]), PoolMode(cluster["pool_mode"]))
