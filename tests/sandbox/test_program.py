import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import valkey

from tests.sandbox.served import ROOT, Served, file, service, until
from tests.sandbox.subnets import own_subnet
from tests.sandbox.tiny import alive, free_port, kill_quietly

READY = {"type": "http", "path": "/health/readiness", "interval": "15s", "timeout": "5s"}
CONFIG = "model_list: []\n"
PASSWORD = "marker-of-the-database"
CACHE_PASSWORD = "marker-of-the-cache"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "home")
    served.start()
    yield served
    pids = served.pids().values()
    served.end()
    left = [pid for pid in pids if alive(pid)]
    for pid in left:
        kill_quietly(pid)
    assert left == []


def gateway(served: Served, name: str = "gw", **env: str) -> str:
    served.app(name, "shared_v4")
    return served.machine(
        name,
        image="registry.fly.io/stub:1",
        init={"cmd": ["--port", "4000", "--host", "0.0.0.0", "--config", "/app/config.yaml"]},  # noqa: S104
        env=env,
        files=[file("/app/config.yaml", CONFIG)],
        services=[service(4000, 80, 443, check=READY, http=True)],
        metrics={"port": 4001, "path": "/metrics"},
    )


def database(served: Served) -> str:
    served.app("pg", "private_v6", POSTGRES_PASSWORD=PASSWORD)
    body = {"name": "data", "region": "iad", "size_gb": 1}
    volume = served.fly("POST", "/apps/pg/volumes", body)["id"]
    return served.machine(
        "pg",
        image="postgres:18",
        env={"PGDATA": "/data/pg"},
        mounts=[{"volume": volume, "path": "/data"}],
        services=[service(5432, 5432, check={"type": "tcp"})],
    )


def cache(served: Served) -> str:
    served.app("kv", "private_v6", CACHE_PASSWORD=CACHE_PASSWORD)
    script = 'exec valkey-server --bind 0.0.0.0 --requirepass "$CACHE_PASSWORD"'
    return served.machine(
        "kv",
        image="valkey/valkey:9",
        init={"exec": ["sh", "-c", script]},
        services=[service(6379, 6379)],
    )


def rows(*, add: bool) -> int:
    address = f"{own_subnet()}.2.1"
    with psycopg.connect(
        host=address, user="postgres", password=PASSWORD, dbname="postgres", connect_timeout=10
    ) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
        if add:
            connection.execute("INSERT INTO t VALUES (1)")
        row = connection.execute("SELECT count(*) FROM t").fetchone()
        assert row is not None
        return int(row[0])


def count() -> int:
    client = valkey.Valkey(host=f"{own_subnet()}.3.1", password=CACHE_PASSWORD)
    try:
        value = client.incr("n")
        assert isinstance(value, int)
        return value
    finally:
        client.close()  # type: ignore[no-untyped-call]  # valkey has no types here


def readiness(served: Served) -> int:
    return httpx.get(f"{served.running['edge_url']}/health/readiness", timeout=20).status_code


def test_apps_of_three_kinds_serve_and_survive_a_restart_and_a_kill(sandbox: Served) -> None:
    machines = {"gw": gateway(sandbox), "pg": database(sandbox), "kv": cache(sandbox)}
    for app, machine in machines.items():
        until(lambda app=app, machine=machine: sandbox.healthy(app, machine))  # type: ignore[misc]

    assert readiness(sandbox) == 200
    assert rows(add=True) == 1
    assert count() == 1
    assert sandbox.exec("pg", machines["pg"], "psql", "-U", "postgres", "-tAc", "SELECT 7") == "7\n"
    assert sandbox.exec("gw", machines["gw"], "cat", "/app/config.yaml") == CONFIG
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:4000/health/readiness').status)"
    assert sandbox.exec("gw", machines["gw"], "python3", "-c", ask) == "200\n"

    before = sandbox.pids()
    assert sandbox.end() == 0
    assert not any(alive(pid) for pid in before.values())
    assert not (sandbox.home / "sandbox.json").exists()
    sandbox.start()
    for app, machine in machines.items():
        until(lambda app=app, machine=machine: sandbox.healthy(app, machine))  # type: ignore[misc]
    assert readiness(sandbox) == 200
    assert rows(add=True) == 2
    assert count() >= 1
    assert not set(sandbox.pids().values()) & set(before.values())

    before = sandbox.pids()
    sandbox.end(signal.SIGKILL)
    assert all(alive(pid) for pid in before.values())
    sandbox.start()
    assert sandbox.pids() == before
    assert rows(add=False) == 2
    assert until(lambda: readiness(sandbox)) == 200

    written = "".join(path.read_text() for path in sandbox.home.glob("sandbox.log*"))
    written += sandbox.output.read_text() + (sandbox.home / "state.json").read_text()
    assert "took over pid" in written
    assert PASSWORD not in written
    assert CACHE_PASSWORD not in written


