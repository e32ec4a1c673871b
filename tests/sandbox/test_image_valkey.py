"""The Valkey image, started the way a gateway project starts it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import valkey

from sandbox.images.catalogue import Catalogue
from sandbox.interfaces import Image, ImageError, Launch
from tests.sandbox.image_machines import execute, free_port, launch, running, stop

ADDRESS = "127.91.6.1"
PASSWORD = "s3cret-of-valkey"
SCRIPT = """exec valkey-server - <<EOF
bind 127.91.6.9
port {port}
requirepass $VALKEY_PASSWORD
maxmemory 20mb
maxmemory-policy allkeys-lru
appendonly yes
EOF"""


@dataclass
class Server:
    image: Image
    at: Launch
    port: int

    def client(self, password: str | None = PASSWORD) -> valkey.Valkey:
        return valkey.Valkey(ADDRESS, self.port, password=password, decode_responses=True)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Catalogue(tmp_path_factory.mktemp("cache")).resolve("valkey/valkey:9-alpine")


def machine(rootfs: Path, port: int, volume: Path) -> Launch:
    volume.mkdir(exist_ok=True)
    return launch(
        rootfs,
        *("sh", "-c", SCRIPT.format(port=port)),
        address=ADDRESS,
        environment={"VALKEY_PASSWORD": PASSWORD},
        volume=(volume, "/data"),
    )


@pytest.fixture(scope="module")
def server(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("valkey")
    port = free_port(ADDRESS)
    at = machine(folder / "rootfs", port, folder / "volume")
    with running(image, at, port):
        yield Server(image, at, port)


def test_the_configuration_on_standard_input_holds(server: Server) -> None:
    with server.client() as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}


def test_nobody_enters_without_the_password(server: Server) -> None:
    with (
        server.client(None) as client,
        pytest.raises(valkey.AuthenticationError, match="Authentication required"),
    ):
        client.ping()


def test_it_listens_on_the_machine_s_address_whatever_the_configuration_binds(
    server: Server,
) -> None:
    with (
        valkey.Valkey("127.91.6.9", server.port, password=PASSWORD) as client,
        pytest.raises(valkey.ConnectionError, match="refused"),
    ):
        client.ping()
    with server.client() as client:
        assert client.ping() is True


def test_the_client_inside_the_machine_reaches_the_server(server: Server) -> None:
    port = str(server.port)
    words = f'REDISCLI_AUTH="$VALKEY_PASSWORD" valkey-cli -p {port} SET greeting "hello world"'
    assert execute(server.image, server.at, "sh", "-c", words).stdout == "OK\n"
    command = ("valkey-cli", "--no-auth-warning", "-a", PASSWORD, "-p", port, "GET", "greeting")
    assert execute(server.image, server.at, *command).stdout == "hello world\n"


def test_the_client_inside_the_machine_shows_the_server_s_refusal(server: Server) -> None:
    done = execute(server.image, server.at, "valkey-cli", "-p", str(server.port), "PING")
    assert done.returncode == 1
    assert "NOAUTH" in done.stderr


def test_a_program_that_the_machine_lacks_is_named(server: Server) -> None:
    with pytest.raises(ImageError, match='no program "nethack"'):
        execute(server.image, server.at, "nethack")


def test_a_restart_keeps_what_was_written(image: Image, tmp_path: Path) -> None:
    port = free_port(ADDRESS)
    at = machine(tmp_path / "r", port, tmp_path / "volume")
    with running(image, at, port) as process:
        with Server(image, at, port).client() as client:
            client.set("kept", "yes")
        assert stop(process) == 0
    assert (tmp_path / "volume" / "appendonlydir").is_dir()
    with running(image, at, port), Server(image, at, port).client() as client:
        assert client.get("kept") == "yes"


def test_without_a_command_the_server_starts_with_the_image_s_defaults(
    image: Image, tmp_path: Path
) -> None:
    assert image.process(launch(tmp_path, address=ADDRESS)).argv[1:] == ()
    port = free_port(ADDRESS)
    at = launch(tmp_path, "--port", str(port), address=ADDRESS)
    with running(image, at, port), Server(image, at, port).client(None) as client:
        assert client.ping() is True
