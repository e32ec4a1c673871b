"""The Postgres image against what a user of the official one relies on."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from sandbox.images.catalogue import Catalogue
from sandbox.images.postgres import as_ordinary_user
from sandbox.interfaces import Image, ImageError, Launch
from tests.sandbox.image_machines import (
    execute,
    free_port,
    launch,
    running,
    start,
    stop,
    wait_until,
)

ADDRESS = "127.91.5.1"
PASSWORD = "pass'word with \\ \" $HOME"
MOUNT = "/var/lib/postgresql"


@dataclass
class Server:
    image: Image
    at: Launch
    port: int
    volume: Path
    process: subprocess.Popen[bytes]

    def connect(self, password: str = PASSWORD, **more: str) -> psycopg.Connection[tuple[str]]:
        return psycopg.connect(
            host=ADDRESS,
            port=self.port,
            user="postgres",
            password=password,
            dbname=more.get("dbname", "postgres"),
            connect_timeout=10,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Catalogue(tmp_path_factory.mktemp("cache")).resolve("postgres:18")


@pytest.fixture(scope="module")
def server(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("postgres")
    port = free_port(ADDRESS)
    volume = folder / "volume"
    volume.mkdir()
    at = launch(
        folder / "rootfs",
        *("postgres", "-c", "max_connections=37", "-p", str(port)),
        address=ADDRESS,
        environment={"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": 'lite"llm'},
        volume=(volume, MOUNT),
    )
    with serving(image, at, port) as process:
        yield Server(image, at, port, volume, process)


@contextmanager
def serving(image: Image, at: Launch, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run Postgres until the block ends; when it begins, the server takes connections.

    It listens somewhat earlier, and refuses everybody while it recovers.
    """
    ready = ("pg_isready", "-q", "-h", ADDRESS, "-p", str(port))
    with running(image, at, port) as process:
        wait_until(lambda: execute(image, at, *ready).returncode == 0, 30, "a server that is up")
        yield process


def test_the_command_s_settings_hold(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute("SHOW max_connections").fetchone()
    assert row == ("37",)


def test_the_database_that_the_environment_names_exists(server: Server) -> None:
    with server.connect(dbname='lite"llm') as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row == ('lite"llm',)


def test_another_password_is_refused(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        server.connect(password="wrong")


def test_the_server_is_postgres_18_and_its_data_are_on_the_volume(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row
    assert row[0].startswith("18.")
    assert (server.volume / "18" / "docker" / "PG_VERSION").read_text() == "18\n"


def test_psql_inside_the_machine_needs_no_password(server: Server) -> None:
    command = ("psql", "-p", str(server.port), "-U", "postgres", "-Atc", "SELECT 40 + 2")
    done = execute(server.image, server.at, *command)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_a_shell_inside_the_machine_finds_psql(server: Server) -> None:
    words = f'psql -p {server.port} -U postgres -Atc "SELECT 1" && pg_isready -p {server.port}'
    done = execute(server.image, server.at, "sh", "-c", words)
    assert done.stdout.startswith("1\n"), done.stderr


def test_nothing_listens_on_any_other_address(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(host="127.91.5.2", port=server.port, user="postgres", connect_timeout=5)


def test_the_password_is_in_no_argument_and_in_no_file(server: Server) -> None:
    assert PASSWORD not in " ".join(server.image.process(server.at).argv)
    files = [*server.volume.rglob("*"), *server.at.rootfs.rglob("*")]
    assert len(files) > 100
    holding = [file for file in files if file.is_file() and PASSWORD.encode() in file.read_bytes()]
    assert holding == []


def test_a_restart_keeps_the_data_and_a_fast_shutdown_does_not_wait_for_clients(
    image: Image, tmp_path: Path
) -> None:
    port = free_port(ADDRESS)
    secrets = {"POSTGRES_PASSWORD": PASSWORD}
    at = launch(tmp_path / "r", "-p", str(port), address=ADDRESS, environment=secrets)
    with serving(image, at, port) as process:
        server = Server(image, at, port, tmp_path, process)
        client = server.connect()
        client.execute("CREATE TABLE kept AS SELECT 'seven' AS n")
        client.commit()
        assert stop(process, signal.SIGINT) == 0
        client.close()
    # A changed password has no effect on a cluster that exists, as in the official image.
    secrets["POSTGRES_PASSWORD"] = "another"
    with serving(image, at, port), server.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == ("seven",)


def test_what_an_interrupted_initdb_left_is_replaced(image: Image, tmp_path: Path) -> None:
    port = free_port(ADDRESS)
    data = tmp_path / "pg"
    left = data.with_name("pg.initdb")
    left.mkdir()
    (left / "PG_VERSION").write_text("18\n")
    environment = {"POSTGRES_PASSWORD": PASSWORD, "PGDATA": str(data)}
    at = launch(tmp_path, "-p", str(port), address=ADDRESS, environment=environment)
    with serving(image, at, port):
        assert (data / "postmaster.pid").is_file()
        assert not left.exists()


def test_without_a_password_the_machine_fails_and_says_which_variable(
    image: Image, tmp_path: Path
) -> None:
    at = launch(tmp_path / "r", address=ADDRESS)
    with pytest.raises(ImageError, match="POSTGRES_PASSWORD is not set"):
        start(image.process(at), tmp_path / "log")


def test_a_data_folder_with_foreign_files_is_left_alone(image: Image, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "diary.txt").write_text("mine")
    environment = {"POSTGRES_PASSWORD": PASSWORD, "PGDATA": str(data)}
    at = launch(tmp_path, address=ADDRESS, environment=environment)
    with pytest.raises(ImageError, match="holds files but no Postgres cluster"):
        start(image.process(at), tmp_path / "log")
    assert (data / "diary.txt").read_text() == "mine"


def test_a_rootfs_too_deep_for_a_socket_still_serves(image: Image, tmp_path: Path) -> None:
    port = free_port(ADDRESS)
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    environment = {"POSTGRES_PASSWORD": PASSWORD}
    at = launch(deep / "r", "-p", str(port), address=ADDRESS, environment=environment)
    with serving(image, at, port):
        done = execute(image, at, "psql", "-p", str(port), "-U", "postgres", "-Atc", "SELECT 1")
    assert done.stdout == "1\n", done.stderr


def test_postgres_16_is_there_too(tmp_path: Path) -> None:
    image = Catalogue(tmp_path / "cache").resolve("postgres:16-alpine")
    port = free_port(ADDRESS)
    environment = {"POSTGRES_PASSWORD": PASSWORD}
    at = launch(tmp_path / "r", "-p", str(port), address=ADDRESS, environment=environment)
    with serving(image, at, port):
        version = at.rootfs / "var/lib/postgresql/data/PG_VERSION"
        assert version.read_text() == "16\n"


def test_the_signal_s_target_is_the_server_itself(server: Server) -> None:
    # unshare must replace itself: a wrapper that stays would receive the signals.
    first, *_ = (server.volume / "18" / "docker" / "postmaster.pid").read_text().split()
    assert int(first) == server.process.pid


def test_only_root_needs_a_namespace() -> None:
    assert as_ordinary_user(["postgres"], euid=1000) == ["postgres"]
    assert as_ordinary_user(["postgres"], euid=0)[-1] == "postgres"
