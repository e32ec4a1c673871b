"""What goes into a promotion, and that no secret and nothing of dev's own does."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.promotion_candidate import make_candidate, shared_definition
from ops.promotion_changes import changed
from ops.promotion_text import markdown
from ops.recorded_release import Recorded
from stacks.gateway import DEFINITION
from stacks.load import RawConfig, load_settings
from stacks.problem import ProblemError
from stacks.settings import Definition
from tests.unit.promotions import (
    DIGEST,
    TODAY,
    candidate,
    dev_settings,
    document,
    fly,
    vertex,
    write_config,
)

KEY = "sk-" + "proj-" + "9f31c2aa0b17d5e84f6071b2c3d4e5f6a7b8"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with dev and live."""
    write_config(tmp_path, "dev")
    write_config(tmp_path, "live")
    return tmp_path


def with_definition(root: Path, **more: Any) -> Any:
    tree = DEFINITION.model_dump(mode="json", exclude_unset=True) | more
    settings = dev_settings(root, Definition.model_validate(tree))
    return make_candidate(root, settings, "live", image_digest=DIGEST, today=TODAY)


def test_a_candidate_is_devs_bundle_by_the_digest_that_fly_reported(root: Path) -> None:
    made = candidate(root)
    assert made.problems == ()
    assert made.image == f"ghcr.io/berriai/litellm:v1.106.2@{DIGEST}"
    assert made.settings is not None
    assert made.settings.environment == "live"
    assert set(made.overlays) == {"dev", "live"}
    assert made.overlays["live"]["promotion"] == {"source": "dev"}


def test_a_digest_that_dev_pins_is_promoted_whatever_part_of_it_fly_reports(root: Path) -> None:
    pinned = f"sha256:{'9' * 64}"
    made = with_definition(root, image={"version": "1.106.2", "digest": pinned})
    assert made.image == f"ghcr.io/berriai/litellm:v1.106.2@{pinned}"


def test_what_is_wrong_with_live_is_told_and_makes_no_text(root: Path) -> None:
    write_config(root, "live", fly=fly("live") | {"memory_mb": 100})
    made = candidate(root)
    assert made.settings is None
    assert "F002" in {problem.id for problem in made.problems}


def test_what_reaches_into_the_bundle_is_told_before_it_is_promoted(root: Path) -> None:
    write_config(root, "live", router_settings={"cooldown_time": 5})
    (problem,) = candidate(root).problems
    assert problem.id == "promotion.bundle"
    assert problem.place == "Pulumi.live.yaml: gateway:router_settings.cooldown_time"


def test_a_secret_in_the_definition_is_refused_and_not_shown(root: Path) -> None:
    with pytest.raises(ProblemError, match=r"promotion\.secret") as caught:
        with_definition(root, server={"environment": {"TOKEN": KEY}})
    assert KEY not in str(caught.value)


def test_a_secret_in_an_environments_file_never_gets_as_far(root: Path) -> None:
    write_config(root, "live", server={"environment": {"TOKEN": KEY}})
    made = candidate(root)
    assert "settings.plain_secret" in {problem.id for problem in made.problems}
    assert not [problem for problem in made.problems if KEY in problem.render()]


def test_encrypted_secrets_are_in_no_promotion(root: Path) -> None:
    write_config(root, "live", XAI_API_KEY={"secure": "v1:abcdef:ciphertext"})
    text = json.dumps(document(candidate(root)))
    assert "ciphertext" not in text
    assert "XAI_API_KEY" in text


def test_devs_own_place_at_vertex_is_no_part_of_the_definition() -> None:
    config = {"fly": fly("dev"), "providers": vertex("dev"), "posthog": {}}
    shared = shared_definition(load_settings("dev", RawConfig(config)).settings)
    assert shared.providers["vertex_ai"].vertex_project is None
    assert shared.providers["vertex_ai"].vertex_credentials == "VERTEX_CREDENTIALS_JSON"
    assert shared.models == DEFINITION.models


def test_what_changes_is_told_in_sentences(root: Path) -> None:
    made = candidate(root)
    assert made.settings is not None
    now = Recorded(
        bundle="0" * 64,
        image=made.image,
        litellm_yaml=made.bundle.litellm_yaml.replace("cooldown_time: 61", "cooldown_time: 30"),
        guest={"cpu_kind": "shared", "cpus": 4, "memory_mb": 4096},
        machines={"iad": 2},
    )
    assert changed(made, now) == (
        "router_settings.cooldown_time: 30 -> 61",
        "each machine's memory_mb: 4096 becomes 8192",
        "machines in iad: 2 becomes 1",
        "machines in lhr: 0 becomes 1",
    )
    assert changed(made, Recorded()) == ("everything: live runs nothing yet",)


def test_the_page_says_what_the_document_does(root: Path) -> None:
    waiver = {"by": "Ada <ada@acme.example>", "why": "an | outage", "until": "2026-12-31"}
    gate = {"gate": "proof", "result": "waived", "seen": "25 h old", "waiver": waiver}
    made = document(candidate(root), gates=[gate], changes=["the chain of `x` | lost y"])
    page = markdown(made, ["gateway deploy live"])
    assert page.startswith("# Promotion 0001: dev to live\n")
    assert "- the chain of \\`x\\` \\| lost y" in page
    assert "Waived by Ada \\<ada@acme.example> until 2026-12-31: an \\| outage" in page
    assert "    gateway deploy live\n" in page
    assert '"app": "acme-gateway-live"' in page
