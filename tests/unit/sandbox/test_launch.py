from pathlib import Path
from typing import Any

import pytest

from sandbox.interfaces import ImageReference, MachineRecord
from sandbox.launch import Place, exec_words, internal_ports, launch_of

IMAGE = ImageReference("registry.fly.io", "stub", "1", "sha256:" + "0" * 64)


def machine(**config: Any) -> MachineRecord:
    return MachineRecord(
        id="m1",
        app="acme",
        name="n",
        region="iad",
        config={"image": "stub:1", **config},
        instance_id="01V",
        state="started",
        created_at="",
        updated_at="",
        address="127.77.1.10",
        image=IMAGE,
    )


@pytest.fixture
def place() -> Place:
    return Place(Path("/home/m1"), Path("/home/volumes"), {"acme-pg": "127.77.2.1"})


def test_secrets_override_the_environment_and_are_substituted(place: Place) -> None:
    env = {"DATABASE_URL": "old", "X": "1"}
    secrets = {"DATABASE_URL": "postgres://u:p@acme-pg.flycast:5432/db"}
    launch = launch_of(machine(env=env), secrets, place)
    assert launch.environment["DATABASE_URL"] == "postgres://u:p@127.77.2.1:5432/db"
    assert launch.environment["X"] == "1"


def test_the_machine_knows_itself_by_flys_variables(place: Place) -> None:
    config = {
        "env": {"FLY_APP_NAME": "forged", "PRIMARY_REGION": "fra"},
        "metadata": {"fly_process_group": "worker"},
        "guest": {"memory_mb": 512},
    }
    env = launch_of(machine(**config), {}, place).environment
    assert env["FLY_APP_NAME"] == "acme"
    assert env["FLY_MACHINE_ID"] == "m1"
    assert env["FLY_REGION"] == "iad"
    assert env["FLY_PRIVATE_IP"] == "127.77.1.10"
    assert env["FLY_PROCESS_GROUP"] == "worker"
    assert env["PRIMARY_REGION"] == "fra"
    assert env["FLY_VM_MEMORY_MB"] == "512"
    assert env["FLY_IMAGE_REF"] == "registry.fly.io/stub:1"


def test_exec_replaces_entrypoint_and_cmd(place: Place) -> None:
    init = {"entrypoint": ["e"], "cmd": ["c"]}
    assert launch_of(machine(init=init), {}, place).command == ("e", "c")
    assert launch_of(machine(init={**init, "exec": ["x"]}), {}, place).command == ("x",)
    assert launch_of(machine(), {}, place).command == ()


def test_words_know_the_machines_address_files_and_mounts(place: Place) -> None:
    config = {
        "init": {"cmd": ["--host", "[::]", "--config", "/app/c.yaml", "--data", "/data/x"]},
        "files": [{"guest_path": "/app/c.yaml", "raw_value": ""}],
        "mounts": [{"volume": "vol_1", "path": "/data"}],
    }
    launch = launch_of(machine(**config), {}, place)
    assert launch.command == (
        "--host",
        "127.77.1.10",
        "--config",
        f"{place.rootfs}/app/c.yaml",
        "--data",
        f"{place.rootfs}/data/x",
    )
    assert (launch.volume, launch.volume_path) == (place.volumes / "vol_1", "/data")


def test_the_loopback_of_an_exec_is_the_machine_but_not_that_of_its_command(place: Place) -> None:
    config = {
        "init": {"cmd": ["127.0.0.1:4000"]},
        "services": [{"internal_port": 4000}],
        "metrics": {"port": 4001, "path": "/metrics"},
    }
    record = machine(**config)
    assert launch_of(record, {}, place).command == ("127.0.0.1:4000",)
    words = exec_words(record, ["http://127.0.0.1:4000", "localhost:4001"], place)
    assert words == ("http://127.77.1.10:4000", "127.77.1.10:4001")


def test_internal_ports_come_from_services_checks_and_metrics() -> None:
    config = {
        "services": [{"internal_port": 4000}, {"internal_port": 4000}, {}],
        "checks": {"a": {"port": 4002}, "b": {}},
        "metrics": [{"port": 4001}],
    }
    assert internal_ports(config) == (4000, 4001, 4002)