def test_a_machine_that_is_killed_comes_back_also_after_it_was_adopted(sandbox: Served) -> None:
    machine = gateway(sandbox)
    until(lambda: sandbox.healthy("gw", machine))
    for adopted in (False, True):
        if adopted:
            sandbox.end(signal.SIGKILL)
            sandbox.start()
        before = sandbox.pids()["gw"]
        os.kill(before, signal.SIGKILL)
        until(lambda before=before: sandbox.pids().get("gw") not in {None, before})  # type: ignore[misc]
        until(lambda: sandbox.healthy("gw", machine))
        assert readiness(sandbox) == 200


def test_a_destroyed_app_leaves_no_process_no_listener_and_no_file(sandbox: Served) -> None:
    machine = cache(sandbox)
    until(lambda: sandbox.healthy("kv", machine))
    (pid,) = sandbox.pids().values()
    with socket.create_connection((f"{own_subnet()}.1.1", 6379), timeout=5):
        pass
    sandbox.fly("DELETE", f"/apps/kv/machines/{machine}?force=true")
    until(lambda: not alive(pid))
    until(lambda: not (sandbox.home / "machines" / machine).exists())
    sandbox.fly("DELETE", "/apps/kv")
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection((f"{own_subnet()}.1.1", 6379), timeout=5)


def test_a_second_signal_does_not_wait_for_a_stubborn_machine(sandbox: Served) -> None:
    sandbox.app("stubborn", "private_v6")
    machine = sandbox.machine(
        "stubborn",
        image="stub:1",
        init={"exec": ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"]},
        stop_config={"signal": "SIGTERM", "timeout": "5m"},
    )
    log = sandbox.home / "machines" / machine / "log"
    until(lambda: log.exists() and log.read_text() == "up\n")
    (pid,) = sandbox.pids().values()
    sandbox.process.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in (sandbox.home / "sandbox.log").read_text())
    assert alive(pid)
    assert sandbox.end(signal.SIGINT) == 0
    assert not alive(pid)


def test_what_is_said_about_the_running_sandbox_is_true(sandbox: Served) -> None:
    path = sandbox.home / "sandbox.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sandbox.home.stat().st_mode & 0o777 == 0o700
    said = json.loads(path.read_text())
    assert said["subnet"] == own_subnet()
    assert httpx.get(f"{said['api_url']}/_sandbox/status").status_code == 200
    assert httpx.get(f"{said['api_url']}/_sandbox/providers").status_code == 200
    assert httpx.get(f"{said['edge_url']}/").status_code == 421
    assert httpx.post(f"{said['provider_url']}/openai/v1/chat/completions").status_code == 401
    account = json.loads((sandbox.home / "vertex-service-account.json").read_text())
    assert account["token_uri"] == f"{said['provider_url']}/token"


def test_answers_do_not_wait_for_a_delayed_acknowledgement(sandbox: Served) -> None:
    with httpx.Client(base_url=sandbox.running["api_url"]) as client:
        client.get("/_sandbox/status")
        fastest = min(client.get("/_sandbox/status").elapsed.total_seconds() for _ in range(10))
    assert fastest < 0.03


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_second_sandbox_on_the_same_home_is_refused(sandbox: Served) -> None:
    done = run(*sandbox.command()[3:])
    assert done.returncode == 1
    assert f"error[sandbox.home] {sandbox.home}: pid {sandbox.process.pid}" in done.stderr
    assert f"kill {sandbox.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.process.poll() is None


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(
            *("serve", "--home", str(tmp_path / "home"), "--subnet", own_subnet()),
            *("--port", "0", "--edge-port", str(port), "--provider-port", "0"),
        )
    assert done.returncode == 1
    assert f"error[sandbox.port] the edge (--edge-port): 127.0.0.1:{port}" in done.stderr
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_made_for_another_subnet_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    state = {"format": 1, "subnet": "127.3", "next_ip": 1}
    lists: dict[str, list[object]] = {"apps": [], "machines": [], "volumes": [], "leases": []}
    (home / "state.json").write_text(json.dumps({**state, **lists}))
    free = [str(free_port("127.0.0.1")) for _ in range(3)]
    done = run(
        *("serve", "--home", str(home), "--subnet", "127.4", "--port", free[0]),
        *("--edge-port", free[1], "--provider-port", free[2]),
    )
    assert done.returncode == 1
    assert "error[sandbox.state]" in done.stderr
    assert "--subnet 127.3" in done.stderr
    assert not (home / "sandbox.json").exists()


@pytest.mark.parametrize("subnet", ["10.0", "127.256", "127"])
def test_only_loopback_networks_are_taken(tmp_path: Path, subnet: str) -> None:
    done = run("serve", "--home", str(tmp_path), "--subnet", subnet)
    assert done.returncode == 2
    assert "127.77" in done.stderr


def test_a_refused_version_is_not_installed() -> None:
    done = run("images", "install", "1.82.7")
    assert done.returncode == 1
    assert "1.82.7" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_coverage_is_printed_as_markdown() -> None:
    done = run("coverage")
    assert done.returncode == 0
    assert "/v1/apps" in done.stdout
