import base64
from pathlib import Path

import pytest

from sandbox.launch import LaunchError, Place, write_files
from sandbox.machine_log import open_log, rotate
from tests.sandbox.tiny import machine


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "machines" / "m1", tmp_path / "volumes", {"acme-pg": "127.77.2.1"})


def file(path: str, text: str) -> dict[str, str]:
    return {"guest_path": path, "raw_value": base64.b64encode(text.encode()).decode()}


def test_files_are_written_for_the_owner_alone_with_apps_in_place(place: Place) -> None:
    record = machine(files=[file("/app/deep/c.yaml", "host: acme-pg.flycast bind: 0.0.0.0\n")])
    write_files(record, {}, place)
    path = place.rootfs / "app" / "deep" / "c.yaml"
    assert path.read_text() == "host: 127.77.2.1 bind: 0.0.0.0\n"
    assert path.stat().st_mode & 0o777 == 0o600
    write_files(machine(files=[file("/app/deep/c.yaml", "short")]), {}, place)
    assert path.read_text() == "short"


def test_a_file_that_is_no_text_is_written_byte_by_byte(place: Place) -> None:
    data = b"\xff\xfeacme-pg.flycast"
    entry = {"guest_path": "/x", "raw_value": base64.b64encode(data).decode()}
    write_files(machine(files=[entry]), {}, place)
    assert (place.rootfs / "x").read_bytes() == data


def test_a_file_can_hold_a_secret_that_is_base64(place: Place) -> None:
    record = machine(files=[{"guest_path": "/key", "secret_name": "KEY"}])
    write_files(record, {"KEY": base64.b64encode(b"hush").decode()}, place)
    assert (place.rootfs / "key").read_bytes() == b"hush"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"guest_path": "/key", "secret_name": "KEY"}, "/key.*KEY.*has not set"),
        ({"guest_path": "/key", "secret_name": "BAD"}, "/key.*secret BAD is not base64"),
        ({"guest_path": "/key", "raw_value": "%%"}, "/key: raw_value is not base64"),
        ({"raw_value": ""}, "no guest_path"),
    ],
)
def test_a_file_without_content_is_an_error_that_hides_the_value(
    place: Place, entry: dict[str, str], says: str
) -> None:
    with pytest.raises(LaunchError, match=says) as error:
        write_files(machine(files=[entry]), {"BAD": "marker!"}, place)
    assert "marker" not in str(error.value)


def test_a_mount_is_a_link_to_the_volume_and_survives_a_second_start(place: Place) -> None:
    record = machine(mounts=[{"volume": "vol_1", "path": "/data"}])
    write_files(record, {}, place)
    (place.rootfs / "data" / "kept").write_text("x")
    write_files(record, {}, place)
    assert (place.volumes / "vol_1" / "kept").read_text() == "x"


def test_a_log_over_its_limit_is_moved_aside_while_the_process_keeps_writing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    with open_log(path) as output:
        output.write(b"first\n")
        assert not rotate(path, limit=6)
        output.write(b"second\n")
        assert rotate(path, limit=6)
        output.write(b"third\n")
    assert path.read_bytes() == b"third\n"
    older = tmp_path / "log.1"
    assert older.read_bytes() == b"first\nsecond\n"
    assert older.stat().st_mode & 0o777 == path.stat().st_mode & 0o777 == 0o600


def test_the_log_of_a_machine_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert not rotate(tmp_path / "log")
