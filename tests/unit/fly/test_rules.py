import tomllib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.checking import check
from fly.rules import RULES
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Result, Rule

SOUND = """
app = "gateway"
primary_region = "iad"
kill_signal = "SIGTERM"
kill_timeout = "45s"
[build]
image = "ghcr.io/berriai/litellm:v1.106.2"
[deploy]
strategy = "bluegreen"
wait_timeout = "5m"
[processes]
app = "--config /app/litellm_config.yaml --port 4000"
[env]
LITELLM_MODE = "PRODUCTION"
[http_service]
internal_port = 4000
force_https = true
auto_stop_machines = "off"
min_machines_running = 2
processes = ["app"]
[http_service.concurrency]
type = "requests"
soft_limit = 100
hard_limit = 150
[[http_service.checks]]
method = "GET"
path = "/health/readiness"
interval = "15s"
timeout = "5s"
grace_period = "60s"
[[files]]
guest_path = "/app/litellm_config.yaml"
local_path = "litellm_config.yaml"
[[metrics]]
port = 4001
path = "/metrics/"
[[vm]]
size = "shared-cpu-4x"
memory = "8192mb"
"""


def configuration(example: Example) -> Configuration:
    return Configuration(
        fly=tomllib.loads(example.fly or ""),
        environment_name=example.environment_name,
        settings=example.settings,
    )


def found(fly: str, **more: Any) -> dict[str, Result]:
    results = check(configuration(Example(fly=fly, **more)))
    return {result.rule_id: result for result in results}


def test_every_rule_has_an_id_of_its_own_and_says_every_part() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert rule.id.startswith("F")
        assert rule.title
        assert rule.about
        assert rule.evidence
        assert rule.remedy


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_failing_example_breaks_its_rule_and_the_passing_one_does_not(
    rule: Rule[Configuration],
) -> None:
    told = list(rule.find(configuration(rule.failing)))
    assert told
    for finding in told:
        assert finding.path[0] == "fly"
        assert finding.expected
        assert finding.next_step
    assert list(rule.find(configuration(rule.passing))) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_speaks_once_of_each_place(rule: Rule[Configuration]) -> None:
    places = [finding.path for finding in rule.find(configuration(rule.failing))]
    assert len(set(places)) == len(places)


def test_a_sound_file_has_no_finding() -> None:
    assert check(configuration(Example(fly=SOUND))) == ()


def test_without_a_file_there_is_nothing_to_find() -> None:
    assert check(Configuration()) == ()
    assert check(Configuration(fly={})) == ()


@pytest.mark.parametrize(
    ("before", "after", "rule_id", "next_step"),
    [
        ('size = "shared-cpu-4x"', 'size = "shared-cpu-3x"', "F001", "did you mean"),
        ('memory = "8192mb"', 'memory = "16gb"', "F002", "set 8192"),
        ('memory = "8192mb"', 'memory = "128mb"', "F002", "set 1024"),
        ('memory = "8192mb"', 'memory = "lots"', "F002", '"2gb"'),
        ('primary_region = "iad"', 'primary_region = "idd"', "F007", '"iad"'),
        ('kill_timeout = "45s"', 'kill_timeout = "301s"', "F009", "set 300"),
        ("internal_port = 4000", "internal_port = 0", "F011", "internal_port = 4000"),
        ("internal_port = 4000", "internal_port = 70000", "F011", "internal_port = 4000"),
        ("soft_limit = 100", "soft_limit = 150", "F012", "set 100"),
        ("hard_limit = 150", "hard_limit = 0", "F013", "number of requests"),
        ('type = "requests"', 'type = "foo"', "F013", '"requests"'),
        ('auto_stop_machines = "off"\nmin_machines_running = 2', "auto_stop_machines = true",
         "F014", "min_machines_running = 1"),
        ("min_machines_running = 2", "min_machines_running = -1", "F015", "set 1"),
        ('processes = ["app"]', 'processes = ["web"]', "F016", "name one of them"),
        ('interval = "15s"', "interval = 15000", "F020", '"15000ms"'),
        ('timeout = "5s"', 'timeout = "61s"', "F022", "60s"),
        ('path = "/health/readiness"', 'path = "health"', "F024", '"/health"'),
        ('method = "GET"', 'method = "FETCH"', "F024", '"GET"'),
        ('wait_timeout = "5m"', 'wait_timeout = "60s"', "F034", "set 300 s"),
        ("app = \"--config", 'app = "PORT=1 && litellm --config', "F042", "sh -c"),
        ('LITELLM_MODE = "PRODUCTION"', "A = {b = 1}", "F043", "one string"),
        ("port = 4001", "port = 0", "F052", "port = 4001"),
        ("[[vm]]", "[[vm]]\ncpu = 4", "F055", '"cpus"'),
    ],
)  # fmt: skip
def test_each_mistake_in_a_sound_file_is_the_only_one(
    before: str, after: str, rule_id: str, next_step: str
) -> None:
    assert before in SOUND
    listed = found(SOUND.replace(before, after, 1))
    assert set(listed) - {"F023"} == {rule_id}
    assert next_step in listed[rule_id].finding.next_step


