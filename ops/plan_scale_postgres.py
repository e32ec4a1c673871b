"""Which setting of Postgres bounds a scale plan's connections, and what it would have to say."""

from gateway.budget import RESERVED, ConnectionBudget
from stacks.managed_plans import ManagedPlan, connections, monthly_usd
from stacks.settings import Settings
from stacks.stores import ManagedCluster
from stacks.values import Store


def managed_cluster(settings: Settings) -> ManagedCluster | None:
    """Return the cluster of Managed Postgres, where LiteLLM uses one."""
    postgres = settings.postgres if settings.store is Store.DATABASE else None
    return postgres.managed if postgres is not None and postgres.kind == "managed" else None


def managed_usd(settings: Settings) -> float | None:
    """Return what its plan and disk cost in 30 days; None where there is no such cluster."""
    cluster = managed_cluster(settings)
    return None if cluster is None else monthly_usd(cluster.plan, cluster.disk_size_gb)


def bounding_setting(settings: Settings, budget: ConnectionBudget) -> tuple[str, str]:
    """Return the setting that says how many connections there are, and what it says."""
    if cluster := managed_cluster(settings):
        return "gateway:postgres.managed.plan", cluster.plan.value
    return "gateway:postgres.max_connections", str(budget.available + RESERVED)


def bounding_value(settings: Settings, budget: ConnectionBudget) -> str:
    """Return what that setting has to say for the budget's worst moment to fit."""
    needed = budget.worst + RESERVED
    cluster = managed_cluster(settings)
    if cluster is None:
        return str(needed)
    enough = (p for p in ManagedPlan if connections(p, cluster.pool_mode) >= needed)
    if plan := next(enough, None):
        return plan.value
    most = max(connections(plan, cluster.pool_mode) for plan in ManagedPlan)
    return f"none: {needed} connections, and the largest plan takes {most}"
