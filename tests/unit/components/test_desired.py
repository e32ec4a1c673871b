import copy
from typing import Any

import pytest

from components.actual import PROVIDERS, comparable
from components.desired import desired
from components.recorded import SECRET, last_applied, read_export, stack_outputs
from components.three_ways import moves
from stacks.settings import Settings
from tests.unit.components.recorded_stack import CLOSED, export_of
from tests.unit.components.test_bundle import CONFIG, some_settings

DATABASE = {"kind": "single"}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return some_settings(postgres=DATABASE)


@pytest.fixture(scope="module")
def export(settings: Settings) -> dict[str, Any]:
    return export_of(settings)


def waiting(export: dict[str, Any], settings: Settings) -> list[tuple[str, str]]:
    """Return the resource and path of everything that the program wants otherwise."""
    wanted = {each.name: each for each in desired(settings, read_export(export))}
    found = []
    for each in read_export(export):
        applied, other = comparable(each.kind, each.inputs, wanted[each.name].inputs)
        found += [(each.name, move.path) for move in moves(applied, applied, other)]
    return found


def test_after_a_deployment_the_program_wants_nothing_else(
    export: dict[str, Any], settings: Settings
) -> None:
    assert waiting(export, settings) == []
    kinds = {each.kind for each in read_export(export)}
    assert {"App", "IpAssignment", "Secrets", "Volume", "DataMachine", "Database"} < kinds
    assert {"Release", "GeneratedSecret"} < kinds


def test_a_changed_setting_is_wanted_at_its_property_and_in_what_follows_from_it(
    export: dict[str, Any],
) -> None:
    fly = {**CONFIG["fly"], "memory_mb": 4096}
    more = some_settings(postgres=DATABASE, fly=fly)
    found = waiting(export, more)
    assert ("gateway-release", "machines.iad-1.guest.memory_mb") in found
    assert {name for name, _ in found} == {"gateway-release"}


def test_what_an_address_of_a_database_says_comes_from_the_program_not_from_a_secret(
    export: dict[str, Any], settings: Settings
) -> None:
    (database,) = [e for e in desired(settings, read_export(export)) if e.kind == "Database"]
    assert database.inputs["machine_id"] == "d1"
    assert "litellm" in database.inputs["uri"]


def test_a_secret_of_the_state_stays_closed(export: dict[str, Any]) -> None:
    for each in read_export(export):
        assert CLOSED not in each.outputs.values()
        if each.kind == "GeneratedSecret":
            assert each.outputs["value"] is SECRET
    assert repr(SECRET) == "(secret)"
    outputs = {"master_key": CLOSED, "url": "https://x"}
    row = {"type": "pulumi:pulumi:Stack", "urn": "a::b", "outputs": outputs}
    told = stack_outputs({"deployment": {"resources": [row]}})
    assert told == {"master_key": SECRET, "url": "https://x"}


def test_what_was_applied_is_told_also_after_a_refresh_took_over_what_is_there(
    export: dict[str, Any],
) -> None:
    export = copy.deepcopy(export)
    for row in export["deployment"]["resources"]:
        if row["type"].endswith("Release"):
            row["inputs"]["machines"]["iad-1"] = {"image": "another"}
        if row["type"].endswith("Secrets") and row["urn"].endswith("gateway-secrets"):
            row["inputs"]["names"].popitem()
    recorded = {each.name: each for each in read_export(export)}
    release, secrets = recorded["gateway-release"], recorded["gateway-secrets"]
    assert last_applied(release)["machines"]["iad-1"] == release.outputs["applied"]
    assert set(last_applied(secrets)["names"]) == set(secrets.outputs["digests"])
    assert read_export({}) == ()


def test_what_waits_for_its_deletion_is_not_recorded(export: dict[str, Any]) -> None:
    rows = export["deployment"]["resources"]
    less = {"deployment": {"resources": [{**rows[0], "delete": True}]}}
    assert read_export(less) == ()


@pytest.mark.parametrize(
    ("postgres", "kinds"),
    [
        ({"kind": "managed"}, {"ManagedCluster", "ManagedDatabase", "ManagedUser"}),
        ({"kind": "existing", "app": "shared-db"}, {"ExistingDatabase"}),
        ({"kind": "existing", "host": "10.0.0.1"}, set()),
    ],
)
def test_each_kind_of_postgres_is_declared_and_has_a_provider_that_can_look(
    postgres: dict[str, Any], kinds: set[str]
) -> None:
    declared = desired(some_settings(postgres=postgres), ())
    found = {each.kind for each in declared if "-postgres-" in each.name}
    assert found == kinds
    assert found <= PROVIDERS.keys()
    (release,) = [each for each in declared if each.kind == "Release"]
    assert ("entrypoint" in release.inputs["migration"]) == (postgres["kind"] == "managed")