def test_limits_are_exact() -> None:
    for before, after in (
        ("soft_limit = 100", "soft_limit = 149"),
        ('kill_timeout = "45s"', "kill_timeout = 300"),
        ('timeout = "5s"', 'timeout = "15s"'),
        ('grace_period = "60s"', 'grace_period = "1m"'),
        ('memory = "8192mb"', "memory = 1024"),
    ):
        assert before in SOUND
        assert found(SOUND.replace(before, after, 1)) == {}


def test_the_published_excerpt_lacks_what_flyctl_wants() -> None:
    excerpt = """
[processes]
app = "--config /app/litellm_config.yaml --run_gunicorn --num_workers 4"
[http_service.concurrency]
type = 'requests'
soft_limit = 100
hard_limit = 150
[metrics]
port = 4000
path = '/metrics/'
[[vm]]
size = 'shared-cpu-4x'
memory = '4096mb'
"""
    assert set(found(excerpt)) == {"F011", "F016", "F026"}


def test_a_shell_may_read_a_command_that_begins_with_one() -> None:
    command = """[processes]\napp = 'sh -c "litellm --port $PORT && true"'\n"""
    assert found(command) == {}


def test_whole_seconds_may_be_written_bare_where_flyctl_reads_them_so() -> None:
    services = "[[services]]\ninternal_port = 4000\n[[services.http_checks]]\npath = '/'\n"
    assert found(f"kill_timeout = 120\n{services}interval = 10000\n") == {}


def test_immediate_is_for_dev_only() -> None:
    immediate = '[deploy]\nstrategy = "immediate"\n'
    assert found(immediate, environment_name="dev") == {}
    assert found(immediate, environment_name="live")["F033"].severity is Severity.ERROR


def test_typed_settings_speak_of_their_own_regions() -> None:
    assert set(found('primary_region = "mars"\n')) == {"F007"}
    assert found('primary_region = "mars"\n', settings={}) == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
WHOLE = tomllib.loads(SOUND) | {
    key: value for rule in RULES for key, value in tomllib.loads(rule.failing.fly or "").items()
}


@given(data=st.data())
def test_no_shape_of_data_makes_a_rule_raise(data: st.DataObject) -> None:
    """A file that has every table, in which one value or table is anything else."""
    example = data.draw(st.sampled_from([WHOLE, tomllib.loads(SOUND)]))
    for result in check(Configuration(fly=changed(example, data))):
        assert result.finding.path[0] == "fly"
        assert all(isinstance(part, str | int) for part in result.finding.path)


def changed(value: Any, data: st.DataObject) -> Any:
    """Return `value` with something else at one place of it."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(value, key=str)))
        return value | {key: changed(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 3)):
        return [changed(value[0], data), *value[1:]]
    return data.draw(VALUES)


ODD = {
    "list": [],
    "table": {},
    "huge": 10**5000,
    "nan": float("nan"),
    "none": None,
    "empty": "",
    "lists": [[]],
    "number key": {1: []},
    "negative": -1,
    "date": date(2026, 1, 1),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_nothing_anywhere_makes_a_rule_raise(value: Any) -> None:
    for example in (WHOLE, *(tomllib.loads(rule.passing.fly or "") for rule in RULES)):
        for toml in everywhere(example, value):
            check(Configuration(fly=toml))


def everywhere(example: Any, value: Any) -> Iterator[Any]:
    """Yield `example` with `value` in place of each of its parts."""
    if isinstance(example, dict):
        for key, inner in example.items():
            yield example | {key: value}
            yield from (example | {key: below} for below in everywhere(inner, value))
    elif isinstance(example, list):
        for index, inner in enumerate(example):
            before, after = example[:index], example[index + 1 :]
            yield [*before, value, *after]
            yield from ([*before, below, *after] for below in everywhere(inner, value))
