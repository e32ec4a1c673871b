"""Every fly.toml in machine_config_cases becomes what a real flyctl was seen to send for it."""

import base64
import json
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fly.canonical import canonical
from fly.machine_config import (
    DeployInputs,
    MachineRequest,
    machine_config,
    machine_requests,
    process_groups,
    release_command_config,
    standby_request,
)
from stacks.problem import ProblemError

CASES = Path(__file__).parent / "machine_config_cases"
NAMES = sorted(path.stem for path in CASES.glob("*.json") if not path.name.endswith(".fly.json"))
CASES_KEPT = 48  # a case that gets lost is noticed

# What flyctl writes about itself and its release. Each is left out for its own reason.
FLYCTLS_OWN_METADATA = {
    "fly_flyctl_version": "names the flyctl that deployed, and we are none",
    "fly_release_id": "a row of Fly's release list, which REST cannot write",
    "fly_release_version": "the number of that row",
}
IMAGE = "example/app@sha256:" + "a" * 64


def case(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return loaded


def toml_of(name: str) -> dict[str, Any]:
    as_json = CASES / f"{name}.fly.json"
    if as_json.exists():
        loaded: dict[str, Any] = json.loads(as_json.read_text("utf-8"))
        return loaded
    return tomllib.loads((CASES / f"{name}.toml").read_text("utf-8"))


def inputs_of(recorded: Mapping[str, Any]) -> DeployInputs:
    """Read flyctl's command line as the case holds it."""
    args: Sequence[str] = recorded["flyctl_args"]
    flags = list(pairwise(args))
    contents = {path: text.encode() for path, text in recorded["local_files"].items()}

    def values(flag: str) -> list[str]:
        return [value for name, value in flags if name == flag]

    def pairs(flag: str) -> list[tuple[str, str]]:
        return [(key, value) for key, _, value in (pair.partition("=") for pair in values(flag))]

    local = [(path, contents[name]) for path, name in pairs("--file-local")]
    literal = [(path, text.encode()) for path, text in pairs("--file-literal")]
    extra: list[dict[str, Any]] = [
        {"guest_path": path, "raw_value": base64.b64encode(content).decode()}
        for path, content in local + literal
    ]
    extra += [{"guest_path": path, "secret_name": key} for path, key in pairs("--file-secret")]
    return DeployInputs(
        image=next(iter(values("--image")), None),
        files=contents,
        primary_region=next(iter(values("--primary-region")), None),
        env=dict(pairs("--env")),
        extra_files=extra,
        volumes={"data": "vol_abc123"},
    )


def without_flyctls_own(body: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(body["config"])
    config["metadata"] = {
        key: value for key, value in config["metadata"].items() if key not in FLYCTLS_OWN_METADATA
    }
    return {**body, "config": config}


def config_of(toml: str, group: str | None = None, **files: bytes) -> dict[str, Any]:
    return machine_config(tomllib.loads(toml), group, image=IMAGE, files=files)


def test_all_recorded_cases_are_here() -> None:
    assert len(NAMES) == CASES_KEPT


@pytest.mark.parametrize("name", NAMES)
def test_a_fly_toml_becomes_what_flyctl_sends(name: str) -> None:
    recorded = case(name)
    requests = machine_requests(
        toml_of(name), inputs_of(recorded), ha="--ha=true" in recorded["flyctl_args"]
    )
    assert [request.body() for request in requests] == [
        without_flyctls_own(body) for body in recorded["create_machine_requests"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_our_configuration_and_flyctls_are_the_same_to_drift(name: str) -> None:
    recorded = case(name)
    requests = machine_requests(
        toml_of(name), inputs_of(recorded), ha="--ha=true" in recorded["flyctl_args"]
    )
    for request, body in zip(requests, recorded["create_machine_requests"], strict=True):
        assert canonical(request.config) == canonical(body["config"])


def test_nothing_else_is_left_out_of_the_comparison() -> None:
    left_out = {
        key
        for name in NAMES
        for body in case(name)["create_machine_requests"]
        for key in body["config"]["metadata"]
    } - {"fly_platform_version", "fly_process_group"}
    assert left_out == set(FLYCTLS_OWN_METADATA)


def test_process_groups_are_sorted_and_app_is_the_default() -> None:
    assert process_groups({"processes": {"worker": "b", "app": "a"}}) == ("app", "worker")
    assert process_groups({}) == ("app",)


def test_a_table_without_processes_belongs_to_the_first_group_when_none_is_called_app() -> None:
    toml = 'processes = {b = "x", a = "y"}\nmetrics = {port = 1}'
    assert "metrics" in config_of(toml, "a")
    assert "metrics" not in config_of(toml, "b")


def test_a_release_command_without_its_own_vm_gets_flys_small_one() -> None:
    toml = {"deploy": {"release_command": "migrate now"}, "vm": {"memory": "8gb"}}
    config = release_command_config(toml, DeployInputs(image=IMAGE))
    assert config is not None
    assert config["init"] == {"cmd": ["migrate", "now"]}
    assert config["guest"] == {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}


def test_no_release_command_makes_no_machine() -> None:
    assert release_command_config({"build": {"image": IMAGE}}) is None


def test_a_standby_names_the_machine_it_stands_in_for() -> None:
    request = standby_request(MachineRequest({"env": {"A": "1"}}, "iad", lease_ttl_s=300), "m1")
    assert request.body() == {
        "config": {"env": {"A": "1", "FLY_STANDBY_FOR": "m1"}, "standbys": ["m1"]},
        "region": "iad",
        "skip_launch": True,
        "skip_secrets": False,
        "lease_ttl": 300,
    }


def test_a_group_without_vm_keeps_the_guest_it_is_given() -> None:
    inputs = DeployInputs(image=IMAGE, guest={"cpu_kind": "performance", "cpus": 2})
    assert machine_config({}, None, inputs)["guest"] == {"cpu_kind": "performance", "cpus": 2}


def test_bare_numbers_count_what_flyctl_takes_them_for() -> None:
    config = config_of(
        "kill_timeout = 120\n"
        "[http_service]\ninternal_port = 1\nchecks = [{interval = 15000}]\n"
        '[checks.c]\ntype = "tcp"\ninterval = 15000\n'
    )
    assert config["stop_config"] == {"timeout": "2m0s"}
    assert config["services"][0]["checks"][0]["interval"] == "15µs"
    assert config["checks"]["c"] == {"port": 1, "type": "tcp", "interval": "15s"}


def test_top_level_checks_get_their_method_in_capitals_and_service_checks_do_not() -> None:
    config = config_of(
        '[http_service]\ninternal_port = 1\nchecks = [{method = "get"}]\n'
        '[checks.c]\ntype = "http"\nmethod = "get"\n'
    )
    assert config["services"][0]["checks"][0]["method"] == "get"
    assert config["checks"]["c"]["method"] == "GET"


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        ("1000000.0", "1e+06"),
        ("123456789.0", "1.23456789e+08"),
        ("100000.0", "100000"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("-1.25e-7", "-1.25e-07"),
        ("1e21", "1e+21"),
        ("1.5", "1.5"),
        ("2.0", "2"),
        ("0.0", "0"),
        ("inf", "+Inf"),
        ("-inf", "-Inf"),
        ("nan", "NaN"),
        ("false", "false"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_environment_values_are_written_as_go_writes_them(toml: str, text: str) -> None:
    assert config_of(f"[env]\nX = {toml}")["env"]["X"] == text


@pytest.mark.parametrize(
    ("toml", "place", "value", "step"),
    [
        ('[[vm]]\nsize = "shared-cpu-3x"', "vm[0].size", "shared-cpu-3x", 'did you mean "shared'),
        ('[[vm]]\nmemory = "lots"', "vm[0].memory", "lots", '"2gb"'),
        ("[[vm]]\nmemory = 0", "vm[0].memory", "0", '"2gb"'),
        ('[processes]\napp = "x \'oops"', "processes.app", "x 'oops", "close the quote"),
        ('kill_timeout = "soon"', "kill_timeout", "soon", '"15s"'),
        (
            '[http_service]\ninternal_port = 1\nchecks = [{interval = "15"}]',
            "http_service.checks[0].interval",
            "15",
            '"15s"',
        ),
        (
            '[[services]]\ninternal_port = 1\ntcp_checks = [{timeout = "x"}]',
            "services[0].tcp_checks[0].timeout",
            "x",
            '"15s"',
        ),
        ('[checks.c]\ntype = "tcp"', "checks.c.port", "", "set it"),
        ('[checks.c]\nport = 1\ntype = "icmp"', "checks.c.type", "icmp", 'type = "http"'),
        ('[restart]\npolicy = "sometimes"', "restart.policy", "sometimes", "on-failure"),
        (
            '[http_service]\ninternal_port = 1\nauto_stop_machines = "sometimes"',
            "http_service.auto_stop_machines",
            "sometimes",
            '"off"',
        ),
        (
            '[http_service]\ninternal_port = "4000"',
            "http_service.internal_port",
            "4000",
            "write it bare",
        ),
        (
            '[processes]\napp = "x"\n[http_service]\ninternal_port = 1',
            "http_service.processes",
            "",
            "set processes = ['app']",
        ),
        (
            '[http_service]\ninternal_port = 1\nprocesses = ["web"]',
            "http_service.processes",
            "web",
            "name one of them",
        ),
        ("[env]\nA = [1]", "env.A", "[1]", "write it as a string"),
        (
            '[[files]]\nguest_path = "/a"\nlocal_path = "a"',
            "files[0].local_path",
            '"a"',
            "render the file",
        ),
        ('machine_config = "m.json"', "machine_config", "", "fly.toml's own keys"),
        ('[mounts]\nsource = "d"\nauto_extend_size_limit = "x"', "mounts.auto", "x", '"10gb"'),
        ("vm = 1", "vm", "1", "write [vm]"),
    ],
)
def test_what_flyctl_refuses_is_refused_with_place_value_and_next_step(
    toml: str, place: str, value: str, step: str
) -> None:
    with pytest.raises(ProblemError, match=r"fly\.toml: ") as caught:
        config_of(toml)
    problem = caught.value.problems[0]
    assert problem.place.startswith(f"fly.toml: {place}")
    assert value in problem.value
    assert step in problem.next_step


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(ProblemError, match=r"fly\.toml") as caught:
        config_of('kill_timeout = "soon"\n[[vm]]\nsize = "huge"\n[env]\nA = {b = 1}')
    assert [problem.place for problem in caught.value.problems] == [
        "fly.toml: env.A",
        "fly.toml: kill_timeout",
        "fly.toml: vm[0].size",
    ]


def test_no_image_anywhere_is_a_problem() -> None:
    with pytest.raises(ProblemError, match=r"build\.image"):
        machine_config({})


def test_no_content_of_a_file_is_in_the_text_of_inputs() -> None:
    assert "marker" not in repr(DeployInputs(files={"a": b"marker"}))
