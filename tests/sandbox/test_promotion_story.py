"""From dev to live and back, as docs/promotion.md tells it: real engine, two organisations."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.subnets import free_subnet
from tests.sandbox.two_environments import APPS, TwoEnvironments

pytestmark = pytest.mark.timeout(900)
TARGET = "anthropic/claude-sonnet-4-6"
MARKERS = {"dev": "marker-of-dev-4c1f09e77ab3", "live": "marker-of-live-b81d22c60f5e"}
SHARED = "marker-of-both-90ac3de1172b"
WAIVED = ("--waive", "policy", "--reason", "one key until January", "--until", "2999-01-31")
ALL_GATES = {"bundle", "proof", "drift", "check", "preview", "policy", "soak", "load"}
ROLLBACK_S = 120  # beyond the machine's boot


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoEnvironments]:
    """Dev and live of one project, with a provider's key of its own each."""
    with TwoEnvironments.up(tmp_path, free_subnet()) as made:
        yield made


def test_what_dev_proved_comes_to_live_and_can_be_taken_back(two: TwoEnvironments) -> None:
    two.set_secrets("XAI_API_KEY", MARKERS)
    two.set_secrets("ANTHROPIC_API_KEY", dict.fromkeys(APPS, SHARED))

    refused = two.run("deploy", "live")
    assert refused.returncode == 1
    assert "error[promotion.none]" in refused.stderr
    assert "gateway promote dev live" in refused.stderr
    assert two.sandbox.machines(APPS["live"]) == []

    two.answer("deploy", "dev")
    tried = two.answer("promote", "dev", "live", "--dry-run")
    assert {gate["result"] for gate in tried["gates"]} == {"passed"}
    assert two.promotions() == []
    assert two.pointer() is None

    first = two.answer("promote", "dev", "live")["promotion"]
    assert two.pointer() == first
    a_line_of_history_that_a_killed_promotion_owes_is_added(two)
    live = two.answer("deploy", "live")
    assert live["release"]["bundle"] == two.promotions()[0]["bundle"]
    pinned = live["release"]["image"].rpartition("@")[2]
    assert pinned == two.promotions()[0]["image"].rpartition("@")[2] != ""
    a_changed_promotion_is_refused(two, first)

    two.change("dev", router_settings={"cooldown_time": 45})
    two.answer("deploy", "dev")
    live_was_changed_by_hand(two)
    second = two.answer("promote", "dev", "live", *WAIVED)
    assert waivers(second) == {"policy": "one key until January"}
    assert second["changes"] == ["router_settings.cooldown_time: 30 -> 45"]
    a_release_that_is_not_proven_is_undone(two, first)
    two.answer("deploy", "live")

    every_gate_can_fail(two)

    back = two.answer("rollback", "live")
    assert back["promotion"] == first == two.pointer()
    assert back["release"]["bundle"] == two.promotions()[0]["bundle"]
    assert back["release"]["verdict"] == "passed"
    assert back["rollback_s"] - back["seconds"]["litellm_start"] < ROLLBACK_S

    the_history_has_it_all(two)
    nothing_that_can_be_read_holds_a_secret(two)


def a_line_of_history_that_a_killed_promotion_owes_is_added(two: TwoEnvironments) -> None:
    """It was killed when everything but that line was written; the next one finds its bundle."""
    history = two.root / "history" / "live.jsonl"
    kept = history.read_text()
    history.unlink()
    assert two.answer("promote", "dev", "live")["written"] is False
    assert [json.loads(line) for line in history.read_text().splitlines()] == [json.loads(kept)]


def a_changed_promotion_is_refused(two: TwoEnvironments, file: str) -> None:
    path = two.root / file
    text = path.read_text()
    path.write_text(text.replace('"cooldown_time": 30', '"cooldown_time": 31'))
    assert path.read_text() != text
    preview = two.pulumi("live", "preview")
    assert preview.returncode != 0
    assert "error[promotion.seal]" in preview.stdout
    assert "nothing was changed" in preview.stdout
    shown = two.run("status", "live")  # what runs can be looked at all the same
    assert shown.returncode == 0, shown.stderr
    path.write_text(text)


def live_was_changed_by_hand(two: TwoEnvironments) -> None:
    """Somebody makes a machine of live smaller: no promotion explains that, nor do own values."""
    machine = two.sandbox.machines(APPS["live"])[0]["id"]
    two.sandbox.control(
        "POST", f"/machines/{machine}/edit", {"set": {"config.guest.memory_mb": 4096}}
    )
    kept = two.file("live").read_text()
    two.change("live", fly={"wait_timeout_s": 200})
    done = two.run("promote", "dev", "live", "--json")
    two.file("live").write_text(kept)
    assert done.returncode == 2, done.stderr
    found = failed(json.loads(done.stdout))
    assert set(found) == {"preview", "policy"}
    assert "ANTHROPIC_API_KEY is the same in dev and live" in found["policy"]["seen"]
    assert "guest.memory_mb" in found["preview"]["seen"]
    assert found["preview"]["next_step"].startswith("gateway drift live")
    assert len(two.promotions()) == 1
    healed = two.run("drift", "live", "--heal", "--yes")
    assert healed.returncode == 0, healed.stderr
    sizes = {row["config"]["guest"]["memory_mb"] for row in two.sandbox.machines(APPS["live"])}
    assert sizes == {8192}


