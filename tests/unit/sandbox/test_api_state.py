import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.durations import seconds
from sandbox.interfaces import ImageReference, MachineRecord
from sandbox.records import AppRecord, IpRecord, LeaseRecord, VolumeRecord
from sandbox.secret_store import SecretStore
from sandbox.state import State, StateError
from tests.unit.sandbox.fakes import FakeClock, Sandbox

NAME = st.text(string.ascii_lowercase, min_size=1, max_size=8)
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=4)
APPS = st.builds(
    AppRecord,
    TEXT,
    NAME,
    TEXT,
    TEXT,
    st.integers(),
    TEXT,
    TEXT,
    st.integers(),
    st.lists(st.builds(IpRecord, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), max_size=2),
)
MACHINES = st.builds(
    MachineRecord,
    id=NAME,
    config=OBJECT | st.builds(lambda rest, files: {**rest, "files": files}, OBJECT, JSON),
    events=st.lists(OBJECT, max_size=3),
    pid=st.none(),
    image=st.builds(ImageReference, TEXT, TEXT, TEXT, TEXT),
    pid_started=st.floats(0, 1e9),
)
VOLUMES = st.builds(VolumeRecord, id=NAME)
LEASES = st.builds(LeaseRecord, machine=NAME, expires_at=st.floats(0, 1e10))
CHANGES = st.lists(
    st.tuples(NAME, st.dictionaries(NAME, st.none() | TEXT, min_size=1, max_size=3)), max_size=5
)


def contents(state: State) -> tuple[Any, ...]:
    return (
        state.apps, state.machines, state.volumes, state.leases, state.next_ip,
        state.secrets.to_json(),
    )  # fmt: skip


@given(
    apps=st.lists(APPS, max_size=3),
    machines=st.lists(MACHINES, max_size=3),
    volumes=st.lists(VOLUMES, max_size=3),
    leases=st.lists(LEASES, max_size=3),
    changes=CHANGES,
)
def test_what_is_saved_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    apps: list[AppRecord],
    machines: list[MachineRecord],
    volumes: list[VolumeRecord],
    leases: list[LeaseRecord],
    changes: list[tuple[str, dict[str, str | None]]],
) -> None:
    home = tmp_path_factory.mktemp("state")
    state = State.open(home)
    state.apps = {app.name: app for app in apps}
    state.machines = {machine.id: machine for machine in machines}
    state.volumes = {volume.id: volume for volume in volumes}
    state.leases = {lease.machine: lease for lease in leases}
    state.next_ip = 7
    for app, values in changes:
        state.secrets.change(app, values, "now")
    state.save()
    assert contents(State.open(home)) == contents(state)


@given(CHANGES)
def test_every_version_of_the_secrets_is_what_the_changes_up_to_it_make(
    changes: list[tuple[str, dict[str, str | None]]],
) -> None:
    store = SecretStore("salt")
    expected: dict[str, dict[str, str]] = {}
    seen: list[tuple[str, int, dict[str, str]]] = []
    for app, values in changes:
        version = store.change(app, values, "now")
        merged: dict[str, str | None] = {**expected.get(app, {}), **values}
        expected[app] = {name: value for name, value in merged.items() if value is not None}
        seen.append((app, version, expected[app]))
    assert all(store.values(app, version) == then for app, version, then in seen)
    if seen:
        app, version, then = seen[0]
        store.prune(app, [version])
        assert store.values(app, version) == then
        assert store.values(app, store.bag(app).version) == expected[app]


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_go_durations_are_read(hours: int, minutes: int, secs: int, millis: int) -> None:
    text = f"{hours}h{minutes}m{secs}.{millis:03d}s"
    assert seconds(text) == pytest.approx(hours * 3600 + minutes * 60 + secs + millis / 1000)
    assert seconds(secs) == seconds(f"{secs}s") == seconds(str(secs)) == secs


@pytest.mark.parametrize("value", ["soon", "5 s", "-1s", "1m-", True, [], "s"])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="write it as Go does"):
        seconds(value)


def test_the_home_directory_and_its_files_are_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    State.open(home)
    assert home.stat().st_mode & 0o777 == 0o700
    for name in ("state.json", "secrets.json"):
        assert (home / name).stat().st_mode & 0o777 == 0o600
    assert {path.name for path in home.iterdir()} == {"state.json", "secrets.json"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        (json.dumps({"format": 99}), "format 99"),
        (json.dumps({"format": 1, "subnet": "127.9"}), "--subnet 127.9"),
    ],
)
def test_a_state_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StateError, match=said):
        State.open(tmp_path)
    assert (tmp_path / "state.json").read_text() == text


