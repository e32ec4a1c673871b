import json
from pathlib import Path
from typing import Any

import pytest

from ops.stale_lock import Lock, describe, is_stale, locks

LOCK = Lock(Path("lock.json"), 4711, "here")


def write(backend: Path, text: Any) -> None:
    folder = backend / ".pulumi" / "locks" / "organization" / "gateway" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.json").write_text(text if isinstance(text, str) else json.dumps(text))


def test_a_lock_whose_process_is_gone_is_stale() -> None:
    assert is_stale(LOCK, host="here", command=lambda _: [])


def test_a_lock_whose_engine_runs_is_not_stale() -> None:
    assert not is_stale(LOCK, host="here", command=lambda _: ["/opt/bin/pulumi", "up"])


def test_a_lock_whose_id_belongs_to_another_program_by_now_is_stale() -> None:
    assert is_stale(LOCK, host="here", command=lambda _: ["/usr/sbin/cron", "-f"])


def test_a_lock_of_another_host_is_never_stale() -> None:
    assert not is_stale(LOCK, host="there", command=lambda _: [])


def test_a_stack_that_nobody_holds_has_no_lock(tmp_path: Path) -> None:
    assert locks(tmp_path, "gateway", "local") == ()


def test_a_lock_is_read_as_the_engine_writes_it(tmp_path: Path) -> None:
    write(tmp_path, {"pid": 12, "username": "root", "hostname": "vm", "timestamp": "2026-11-24"})
    (lock,) = locks(tmp_path, "gateway", "local")
    assert (lock.pid, lock.host) == (12, "vm")
    assert describe(lock) == "process 12 on vm"


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pid": "x", "hostname": "vm"}'])
def test_a_lock_that_cannot_be_read_belongs_to_somebody(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    (lock,) = locks(tmp_path, "gateway", "local")
    assert not is_stale(lock, host="", command=lambda _: [])
    assert "one.json" in describe(lock)
