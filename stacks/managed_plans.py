"""What each plan of Fly's Managed Postgres gives and costs, and how its pooler works."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

DISK_USD_PER_GB = 0.28  # for 30 days, of what is provisioned (superfly/docs: mpg/index)
MOST_DISK_AT_CREATION_GB = 500  # likewise; 1000 altogether


class ManagedPlan(StrEnum):
    """A plan of Fly's Managed Postgres; docs/postgres.md says what each gives and costs."""

    BASIC = "basic"
    STARTER = "starter"
    LAUNCH = "launch"
    SCALE = "scale"
    PERFORMANCE = "performance"


class PoolMode(StrEnum):
    """How long the pooler of Managed Postgres keeps a server's connection for a client.

    SESSION: as long as the client stays. Fly's own default; every idle client costs a connection.
    TRANSACTION: for one transaction. LiteLLM's engine then needs `pgbouncer=true`, which is
    written; migrations go round the pooler.
    """

    SESSION = "session"
    TRANSACTION = "transaction"


class Plan(NamedTuple):
    """One plan: sizes are of each of its nodes, connections of the whole cluster.

    Source: superfly/docs, mpg/index (sizes, prices) and mpg/client-configuration (connections),
    as they stood in August 2026. `clients` is what PgBouncer accepts, `servers` what it opens to
    Postgres. Prices are in US dollars a month, without the disk.
    """

    cpus: str
    memory_gb: int
    monthly_usd: int
    clients: int
    servers: int


PLANS: Mapping[ManagedPlan, Plan] = MappingProxyType(
    {
        ManagedPlan.BASIC: Plan("shared-2x", 1, 38, 200, 50),
        ManagedPlan.STARTER: Plan("shared-2x", 2, 72, 200, 50),
        ManagedPlan.LAUNCH: Plan("performance-2x", 8, 282, 500, 150),
        ManagedPlan.SCALE: Plan("performance-4x", 32, 962, 1000, 300),
        ManagedPlan.PERFORMANCE: Plan("performance-8x", 64, 1922, 1000, 300),
    }
)


def connections(plan: ManagedPlan, pool_mode: PoolMode) -> int:
    """Return how many connections clients may hold at once without waiting for each other.

    In session mode each client holds one of the server's as long as it is connected.
    """
    facts = PLANS[plan]
    return facts.clients if pool_mode is PoolMode.TRANSACTION else facts.servers


def monthly_usd(plan: ManagedPlan, disk_size_gb: int) -> float:
    """Return what a cluster costs in 30 days, by Fly's published prices."""
    return round(PLANS[plan].monthly_usd + disk_size_gb * DISK_USD_PER_GB, 2)
