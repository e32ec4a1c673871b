"""The calls about Fly's Managed Postgres: clusters, their databases, users and credentials.

Shapes: the OpenAPI of the Machines API as superfly/fly-go has it (flaps/flaps_managed_postgres.go
and its test, August 2026) and as pulumi-fly-machines 0.0.18 generated it; every answer stands below
`data`. That document has no call that changes a cluster: plan, disk and pool mode move in Fly's
dashboard only, and no call shows the pool mode. None of it was run against Fly itself: that names
are unique in an organisation, the texts of errors and how long a cluster takes are not verified.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from fly.calls import Call, Connection, nothing
from fly.errors import FlyNotFound
from fly.provisions import resolved

T = TypeVar("T")

READY = "ready"
FAILED = frozenset({"failed", "error"})  # fly-go declares both spellings of one state
LEAVING = frozenset({"deleting", "deleted"})
READY_WITHIN_S = 1800.0
FIRST_POLL_S, POLL_S = 0.5, 3.0  # it is asked for more and more rarely
TELL_EVERY_S = 30.0


class ManagedPostgresError(Exception):
    """A cluster is not what was asked for; the text says which, what and the next step."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a cluster or its pooler listens; "" and 0 until it is ready."""

    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, answer: Any) -> "Endpoint":
        """Read an endpoint; one that is missing has no host."""
        raw = _mapping(answer or {})
        return cls(str(raw.get("host") or ""), int(raw.get("port") or 0))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster; of a list's rows sizes, version and endpoints are not told (0 and "").

    `plan` is in small letters, whatever Fly writes; `disk_size_gb` is of one node.
    """

    id: str
    name: str
    status: str
    region: str = ""
    plan: str = ""
    disk_size_gb: int = 0
    pg_major_version: int = 0
    direct: Endpoint = field(default_factory=Endpoint)
    pooler: Endpoint = field(default_factory=Endpoint)
    attached_apps: tuple[str, ...] = ()

    @property
    def leaving(self) -> bool:
        """True once it is being deleted."""
        return self.status in LEAVING

    @classmethod
    def parse(cls, answer: Any) -> "Cluster":
        """Read a cluster, or its row in a list."""
        raw = _mapping(answer)
        primary = _mapping(_mapping(raw.get("endpoints") or {}).get("primary") or {})
        apps = raw.get("attached_apps") or ()
        return cls(
            id=str(raw["id"]),
            name=str(raw.get("name") or ""),
            status=str(raw.get("status") or ""),
            region=str(raw.get("region") or ""),
            plan=str(raw.get("plan") or "").lower(),
            disk_size_gb=int(raw.get("disk_size_gb") or 0),
            pg_major_version=int(raw.get("pg_major_version") or 0),
            direct=Endpoint.parse(primary.get("direct")),
            pooler=Endpoint.parse(primary.get("pooler")),
            attached_apps=tuple(str(_mapping(app).get("name") or "") for app in apps),
        )


@dataclass(frozen=True, slots=True)
class User:
    """A user of a cluster; the role is schema_admin, writer or reader."""

    username: str
    role: str

    @classmethod
    def parse(cls, answer: Any) -> "User":
        """Read a user."""
        raw = _mapping(answer)
        return cls(str(raw["username"]), str(raw.get("role") or ""))


class ManagedPostgres:
    """Clusters of an organisation, and what is in each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, cluster_id: str) -> Cluster:
        """Return the cluster, also while it is being made or deleted; raises `FlyNotFound`."""
        call = Call("GET", _cluster(cluster_id), "postgres.get", cluster_id)
        return self._connection.send(call, _of_data(Cluster.parse))

    def list(self, org_slug: str) -> tuple[Cluster, ...]:
        """Return the organisation's clusters without those that are being deleted."""
        query = {"org_slug": org_slug}
        call = Call("GET", "/postgres", "postgres.list", org_slug, query=query)
        found = self._connection.send(call, _each(Cluster.parse))
        return tuple(cluster for cluster in found if not cluster.leaving)

    def find(self, org_slug: str, name: str) -> Cluster | None:
        """Return the organisation's cluster of this name as a list shows it, None without one.

        Raises `ManagedPostgresError` when several have the name: which is ours is not guessed.
        """
        found = [cluster for cluster in self.list(org_slug) if cluster.name == name]
        if len(found) > 1:
            ids = ", ".join(cluster.id for cluster in found)
            raise ManagedPostgresError(
                f"organization {org_slug}: {len(found)} clusters are called {name}: {ids}\n"
                "  which of them holds the gateway's data cannot be told; nothing was changed\n"
                "  give postgres.managed.name another name, or delete those that are not used"
            )
        return found[0] if found else None

    def create(
        self,
        org_slug: str,
        *,
        name: str,
        region: str,
        plan: str,
        disk_size_gb: int,
        pg_major_version: int,
        pool_mode: str,
    ) -> Cluster:
        """Ask for a cluster and return it as it begins; `await_ready` waits until it is there.

        One that this very call made behind a lost reply is found by its name and returned.
        """
        body = {
            "org_slug": org_slug,
            "name": name,
            "region": region,
            "plan": "Performance" if plan == "performance" else plan,  # as Fly spells it
            "disk_size_gb": disk_size_gb,
            "pg_major_version": str(pg_major_version),
            "pool_mode": pool_mode,
        }
        call = Call("POST", "/postgres", "postgres.create", name, body=body, repeatable=False)
        return resolved(
            self._connection,
            lambda: self._connection.send(call, _of_data(Cluster.parse)),
            lambda: self.find(org_slug, name),
        )

    def await_ready(
        self,
        cluster_id: str,
        *,
        progress: Callable[[str], None],
        timeout_s: float = READY_WITHIN_S,
    ) -> Cluster:
        """Return the cluster once it is ready, and tell now and then how far it is.

        Raises `ManagedPostgresError` when it failed, is being deleted or takes too long.
        """
        began = self._connection.clock()
        told_at, told, pause = began, "", FIRST_POLL_S
        while True:
            cluster = self.get(cluster_id)
            now = self._connection.clock()
            if cluster.status == READY:
                return cluster
            if cluster.status in FAILED or cluster.leaving:
                raise ManagedPostgresError(_not_ready(cluster, f"is {cluster.status}"))
            if now - began >= timeout_s:
                raise ManagedPostgresError(
                    _not_ready(cluster, f"is still {cluster.status} after {timeout_s:.0f} s")
                )
            if cluster.status != told or now - told_at >= TELL_EVERY_S:
                progress(f"cluster {cluster.name}: {cluster.status}, {now - began:.0f} s")
                told_at, told = now, cluster.status
            self._connection.sleep(pause)
            pause = min(POLL_S, pause * 2)

    def delete(self, cluster_id: str) -> None:
        """Delete the cluster with its data; Fly removes it by and by. One that is gone is fine."""
        call = Call("DELETE", _cluster(cluster_id), "postgres.delete", cluster_id)
        _delete(self._connection, call)

    def databases(self, cluster_id: str) -> tuple[str, ...]:
        """Return the names of a ready cluster's databases."""
        path = f"{_cluster(cluster_id)}/databases"
        call = Call("GET", path, "postgres.databases", cluster_id)
        return self._connection.send(call, _each(lambda row: str(_mapping(row)["name"])))

    def ensure_database(self, cluster_id: str, name: str) -> None:
        """Create the database unless it is there; data in it are never touched."""

        def look() -> bool | None:
            return True if name in self.databases(cluster_id) else None

        def create() -> bool:
            path, body = f"{_cluster(cluster_id)}/databases", {"name": name}
            action = "postgres.database_create"
            call = Call("POST", path, action, cluster_id, body=body, repeatable=False)
            self._connection.send(call, nothing)
            return True

        if not look():
            resolved(self._connection, create, look)

    def users(self, cluster_id: str) -> tuple[User, ...]:
        """Return a ready cluster's users."""
        call = Call("GET", f"{_cluster(cluster_id)}/users", "postgres.users", cluster_id)
        return self._connection.send(call, _each(User.parse))

    def find_user(self, cluster_id: str, username: str) -> User | None:
        """Return the user, None when there is none of this name."""
        return next((u for u in self.users(cluster_id) if u.username == username), None)

    def ensure_user(self, cluster_id: str, username: str, role: str) -> None:
        """Create the user, or give the one there is this role."""
        path = f"{_cluster(cluster_id)}/users"

        def create() -> User:
            body = {"username": username, "role": role}
            action = "postgres.user_create"
            call = Call("POST", path, action, cluster_id, body=body, repeatable=False)
            return self._connection.send(call, _of_data(User.parse))

        user = self.find_user(cluster_id, username) or resolved(
            self._connection, create, lambda: self.find_user(cluster_id, username)
        )
        if user.role != role:
            one = f"{path}/{quote(username, safe='')}"
            body = {"role": role}
            self._connection.send(
                Call("PATCH", one, "postgres.user_update", cluster_id, body=body), nothing
            )

    def password(self, cluster_id: str, username: str) -> str:
        """Return a user's password, which Fly made; raises `FlyNotFound` without the user."""
        path = f"{_cluster(cluster_id)}/users/{quote(username, safe='')}/credentials"
        call = Call("GET", path, "postgres.credentials", cluster_id)
        return self._connection.send(call, _of_data(lambda row: str(_mapping(row)["password"])))

    def delete_user(self, cluster_id: str, username: str) -> None:
        """Delete the user; one that is gone is fine."""
        path = f"{_cluster(cluster_id)}/users/{quote(username, safe='')}"
        _delete(self._connection, Call("DELETE", path, "postgres.user_delete", cluster_id))


def _cluster(cluster_id: str) -> str:
    return f"/postgres/{quote(cluster_id, safe='')}"


def _delete(connection: Connection, call: Call) -> None:
    try:
        connection.send(call, nothing)
    except FlyNotFound:
        return


def _of_data(parse: Callable[[Any], T]) -> Callable[[Any], T]:
    return lambda answer: parse(_mapping(answer)["data"])


def _each(parse: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda answer: tuple(parse(row) for row in _mapping(answer)["data"] or ())


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        msg = f"an object was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _not_ready(cluster: Cluster, what: str) -> str:
    return (
        f"cluster {cluster.name} ({cluster.id}): it {what}\n"
        "  it was asked for once, and the next run takes the same one up again; a failed one has"
        " to be deleted first\n"
        f"  look at it with `fly mpg status {cluster.id}` or in Fly's dashboard, then run "
        "`pulumi up` again"
    )
