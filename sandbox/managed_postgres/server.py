"""The Postgres process behind one cluster: started, taken over, asked by psql, stopped."""

import asyncio
import shutil
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sandbox.execution import run_command
from sandbox.interfaces import Image, Launch
from sandbox.machine_log import open_log
from sandbox.managed_postgres.records import DIRECT, PLANS, POOLED, ClusterRecord
from sandbox.processes import Process, adopt, spawn

STOP_S = 10.0
PSQL_S = 30.0
READY_S = 60.0
POLL_S = 0.1
_PSQL = """set -eu
exec psql -X -q -tA -v ON_ERROR_STOP=1 -U postgres -d "$1" -v name="${2:-}" -v role="${3:-}"
"""


class ServerError(Exception):
    """The cluster's Postgres does not do what it is asked for; the text has its own words."""


class Server:
    """One cluster's process, with its files below `folder`.

    It listens at the pooler's and at the direct address: there is no PgBouncer in between.
    """

    def __init__(self, folder: Path, image: Image, cluster: ClusterRecord, subnet: str) -> None:
        self._folder = folder
        self._image = image
        self._cluster = cluster
        self._subnet = subnet
        self._process: Process | None = None
        self._ended: asyncio.Task[int | None] | None = None

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._ended is not None and not self._ended.done()

    def adopt(self) -> bool:
        """Take over the recorded process of an earlier sandbox, if it still runs."""
        process = adopt(self._cluster.pid, self._cluster.pid_started)
        if process is None:
            return False
        self._watch(process)
        return True

    async def start(self) -> None:
        """Start the server, after initdb in an empty folder, and wait until it answers."""
        rootfs = self._folder / "rootfs"
        rootfs.mkdir(parents=True, exist_ok=True, mode=0o700)
        spec = self._image.process(self._launch())
        if spec.prepare is not None:
            await asyncio.to_thread(spec.prepare)
        with open_log(self._folder / "log") as log:
            self._watch(spawn(spec, stdout=log, stderr=log))
        try:
            async with asyncio.timeout(READY_S):
                while not await self._answers():
                    if not self.running:
                        raise ServerError(f"it ended; {self._folder / 'log'} has its words")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ServerError(f"it does not answer after {READY_S:.0f} s") from None

    async def sql(
        self,
        statements: str,
        *,
        database: str = "postgres",
        name: str = "",
        role: str = "",
        password: str = "",
    ) -> str:
        """Run statements as superuser; they see :name, :role and $USER_PASSWORD."""
        script = f"{_PSQL.rstrip()} <<'SQL'\n{statements}\nSQL\n"
        command = ("sh", "-c", script, "cluster", database, name, role)
        spec = self._image.exec_process(self._launch(), command)
        environment = {**spec.environment, "USER_PASSWORD": password}
        answer = await run_command(replace(spec, environment=environment), PSQL_S)
        if answer.exit_code != 0:
            raise ServerError(answer.stderr.strip()[-300:])
        return answer.stdout

    async def stop(self) -> None:
        """Stop the server cleanly, or kill it when it takes too long."""
        process, ended = self._process, self._ended
        if process is None or ended is None:
            return
        process.send(signal.SIGINT)  # Postgres' fast shutdown
        await asyncio.wait({ended}, timeout=STOP_S)
        process.kill_group()
        await ended
        self._process = self._ended = None

    def kill(self) -> None:
        """Kill the server at once."""
        if self._process is not None:
            self._process.kill_group()

    def erase(self) -> None:
        """Remove all that the cluster held; blocking."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    async def _answers(self) -> bool:
        with suppress(ServerError, TimeoutError):
            await self.sql("SELECT 1")
            return True
        return False

    def _watch(self, process: Process) -> None:
        self._process = process
        self._cluster.pid, self._cluster.pid_started = process.pid, process.started
        self._ended = asyncio.create_task(process.wait())

    def _launch(self) -> Launch:
        cluster = self._cluster
        addresses = (cluster.address(self._subnet, label) for label in (DIRECT, POOLED))
        most = PLANS[cluster.plan].connections
        return Launch(
            machine_id=cluster.id,
            address=",".join(addresses),
            rootfs=self._folder / "rootfs",
            environment={"POSTGRES_PASSWORD": cluster.superuser_password},
            command=("postgres", "-c", f"max_connections={most}"),
        )
