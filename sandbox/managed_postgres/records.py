"""What the stand-in remembers about clusters of Managed Postgres, and the plans it knows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

PORT = 5432
DIRECT, POOLED = "direct", "pgbouncer"  # the first labels of a cluster's two host names
FIRST_PAIR = 5  # addresses .10 and .11 of the network .0, which no app has
PAIRS = 120
GONE = frozenset({"deleting", "deleted"})


class Plan(NamedTuple):
    """What a plan gives; `connections` is what its Postgres takes."""

    cpu_kind: str
    cpus: int
    memory_mb: int
    connections: int


PLANS: Mapping[str, Plan] = {
    "basic": Plan("shared", 2, 1024, 50),
    "starter": Plan("shared", 2, 2048, 50),
    "launch": Plan("performance", 2, 8192, 150),
    "scale": Plan("performance", 4, 32768, 300),
    "Performance": Plan("performance", 8, 65536, 300),
}


@dataclass(slots=True)
class UserRecord:
    """A user; Fly shows its password to whoever may read credentials."""

    username: str
    role: str
    password: str = field(repr=False)


@dataclass(slots=True)
class ClusterRecord:
    """A cluster; `number` gives its two addresses, `superuser_password` never leaves the file."""

    id: str
    name: str
    organization: str
    region: str
    plan: str
    disk_size_gb: int
    pg_major_version: str
    pool_mode: str
    postgis_enabled: bool
    number: int
    created_at: str
    superuser_password: str = field(repr=False)
    status: str = "creating"
    deleted_at: str | None = None
    users: list[UserRecord] = field(default_factory=list)
    pid: int | None = None
    pid_started: float | None = None

    def host(self, label: str) -> str:
        """Return the name by which the cluster or its pooler is reached inside Fly's network."""
        return f"{label}.{self.id}.flympg.net"

    def address(self, subnet: str, label: str) -> str:
        """Return the loopback address that the name stands for here."""
        return f"{subnet}.0.{2 * self.number + (label == POOLED)}"


def cluster_to_json(cluster: ClusterRecord) -> dict[str, Any]:
    """Give the cluster as plain JSON values, passwords included."""
    return asdict(cluster)


def cluster_from_json(row: dict[str, Any]) -> ClusterRecord:
    """Undo `cluster_to_json`."""
    return ClusterRecord(**{**row, "users": [UserRecord(**user) for user in row["users"]]})