def test_subscribers_hear_of_every_saved_change(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    heard: list[int] = []
    state.subscribe(lambda: heard.append(len(state.apps)))
    state.add_app(id_="1", name="web", organization="acme", network="", created_at="now")
    state.save()
    assert heard == [1]


def test_a_machine_address_just_given_up_is_not_the_next_one(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    app = state.add_app(id_="1", name="web", organization="acme", network="", created_at="now")
    addresses = [state.free_address(app) for _ in range(240)]
    assert len(set(addresses)) == 240
    assert (addresses[0], addresses[-1]) == ("127.77.1.10", "127.77.1.249")
    assert state.free_address(app) == addresses[0]


async def restarted(fly: Sandbox) -> Sandbox:
    """Begin again from what is on disk, as after a kill."""
    again = Sandbox(fly.state.home, FakeClock())
    again.runtime.adoptable = set(fly.runtime.running)
    return again


async def test_everything_is_still_there_after_a_restart(fly: Sandbox) -> None:
    path = await fly.app()
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "v"}})
    await fly.call("POST", "/v1/apps/web/ip_assignments", {"type": "private_v6"})
    await fly.call("POST", "/v1/apps/web/volumes", {"name": "data", "region": "iad"})
    machine = await fly.machine(path, lease_ttl=300)
    again = await restarted(fly)
    assert contents(again.state) == contents(fly.state)
    await again.lifecycle.recover()
    await again.call("POST", f"{path}/{machine['id']}/cordon", expect=409)
    await again.call("POST", f"{path}/{machine['id']}/cordon", nonce=machine["nonce"])


async def test_a_machine_that_still_runs_is_taken_over(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    again = await restarted(fly)
    await again.lifecycle.recover()
    await again.lifecycle.settle()
    assert [line[0] for line in again.runtime.log] == ["adopt"]
    shown = await again.call("GET", f"{path}/{machine['id']}")
    assert (shown["state"], shown["instance_id"]) == ("started", machine["instance_id"])


async def test_a_machine_that_does_not_run_any_more_is_started_with_its_secrets(
    fly: Sandbox,
) -> None:
    path = await fly.app()
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "old"}})
    machine = await fly.machine(path)
    await fly.call("POST", "/v1/apps/web/secrets", {"values": {"KEY": "new"}})
    fly.runtime.running.clear()
    again = await restarted(fly)
    await again.lifecycle.recover()
    await again.lifecycle.settle()
    assert again.runtime.running[machine["id"]].secrets == {"KEY": "old"}


@pytest.mark.parametrize(
    ("state", "after", "runs"),
    [
        ("created", "started", True),
        ("starting", "started", True),
        ("replacing", "started", True),
        ("stopping", "stopped", False),
        ("stopped", "stopped", False),
        ("failed", "failed", False),
        ("destroying", "destroyed", False),
    ],
)
async def test_what_was_under_way_is_finished_after_a_restart(
    fly: Sandbox, state: str, after: str, *, runs: bool
) -> None:
    path = await fly.app()
    machine = await fly.machine(path, skip_launch=True)
    fly.state.machines[machine["id"]].state = state
    fly.state.save()
    again = await restarted(fly)
    await again.lifecycle.recover()
    await again.lifecycle.settle()
    assert again.state.machines[machine["id"]].state == after
    assert (machine["id"] in again.runtime.running) is runs


async def test_an_update_that_was_cut_short_stops_the_old_process_first(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    fly.state.machines[machine["id"]].state = "replacing"
    fly.state.save()
    again = await restarted(fly)
    await again.lifecycle.recover()
    await again.lifecycle.settle()
    assert [line[0] for line in again.runtime.log] == ["adopt", "stop", "start"]


async def test_processes_that_end_with_the_sandbox_stay_recorded_as_started(fly: Sandbox) -> None:
    path = await fly.app()
    machine = await fly.machine(path)
    await fly.lifecycle.shutdown()
    fly.runtime.exit(machine["id"], 0)
    assert fly.state.machines[machine["id"]].state == "started"
    assert State.open(fly.state.home).machines[machine["id"]].state == "started"
