"""A team's gateways come under management without a restart, are promoted and taken back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.engine.pulumi_stack import moved
from tests.sandbox.foreign_gateway import ForeignGateway
from tests.sandbox.subnets import free_subnet
from tests.sandbox.two_environments import APPS, TwoEnvironments

pytestmark = pytest.mark.timeout(600)
REDIS = {"kind": "existing", "host": "redis.acme.example"}
SMALL = {"cpu_kind": "shared", "cpus": 4, "memory_mb": 4096}
PREFIXES = {"LITELLM_MASTER_KEY": "sk-"}
NAMES = ("LITELLM_MASTER_KEY", "XAI_API_KEY", "ANTHROPIC_API_KEY", "REDIS_PASSWORD")
SECRETS = {
    name: {
        environment: f"{PREFIXES.get(name, '')}marker-{number}-of-{environment}-7d1c40ab"
        for environment in APPS
    }
    for number, name in enumerate(NAMES)
}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoEnvironments]:
    """Dev and live of one project, configured as for two apps that a team made by itself."""
    with TwoEnvironments.up(tmp_path, free_subnet()) as made:
        made.configure("dev", redis=REDIS)
        made.configure("live", redis=REDIS, promotion={"source": "dev"})
        for name, values in SECRETS.items():
            made.set_secrets(name, values)
        for environment in APPS:
            made.change(environment, fly={"regions": {"iad": 2}})
        yield made


def foreign(two: TwoEnvironments, environment: str, **edits: Any) -> ForeignGateway:
    """Put up a gateway as the team would have, with what `edits` say of its machines."""
    values = {name: value[environment] for name, value in SECRETS.items()}
    return ForeignGateway.make(
        two.sandbox, two.root, environment, secrets=values, machines=2, edits=edits
    )


def test_two_gateways_of_a_team_are_adopted_promoted_and_rolled_back(
    two: TwoEnvironments,
) -> None:
    machines_that_differ_are_taken_over_as_they_are(two)
    first = two.answer("promote", "dev", "live")["promotion"]
    machines_that_are_the_release_are_proven_where_they_stand(two)

    two.change("dev", router_settings={"cooldown_time": 45})
    two.answer("deploy", "dev")
    second = two.answer("promote", "dev", "live")
    assert second["changes"] == ["router_settings.cooldown_time: 30 -> 45"]
    assert two.answer("deploy", "live")["release"]["verdict"] == "passed"
    back = two.answer("rollback", "live")
    assert back["promotion"] == first == two.pointer()
    assert back["release"]["verdict"] == "passed"
    entries = two.answer("history", "live")["entries"]
    assert [(row["event"], row["verdict"]) for row in entries] == [
        ("promotion", "passed"),
        ("adoption", "passed"),
        ("promotion", "passed"),
        ("deploy", "passed"),
        ("deploy", "passed"),
        ("rollback", "passed"),
    ]
    nothing_that_can_be_read_holds_a_secret(two)


def machines_that_differ_are_taken_over_as_they_are(two: TwoEnvironments) -> None:
    """The preview then says what is intended, and the next deployment rolls it out, proven."""
    dev = foreign(two, "dev", guest=SMALL)
    before = dev.instances()
    intended = [("machines.*.guest.memory_mb", "4096", "8192")]

    asked = two.answer("adopt", "dev", "--app", dev.app, "--dry-run")
    assert two.sandbox.machines(dev.app)[0]["config"]["metadata"].keys() == {
        "fly_platform_version",
        "fly_process_group",
    }
    told = two.answer("adopt", "dev", "--app", dev.app, "--yes")
    assert (asked["adopted"], told["adopted"]) == (False, True)
    for document in (asked, told):
        changes = [(row["path"], row["is"], row["wanted"]) for row in document["changes"]]
        assert [row for row in changes if "phase" not in row[0]] == intended
        assert document["takes_over"]["machines"].keys() == {"iad-1", "iad-2"}
        assert document["unmanaged"] == []

    preview = two.pulumi("dev", "preview", "--diff")
    assert preview.returncode == 0, preview.stdout
    assert moved(preview.stdout) == [
        row
        for _ in ("iad-1", "iad-2")
        for row in ("~ memory_mb: 4096 => 8192", '- phase: "not made by this project"')
    ], preview.stdout
    assert dev.instances() == before
    assert two.answer("deploy", "dev")["release"]["verdict"] == "passed"
    assert not dev.instances().keys() & before.keys()
    again = two.run("adopt", "dev", "--app", dev.app, "--yes")
    assert again.returncode == 1
    assert "error[adopt.managed]" in again.stderr


def machines_that_are_the_release_are_proven_where_they_stand(two: TwoEnvironments) -> None:
    """Everything in the way is told at once; then nothing moves, and the preview is empty."""
    live = foreign(two, "live")
    before = live.instances()
    kept = two.file("live").read_text()
    two.change("live", secrets={"LITELLM_MASTER_KEY": "generated"}, redis={"kind": "app"})
    refused = two.run("adopt", "live", "--app", live.app, "--yes")
    two.file("live").write_text(kept)
    assert refused.returncode == 1
    for problem in ("adopt.generated", "adopt.store"):
        assert f"error[{problem}]" in refused.stderr, refused.stderr
    two.pulumi("live", "config", "set", "--secret", "gateway:XAI_API_KEY", "another")
    refused = two.run("adopt", "live", "--app", live.app, "--yes")
    two.file("live").write_text(kept)
    assert refused.returncode == 1
    assert f"app {live.app} has other values of XAI_API_KEY" in refused.stderr, refused.stderr
    assert live.instances() == before

    # What the refused run had taken over already is found again.
    told = two.answer("adopt", "live", "--app", live.app, "--yes")
    assert (told["changes"], told["release"]["verdict"]) == ([], "passed")
    preview = two.pulumi("live", "preview", "--diff", "--expect-no-changes")
    assert preview.returncode == 0, preview.stdout
    assert live.instances() == before


def nothing_that_can_be_read_holds_a_secret(two: TwoEnvironments) -> None:
    """Values are in the encrypted configuration and in Fly's own store, and nowhere else."""
    values = {value for app in APPS.values() for value in two.sandbox.secrets(app).values()}
    assert {value for each in SECRETS.values() for value in each.values()} <= values
    state = two.project.state / "pulumi" / ".pulumi" / "stacks" / "gateway"
    folders = [state, *(two.root / name for name in ("promotions", "history", "evidence"))]
    texts = {
        str(path): path.read_text(errors="replace")
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert len(texts) > 8
    texts |= {f"output {number}": text for number, text in enumerate(two.told)}
    # The key of a local stack is shown on purpose: it protects nothing.
    keys = set(SECRETS["LITELLM_MASTER_KEY"].values())
    for name, text in texts.items():
        hidden = values - keys if name.startswith("output") else values
        assert not [value for value in hidden if value in text], name
