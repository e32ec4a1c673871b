import tomllib
from typing import Any

import pytest

from fly.equivalence import normal
from fly.importing import import_fly
from fly.machine_config import machine_config
from stacks.importing import Kind

SERVICES = """
app = "a"
[processes]
  app = "--config /app/litellm_config.yaml"
[[services]]
  internal_port = 4000
  protocol = "tcp"
  processes = ["app"]
  auto_stop_machines = false
  [services.concurrency]
    type = "requests"
    soft_limit = 20
    hard_limit = 25
  [[services.ports]]
    port = 80
    handlers = ["http"]
    force_https = true
  [[services.ports]]
    port = 443
    handlers = ["tls", "http"]
  [[services.http_checks]]
    method = "get"
    path = "/health/readiness"
    interval = 10000
    timeout = "2s"
    grace_period = "30s"
"""
HTTP_SERVICE = """
app = "a"
[processes]
  app = "--config /app/litellm_config.yaml"
[http_service]
  internal_port = 4000
  processes = ["app"]
  auto_stop_machines = "off"
  force_https = true
  [http_service.concurrency]
    type = "requests"
    soft_limit = 20
    hard_limit = 25
  [[http_service.checks]]
    method = "GET"
    path = "/health/readiness"
    interval = "10s"
    timeout = "2s"
    grace_period = "30s"
"""


def lost(toml: dict[str, Any]) -> dict[str, str]:
    changes = import_fly(toml).changes
    return {
        ".".join(map(str, each.path[1:])): each.text for each in changes if each.kind is Kind.LOST
    }


def test_what_fly_does_without_a_key_is_written_out() -> None:
    fly = import_fly({}).fly
    assert fly["kill"] == {"signal": "SIGINT", "timeout_s": 5}
    assert (fly["size"], fly["memory_mb"]) == ("shared-cpu-1x", 256)
    assert fly["strategy"] == "rolling"
    assert "regions" not in fly


def test_services_on_the_two_web_ports_become_the_http_service_that_says_the_same() -> None:
    one, other = import_fly(tomllib.loads(SERVICES)), import_fly(tomllib.loads(HTTP_SERVICE))
    assert one.fly == other.fly
    assert [change.kind for change in one.changes] == [Kind.SAME]
    configs = [
        machine_config(tomllib.loads(text), image="x")["services"][0]
        for text in (SERVICES, HTTP_SERVICE)
    ]
    for config in configs:
        config["ports"] = [{**p, "handlers": sorted(p["handlers"])} for p in config["ports"]]
        config["checks"] = [{**c, "method": c["method"].upper()} for c in config["checks"]]
    assert configs[0] == configs[1]


def test_a_service_on_other_ports_is_told_as_lost() -> None:
    toml = tomllib.loads(SERVICES.replace("port = 80", "port = 8080"))
    assert list(lost(toml)) == ["services.0"]


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ({"deploy": {"strategy": "canary"}}, "deploy.strategy"),
        ({"deploy": {"release_command": "x"}}, "deploy.release_command"),
        ({"build": {"dockerfile": "x"}}, "build.dockerfile"),
        ({"mounts": [{"source": "x"}]}, "mounts"),
        ({"files": [{"guest_path": "/a", "local_path": "a.txt"}]}, "files./a"),
        ({"kill_timeout": "1.5s"}, "kill_timeout"),
        ({"kill_timeout": True}, "kill_timeout"),
        ({"app": "No Name"}, "app"),
        ({"processes": {"web": "--config x"}}, "processes.web"),
        ({"vm": [{"size": "huge"}]}, "vm.0.memory"),
    ],
)
def test_what_no_setting_says_is_told(toml: dict[str, Any], place: str) -> None:
    assert place in lost(toml)


def test_the_groups_own_size_wins_and_the_others_are_kept() -> None:
    rows = [{"size": "shared-cpu-2x"}, {"size": "shared-cpu-8x", "processes": ["app"]}]
    made = import_fly({"vm": rows})
    assert made.fly["size"] == "shared-cpu-8x"
    assert made.fly["extras"]["vm"] == [{"size": "shared-cpu-2x"}]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"kill_timeout": 60}, {"kill_timeout": "1m"}),
        ({"kill_timeout": 5}, {}),
        ({"vm": {"memory": "4gb"}}, {"vm": [{"memory_mb": 4096}]}),
        ({"vm": {"size": "shared-cpu-1x"}}, {}),
        ({"compute": [{"size": "shared-cpu-4x"}]}, {"vm": [{"size": "shared-cpu-4x"}]}),
        ({"deploy": {"strategy": "rolling"}}, {}),
        ({"metrics": {"port": 1}}, {"metrics": [{"port": 1, "processes": ["app"]}]}),
    ],
)
def test_two_ways_to_say_one_thing_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    "toml", [{"kill_signal": "SIGTERM"}, {"swap_size_mb": 1}, {"http_service": {"x": 1}}]
)
def test_what_says_something_else_differs(toml: dict[str, Any]) -> None:
    assert normal(toml) != normal({})
