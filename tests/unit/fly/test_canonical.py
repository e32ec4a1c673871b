import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings

from fly.canonical import BOOKKEEPING_METADATA, canonical
from tests.unit.fly.json_values import CONFIGS, JSON, reordered
from tests.unit.fly.test_machine_config import NAMES, case


@settings(max_examples=40)
@given(CONFIGS)
def test_the_form_of_a_form_is_itself(config: dict[str, Any]) -> None:
    once = canonical(config)
    assert canonical(once) == once


@settings(max_examples=40)
@given(CONFIGS)
def test_key_order_changes_nothing_not_even_the_bytes(config: dict[str, Any]) -> None:
    assert json.dumps(canonical(reordered(config))) == json.dumps(canonical(config))


@settings(max_examples=40)
@given(CONFIGS)
def test_a_trip_through_json_changes_nothing(config: dict[str, Any]) -> None:
    assert canonical(json.loads(json.dumps(config))) == canonical(config)


@settings(max_examples=40)
@given(CONFIGS)
def test_the_argument_is_left_as_it_was(config: dict[str, Any]) -> None:
    before = json.dumps(config)
    canonical(config)
    assert json.dumps(config) == before


@settings(max_examples=40)
@given(
    JSON.filter(lambda value: isinstance(value, dict)) | CONFIGS,
)
def test_strange_values_stay_and_raise_nothing(config: dict[str, Any]) -> None:
    keys = ("env", "services", "checks", "files", "mounts", "guest", "restart", "stop_config")
    strange = dict.fromkeys(keys, next(iter(config.values()), 7))
    assert canonical(canonical(strange)) == canonical(strange)


@pytest.mark.parametrize("name", NAMES)
def test_what_flyctl_sends_has_a_stable_form(name: str) -> None:
    for body in case(name)["create_machine_requests"]:
        once = canonical(body["config"])
        assert canonical(json.loads(json.dumps(once))) == once
        assert not BOOKKEEPING_METADATA & once.get("metadata", {}).keys()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"stop_config": {"timeout": "60s"}}, {"stop_config": {"timeout": "1m0s"}}),
        ({"stop_config": {"timeout": 60_000_000_000}}, {"stop_config": {"timeout": "60s"}}),
        ({"services": [{"autostop": False}]}, {"services": [{"autostop": "off"}]}),
        ({"services": [{"autostop": True}]}, {"services": [{"autostop": "stop"}]}),
        ({"services": [{"ports": [], "checks": None}]}, {"services": [{}]}),
        (
            {"services": [{"autostart": True, "min_machines_running": 0}]},
            {"services": [{"force_instance_key": None}]},
        ),
        ({"services": None, "mounts": [], "dns": {}}, {}),
        (
            {"services": [{"ports": [{"port": 443, "handlers": ["tls", "http"]}, {"port": 80}]}]},
            {"services": [{"ports": [{"port": 80}, {"port": 443, "handlers": ["http", "tls"]}]}]},
        ),
        (
            {"services": [{"internal_port": 2}, {"internal_port": 1}]},
            {"services": [{"internal_port": 1}, {"internal_port": 2}]},
        ),
        ({"checks": {"a": {"method": "get"}}}, {"checks": {"a": {"protocol": "http"}}}),
        ({"services": [{"concurrency": {"type": "connections"}}]}, {"services": [{}]}),
        ({"metadata": {"fly_release_id": "1", "gateway_release": "x"}}, {}),
        ({"env": {"FLY_PROCESS_GROUP": "app", "PRIMARY_REGION": "iad"}}, {}),
        ({"restart": {"policy": "on-failure", "max_retries": 10}}, {}),
        ({"restart": {"policy": "on-failure"}}, {}),
        ({"mounts": [{"volume": "v", "path": "/d", "name": "x", "size_gb": 1}]},
         {"mounts": [{"volume": "v", "path": "/d", "encrypted": True}]}),
        ({"image": "i"}, {"image": "i",
          "guest": {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256}}),
        ({"guest": {"cpus": 2, "gpus": 0}}, {"guest": {"cpus": 2}}),
        ({"auto_destroy": False, "metrics": {"https": False}}, {}),
    ],
)  # fmt: skip
def test_two_ways_to_say_one_thing_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"env": {"A": ""}}, {}),
        ({"env": {"A": "1"}}, {"env": {"A": "2"}}),
        ({"services": [{"autostop": "suspend"}]}, {"services": [{"autostop": True}]}),
        ({"services": [{"autostart": False}]}, {}),
        ({"init": {"cmd": ["a", ""]}}, {"init": {"cmd": ["a"]}}),
        ({"init": {"cmd": ["a", "b"]}}, {"init": {"cmd": ["b", "a"]}}),
        ({"metadata": {"fly_process_group": "app"}}, {}),
        ({"restart": {"policy": "always"}}, {}),
        ({"restart": {"policy": "on-failure", "max_retries": 3}}, {}),
        ({"guest": {"memory_mb": 256}}, {"guest": {"memory_mb": 512}}),
        (
            {"services": [{"ports": [{"http_options": {"response": {"headers": {"X": False}}}}]}]},
            {"services": [{"ports": [{}]}]},
        ),
        ({"schedule": "daily"}, {}),
    ],
)
def test_what_means_something_else_stays_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert canonical(one) != canonical(other)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_files_are_text_by_guest_path_where_they_are_text() -> None:
    binary = b"\xff\xfe"
    files = [
        {"guest_path": "/b", "raw_value": encoded(binary)},
        {"guest_path": "/a", "raw_value": encoded("é: 1\n".encode())},
        {"guest_path": "/s", "secret_name": "KEY", "mode": 0o600},
        {"guest_path": "/x", "raw_value": "%%%"},
        {"guest_path": "/a", "raw_value": encoded(b"last wins")},
    ]
    form = canonical({"files": files})
    assert form["files"] == {
        "/a": "last wins",
        "/b": {"base64": encoded(binary)},
        "/s": {"secret_name": "KEY"},
        "/x": f"not base64:{hashlib.sha256(b'%%%').hexdigest()}",
    }
    assert form["file_modes"] == {"/s": 0o600}