def a_release_that_is_not_proven_is_undone(two: TwoEnvironments, before: str) -> None:
    two.run("sandbox", "break", TARGET, "--status", "500")
    undone = two.run("deploy", "live")
    two.run("sandbox", "heal")
    assert undone.returncode == 2, undone.stderr
    serving = json.loads((two.root / before).read_text())["bundle"]
    releases = {
        row["config"]["metadata"]["gateway_release"] for row in two.sandbox.machines(APPS["live"])
    }
    assert releases == {serving}


def every_gate_can_fail(two: TwoEnvironments) -> None:
    """One look at a dev and a live of which nothing is in order names all of it."""
    kept = {name: two.file(name).read_text() for name in ("dev", "live")}
    two.change("dev", router_settings={"cooldown_time": 60})
    two.change(
        "live",
        fly={"memory_mb": 100},
        promotion={"soak_h": 1, "load_test": True},
    )
    machine = two.sandbox.machines(APPS["dev"])[0]["id"]
    two.sandbox.control(
        "POST", f"/machines/{machine}/edit", {"set": {"config.env.LITELLM_LOG": "DEBUG"}}
    )
    evidence = max((two.root / "evidence/dev").glob("*.json"), key=lambda p: p.stat().st_mtime)
    proof = evidence.read_text()
    evidence.write_text(proof.replace('"verdict": "passed"', '"verdict": "passed" ', 1))
    done = two.run("promote", "dev", "live", "--json")
    evidence.write_text(proof)
    for name, text in kept.items():
        two.file(name).write_text(text)
    assert done.returncode == 2, done.stderr
    found = failed(json.loads(done.stdout))
    assert set(found) == ALL_GATES - {"preview"}  # which failed before
    assert all(gate["next_step"] for gate in found.values())
    assert "is not what was written" in found["proof"]["seen"]
    assert "memory_mb" in found["check"]["seen"]
    assert len(two.promotions()) == 2


def the_history_has_it_all(two: TwoEnvironments) -> None:
    found = two.answer("history", "live")
    assert found["torn_lines"] == []
    first, second = (promotion["bundle"] for promotion in two.promotions())
    assert [(row["event"], row["bundle"], row["verdict"]) for row in found["entries"]] == [
        ("promotion", first, "passed"),
        ("deploy", first, "passed"),
        ("deploy", first, "passed"),  # healed
        ("promotion", second, "passed"),
        ("undone", second, "inconclusive"),  # the target was down
        ("deploy", second, "passed"),
        ("deploy", first, "passed"),
        ("rollback", first, "passed"),
    ]
    assert {row["by"] for row in found["entries"]} == {"Ada Lovelace <ada@acme.example>"}
    assert all(row["duration_s"] > 0 for row in found["entries"] if row["event"] != "promotion")
    assert [row["event"] for row in two.answer("history", "dev")["entries"]] == ["deploy"] * 2


def nothing_that_can_be_read_holds_a_secret(two: TwoEnvironments) -> None:
    values = {
        value for app in APPS.values() for value in two.sandbox.secrets(app).values() if value
    }
    assert {*MARKERS.values(), SHARED} <= values
    texts = {
        str(path): path.read_text(errors="replace")
        for folder in ("promotions", "history", "evidence", ".gateway")
        for path in (two.root / folder).rglob("*")
        if path.is_file()
    }
    assert len(texts) > 8
    texts |= {f"output {number}": text for number, text in enumerate(two.told)}
    # The key of a local stack is shown on purpose: it protects nothing.
    keys = {two.sandbox.secrets(app)["LITELLM_MASTER_KEY"] for app in APPS.values()}
    for name, text in texts.items():
        hidden = values - keys if name.startswith("output") else values
        assert not [value for value in hidden if value in text], name


def waivers(answer: dict[str, Any]) -> dict[str, str]:
    """Return why each gate was waived, by name."""
    return {gate["gate"]: gate["waiver"]["why"] for gate in answer["gates"] if gate["waiver"]}


def failed(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the gates that failed, by name."""
    assert answer["written"] is False
    return {gate["gate"]: gate for gate in answer["gates"] if gate["result"] == "failed"}
