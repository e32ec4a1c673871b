"""What each image makes of a machine's command, without starting anything."""

from pathlib import Path

import pytest

from sandbox.images.litellm import LiteLLMImage
from sandbox.images.postgres import PostgresImage
from sandbox.images.stub import StubImage
from sandbox.images.surroundings import guest_path
from sandbox.interfaces import ImageReference, Launch

REFERENCE = ImageReference("ghcr.io", "berriai/litellm", "v1.106.2", "sha256:" + "0" * 64)
LITELLM = LiteLLMImage(REFERENCE, "1.106.2", Path("/cache/litellm/1.106.2"))
PROXY = ("/cache/litellm/1.106.2/bin/python", "/cache/litellm/1.106.2/bin/litellm")


def launch(*command: str, **environment: str) -> Launch:
    return Launch(
        machine_id="m1",
        address="127.77.1.11",
        rootfs=Path("/home/machines/m1/rootfs"),
        environment=environment,
        command=command,
        volume=Path("/home/volumes/v1"),
        volume_path="/var/lib/postgresql",
    )


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ((), ("--port", "4000", "--host", "127.77.1.11")),
        (("--config", "/c"), ("--config", "/c", "--host", "127.77.1.11")),
        (("litellm", "--host", "127.77.1.11"), ("--host", "127.77.1.11")),
        (("--host=127.77.1.11",), ("--host=127.77.1.11",)),
        (("docker/prod_entrypoint.sh", "--port", "1"), ("--port", "1", "--host", "127.77.1.11")),
    ],
)
def test_litellm_s_command_becomes_the_proxy_on_the_machine_s_address(
    command: tuple[str, ...], options: tuple[str, ...]
) -> None:
    assert LITELLM.process(launch(*command)).argv == PROXY + options


def test_a_command_that_names_a_program_runs_that_program() -> None:
    spec = LITELLM.process(launch("sh", "-c", "exec litellm --port 1"))
    assert Path(spec.argv[0]).is_absolute()
    assert spec.argv[1:] == ("-c", "exec litellm --port 1")


def test_the_machine_s_environment_wins_but_for_the_path() -> None:
    environment = LITELLM.process(launch(LITELLM_MODE="DEV", HOME="/h", PATH="/mine")).environment
    assert environment["LITELLM_MODE"] == "DEV"
    assert environment["HOME"] == "/h"
    assert environment["PATH"].startswith("/cache/litellm/1.106.2/bin:/mine:")
    assert LITELLM.process(launch()).environment["LITELLM_MODE"] == "PRODUCTION"


def test_temporary_files_stay_in_the_machine() -> None:
    # Two proxies that share a temporary folder share, and wipe, their metrics.
    assert LITELLM.process(launch()).environment["TMPDIR"] == "/home/machines/m1/rootfs/tmp"


def test_nothing_of_this_program_s_environment_is_inherited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    assert "planted" not in LITELLM.process(launch()).environment.values()


def test_the_stub_is_started_by_litellm_s_options() -> None:
    image = StubImage(REFERENCE)
    spec = image.process(launch("--config", "/c", "--port", "4000"))
    assert spec.argv[1:3] == ("-m", "sandbox.images.stub_gateway")
    assert spec.argv[-2:] == ("--host", "127.77.1.11")
    assert spec.environment["STUB_TAG"] == "v1.106.2"
    assert "PYTHONPATH" not in image.exec_process(launch(), ("python3", "x.py")).environment


@pytest.mark.parametrize(
    ("guest", "real"),
    [
        ("/app/x.yaml", "/home/machines/m1/rootfs/app/x.yaml"),
        ("app/x.yaml", "/home/machines/m1/rootfs/app/x.yaml"),
        ("/var/lib/postgresql/18/docker", "/home/volumes/v1/18/docker"),
        ("/var/lib/postgresql", "/home/volumes/v1"),
        ("/var/lib/postgresql2", "/home/machines/m1/rootfs/var/lib/postgresql2"),
        ("/home/machines/m1/rootfs/app", "/home/machines/m1/rootfs/app"),
        ("/home/volumes/v1/pg", "/home/volumes/v1/pg"),
    ],
)
def test_a_guest_path_has_one_real_place(guest: str, real: str) -> None:
    assert guest_path(launch(), guest) == Path(real)


@pytest.mark.parametrize(
    ("major", "environment", "data"),
    [
        (18, {}, "/home/volumes/v1/18/docker"),
        (16, {}, "/home/volumes/v1/data"),
        (18, {"PGDATA": "/var/lib/postgresql/mine"}, "/home/volumes/v1/mine"),
    ],
)
def test_postgres_keeps_its_data_where_the_official_image_does(
    major: int, environment: dict[str, str], data: str
) -> None:
    image = PostgresImage(REFERENCE, major, Path("/wheel/bin"))
    spec = image.process(launch("postgres", "-c", "max_connections=300", **environment))
    words = spec.argv[spec.argv.index("/wheel/bin/postgres") :]
    assert words[1:5] == ("-D", data, "-c", "max_connections=300")
    assert words[5:7] == ("-c", "listen_addresses=127.77.1.11")
    assert "POSTGRES_PASSWORD" not in " ".join(words)
