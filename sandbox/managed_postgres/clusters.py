"""The clusters of Managed Postgres: their states, what is in them, and a file that keeps it all.

creating -> initializing -> ready        any -> deleting -> deleted        start fails: failed
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sandbox.interfaces import Image, ImageError
from sandbox.managed_postgres.records import (
    DIRECT,
    FIRST_PAIR,
    GONE,
    PAIRS,
    POOLED,
    ClusterRecord,
    UserRecord,
    cluster_from_json,
    cluster_to_json,
)
from sandbox.managed_postgres.server import Server, ServerError
from sandbox.state import StateError

log = logging.getLogger("sandbox.managed_postgres")

FILE = "managed_postgres.json"
IMAGES = {"16": "postgres:16", "17": "postgres:18"}  # the wheel with the programs has no 17
CREATING_S = 0.2  # real clusters take minutes; here the state is seen, and then initdb's time
FIRST_USER, FIRST_DATABASE = "fly-user", "fly-db"  # what every cluster begins with
DELETED_KEPT = 20
# Groups that users are members of; what each may do: superfly/docs, mpg/cluster-configuration.
_ROLES = """
CREATE ROLE schema_admin NOLOGIN;
CREATE ROLE writer NOLOGIN;
CREATE ROLE reader NOLOGIN;
GRANT pg_read_all_data TO reader;
GRANT pg_read_all_data, pg_write_all_data TO writer, schema_admin;
"""
_DATABASE = """
SELECT format('CREATE DATABASE %I', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
"""
# The database and its schema stay the superuser's, as Fly's do.
_GRANTS = """
GRANT CREATE ON SCHEMA public TO schema_admin;
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO schema_admin', :'name') \\gexec
"""
_USER = """
\\getenv password USER_PASSWORD
SELECT format('CREATE ROLE %I', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
SELECT format('ALTER ROLE %I WITH LOGIN INHERIT PASSWORD %L', :'name', :'password') \\gexec
SELECT format('REVOKE schema_admin, writer, reader FROM %I', :'name') \\gexec
SELECT format('GRANT %I TO %I', :'role', :'name') \\gexec
"""
_NO_USER = """
SELECT format('REASSIGN OWNED BY %I TO schema_admin', :'name') \\gexec
SELECT format('DROP ROLE %I', :'name') \\gexec
"""


class Clusters:
    """All clusters of this sandbox, below `home`/managed_postgres; the file is 0600.

    One event loop owns it. `recover` takes up what an earlier run left; `shutdown` stops the
    servers and keeps the records.
    """

    def __init__(
        self, home: Path, subnet: str, resolve: Callable[[str], Image], now: Callable[[], str]
    ) -> None:
        self._home = home
        self._subnet = subnet
        self._resolve = resolve
        self._now = now
        self._servers: dict[str, Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.records: dict[str, ClusterRecord] = {}
        try:
            rows = json.loads((home / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            rows = []
        self.records = {row["id"]: cluster_from_json(row) for row in rows}

    @property
    def subnet(self) -> str:
        """The two numbers with which the loopback addresses begin."""
        return self._subnet

    def addresses(self) -> dict[str, str]:
        """Return the address behind each host name of a cluster."""
        return {
            cluster.host(label): cluster.address(self._subnet, label)
            for cluster in self.records.values()
            if cluster.status not in GONE
            for label in (DIRECT, POOLED)
        }

    def create(self, **asked: Any) -> ClusterRecord:
        """Begin a cluster; it is ready after a while, or failed."""
        taken = {c.number for c in self.records.values() if c.status != "deleted"}
        number = next((n for n in range(FIRST_PAIR, PAIRS) if n not in taken), None)
        if number is None:
            raise StateError(f"there are {len(taken)} clusters already; delete some first")
        cluster = ClusterRecord(
            id=secrets.token_hex(8),
            number=number,
            created_at=self._now(),
            superuser_password=secrets.token_hex(24),
            **asked,
        )
        self.records[cluster.id] = cluster
        self.save()
        self._spawn(self._provision(cluster))
        return cluster

    def delete(self, cluster: ClusterRecord) -> None:
        """Begin to delete a cluster; one that is on its way out stays so."""
        if cluster.status not in GONE:
            cluster.status = "deleting"
            self.save()
            self._spawn(self._delete(cluster))

    async def ensure_database(self, cluster: ClusterRecord, name: str) -> bool:
        """Create a database; False when it is there."""
        if name in await self.databases(cluster):
            return False
        server = self._servers[cluster.id]
        await server.sql(_DATABASE, name=name)
        await server.sql(_GRANTS, database=name, name=name)
        return True

    async def databases(self, cluster: ClusterRecord) -> list[str]:
        """Return the names of the databases that users see."""
        listed = await self._servers[cluster.id].sql(
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
            " ORDER BY datname"
        )
        return listed.split()

    async def put_user(self, cluster: ClusterRecord, username: str, role: str) -> UserRecord:
        """Create a user with a password, or give the one there is another role."""
        user = next((u for u in cluster.users if u.username == username), None)
        if user is None:
            user = UserRecord(username, role, secrets.token_hex(16))
            cluster.users.append(user)
        user.role = role
        await self._write(cluster, user)
        return user

    async def rotate(self, cluster: ClusterRecord, user: UserRecord) -> None:
        """Give a user another password."""
        user.password = secrets.token_hex(16)
        await self._write(cluster, user)

    async def drop_user(self, cluster: ClusterRecord, user: UserRecord) -> None:
        """Delete a user; what it owned becomes the administrators'."""
        server = self._servers[cluster.id]
        for database in await self.databases(cluster):
            await server.sql(_NO_USER.splitlines()[1], database=database, name=user.username)
        await server.sql(_NO_USER.splitlines()[2], name=user.username)
        cluster.users.remove(user)
        self.save()

    async def recover(self) -> None:
        """Take up every cluster where the last run of the sandbox left it."""
        for cluster in list(self.records.values()):
            match cluster.status:
                case "creating" | "initializing" | "ready":
                    server = self._server(cluster)
                    if not (server.adopt() and cluster.status == "ready"):
                        await server.stop()
                        self._spawn(self._provision(cluster))
                case "deleting":
                    self._server(cluster).adopt()
                    self._spawn(self._delete(cluster))
                case _:  # deleted or failed: nothing runs
                    pass

    async def shutdown(self) -> None:
        """Stop every server; the next `recover` starts them again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        self.save()

    def kill_all(self) -> None:
        """Kill every server at once."""
        for server in self._servers.values():
            server.kill()

    def save(self) -> None:
        """Write the records, atomically."""
        fresh = self._home / f".{FILE}.new"
        fresh.touch(mode=0o600)
        rows = [cluster_to_json(cluster) for cluster in self.records.values()]
        fresh.write_text(json.dumps(rows), encoding="utf-8")
        fresh.replace(self._home / FILE)

    async def _write(self, cluster: ClusterRecord, user: UserRecord) -> None:
        await self._servers[cluster.id].sql(
            _USER, name=user.username, role=user.role, password=user.password
        )
        self.save()

    async def _provision(self, cluster: ClusterRecord) -> None:
        again = cluster.status == "ready"
        try:
            if not again:
                await asyncio.sleep(CREATING_S)
                cluster.status = "initializing"
                self.save()
            await self._server(cluster).start()
            if not again:
                await self._fill(cluster)
        except (ImageError, OSError, ServerError) as error:
            log.warning("cluster %s (%s): %s", cluster.name, cluster.id, error)
            cluster.status = "failed"
        else:
            cluster.status = "ready"
        self.save()

    async def _fill(self, cluster: ClusterRecord) -> None:
        """Make what every cluster begins with; after an interruption only what is missing."""
        server = self._servers[cluster.id]
        if "schema_admin" not in await server.sql("SELECT rolname FROM pg_roles"):
            await server.sql(_ROLES)
        await self.ensure_database(cluster, FIRST_DATABASE)
        await self.put_user(cluster, FIRST_USER, "schema_admin")

    async def _delete(self, cluster: ClusterRecord) -> None:
        server = self._server(cluster)
        await server.stop()
        await asyncio.to_thread(server.erase)
        self._servers.pop(cluster.id, None)
        cluster.status, cluster.deleted_at, cluster.pid = "deleted", self._now(), None
        dead = [c.id for c in self.records.values() if c.status == "deleted"]
        for id_ in dead[:-DELETED_KEPT]:
            del self.records[id_]
        self.save()

    def _server(self, cluster: ClusterRecord) -> Server:
        if cluster.id not in self._servers:
            image = self._resolve(IMAGES[cluster.pg_major_version])
            folder = self._home / "managed_postgres" / cluster.id
            self._servers[cluster.id] = Server(folder, image, cluster, self._subnet)
        return self._servers[cluster.id]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
