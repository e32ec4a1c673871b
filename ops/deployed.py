"""What a stack's outputs say about the release that serves, read once for every command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DIGEST_SHOWN = 12  # hexadecimal digits: what evidence files and machines are named by
HIDDEN = "[secret]"  # what Pulumi shows in place of a secret


@dataclass(frozen=True, slots=True)
class Edge:
    """One fallback and how its last proof ended."""

    kind: str
    source: str
    target: str
    verdict: str
    latency_ms: float | None

    @property
    def row(self) -> tuple[str, str, str]:
        """The edge in the columns of a table."""
        latency = "" if self.latency_ms is None else f"{self.latency_ms:.0f}"
        return (f"{self.source} -> {self.target}", self.verdict, latency)


EDGE_COLUMNS = ("fallback", "verdict", ">latency ms")


@dataclass(frozen=True, slots=True)
class Deployed:
    """The outputs of a deployed environment, by the names that `components.Gateway` gives them."""

    outputs: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Where users reach the gateway."""
        return str(self.outputs["url"])

    @property
    def app(self) -> str:
        """The gateway's app."""
        return str(self.outputs["app"])

    @property
    def key(self) -> str:
        """The master key, or "" when the outputs were read without secrets."""
        key = str(self.outputs.get("master_key") or "")
        return "" if key == HIDDEN else key

    @property
    def events_key(self) -> str:
        """The key that reads a proof's events, or "" as above and where none is configured."""
        key = str(self.outputs.get("events_key") or "")
        return "" if key == HIDDEN else key

    @property
    def release(self) -> Mapping[str, Any]:
        """What serves: digests, verdict, evidence."""
        release: Mapping[str, Any] = self.outputs["release"]
        return release

    @property
    def digest(self) -> str:
        """The digest of the bundle that serves."""
        return str(self.release["bundle"])

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every fallback that the last proof of the release looked at."""
        return edges_of(self.release.get("edges") or ())

    @property
    def database(self) -> str:
        """How the database was reached, in its own words; "" without one."""
        return str(self.outputs.get("database") or "")

    @property
    def database_url(self) -> str:
        """The rendered DATABASE_URL without its password; "" without a database."""
        return str(self.outputs.get("database_url") or "")

    @property
    def cluster(self) -> str:
        """The id of the cluster of Managed Postgres; "" when the database is in no such."""
        return str(self.outputs.get("postgres_cluster") or "")

    @property
    def redis(self) -> str:
        """The private address of Redis; "" for one that is not ours."""
        return str(self.outputs.get("redis_address") or "")

    @property
    def hostnames(self) -> tuple[str, ...]:
        """The names of its own under which the gateway answers."""
        return tuple(sorted(self.outputs.get("dns_records") or {}))

    def as_json(self) -> dict[str, Any]:
        """Return what every command's document says of it; never the key."""
        return {
            "url": self.url,
            "app": self.app,
            "release": dict(self.release),
            "database": self.database or None,
            "database_url": self.database_url or None,
            "redis": self.redis or None,
        }


def edges_of(records: Sequence[Mapping[str, Any]]) -> tuple[Edge, ...]:
    """Return the edges of evidence or of a stack's outputs."""
    return tuple(
        Edge(
            str(record["kind"]),
            str(record["source"]),
            str(record["target"]),
            str(record["verdict"]),
            record.get("latency_ms"),
        )
        for record in records
    )
