"""What live refuses, told before anything is touched: preview and up load their settings so."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.bundle import make_bundle
from components.validate import load_checked, load_checked_file
from stacks.config_file import read_config_file
from stacks.gateway import DEFINITION
from stacks.load import Loaded
from stacks.problem import Problem, ProblemError
from stacks.promotion import TOML, YAML, read_promotion, text_of
from tests.unit.promotions import (
    DIGEST,
    OLDER,
    TODAY,
    candidate,
    dev_settings,
    document,
    fly,
    promoted,
    vertex,
    write,
    write_config,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose live has a promotion; tests that change it copy what they need."""
    root = tmp_path_factory.mktemp("promoted")
    promoted(root)
    return root


def load(root: Path, today: date = TODAY) -> Loaded:
    """Load live as Pulumi's program does, but for the values of its secrets."""
    raw = read_config_file(root, "live")
    return load_checked("live", raw, today=today, root=root, deploying=True)


def refused(root: Path) -> dict[str, Problem]:
    with pytest.raises(ProblemError) as caught:  # noqa: PT011 - every problem is looked at
        load(root)
    return {problem.id: problem for problem in caught.value.problems}


def of_live(root: Path, **more: Any) -> None:
    """Write live's file with the promotion that is there, and something more."""
    (file,) = (root / "promotions/live").glob("*.json")
    named = {"source": "dev", "file": str(file.relative_to(root))}
    write_config(root, "live", **({"promotion": named} | more))


def test_live_is_what_was_promoted_under_its_own_values(project: Path) -> None:
    settings = load(project).settings
    assert settings.image.digest == DIGEST
    assert settings.router_settings.cooldown_time == 61
    assert settings.router_settings.cooldown_time != DEFINITION.router_settings.cooldown_time
    assert settings.fly.regions == {"iad": 1, "lhr": 1}
    assert settings.providers["vertex_ai"].vertex_project == "acme-live"


def test_a_promotion_alone_gives_the_same_texts_byte_for_byte_whatever_the_definition_says_today(
    project: Path,
) -> None:
    assert OLDER != DEFINITION
    (file,) = (project / "promotions/live").glob("*.json")
    said = json.loads(file.read_text())["texts"]
    bundle = make_bundle(load(project).settings)
    assert bundle.litellm_yaml == said[YAML]
    assert bundle.fly_toml == said[TOML]
    assert tomllib.loads(said[TOML])["app"] == "acme-gateway-live"


def test_a_promotion_holds_every_default_so_that_later_ones_cannot_change_it(
    project: Path,
) -> None:
    (file,) = (project / "promotions/live").glob("*.json")
    definition = read_promotion(project, str(file.relative_to(project)), "live").definition
    assert definition.model_dump(mode="json", exclude_unset=True) == definition.model_dump(
        mode="json"
    )


def test_dev_and_live_have_one_bundle_and_each_its_own_project(project: Path) -> None:
    settings = load(project).settings
    pinned = dev_settings(project)
    pinned = pinned.model_copy(update={"image": pinned.image.model_copy(update={"digest": DIGEST})})
    assert make_bundle(settings).digest == make_bundle(pinned).digest
    assert make_bundle(settings).litellm_yaml == make_bundle(pinned).litellm_yaml
    (file,) = (project / "promotions/live").glob("*.json")
    shared = json.dumps(json.loads(file.read_text())["definition"])
    assert "acme-dev" not in shared


def test_what_was_not_promoted_is_refused(tmp_path: Path) -> None:
    write_config(tmp_path, "live")
    problem = refused(tmp_path)["promotion.none"]
    assert problem.place == "Pulumi.live.yaml: gateway:promotion.file"
    assert problem.next_step == "gateway promote dev live"
    # To read it, as `gateway check live` does, the shared definition stands in.
    assert load_checked_file(tmp_path, "live", today=TODAY).settings.environment == "live"


@pytest.mark.parametrize("change", ["a byte", "the digest", "an evidence", "half", "spaces"])
def test_a_file_that_somebody_changed_is_refused(tmp_path: Path, change: str) -> None:
    file = tmp_path / promoted(tmp_path)
    text = file.read_text()
    document = json.loads(text)
    changed = {
        "a byte": text.replace('"cooldown_time": 61', '"cooldown_time": 62'),
        "the digest": text_of(document | {"digest": DIGEST}),
        "an evidence": text_of(document | {"evidence": {"verdict": "passed"}}),
        "half": text[: len(text) // 2],
        "spaces": json.dumps(document),
    }[change]
    assert changed != text
    file.write_text(changed)
    problem = refused(tmp_path)["promotion.seal"]
    assert problem.place == str(file.relative_to(tmp_path))
    assert problem.next_step.startswith("take it back: git checkout -- promotions/live/0001-")


def test_a_missing_file_is_refused_and_those_that_are_there_are_named(tmp_path: Path) -> None:
    named = promoted(tmp_path)
    of_live(tmp_path, promotion={"source": "dev", "file": "promotions/live/0009-aaaaaaaaaaaa.json"})
    problem = refused(tmp_path)["promotion.file"]
    assert Path(named).name in problem.expected
    assert problem.place == "promotions/live/0009-aaaaaaaaaaaa.json"


def test_a_promotion_for_another_environment_is_refused(tmp_path: Path) -> None:
    promoted(tmp_path)
    foreign = document(candidate(tmp_path), environment="staging")
    file = write(tmp_path, foreign)
    write_config(tmp_path, "live", promotion={"source": "dev", "file": file})
    problem = refused(tmp_path)["promotion.environment"]
    assert (problem.place, problem.value) == (file, "staging")


def test_a_promotion_from_another_environment_is_refused(tmp_path: Path) -> None:
    promoted(tmp_path, source="staging")
    assert refused(tmp_path)["promotion.source"].value == "staging"


@pytest.mark.parametrize(
    ("more", "place", "was"),
    [
        ({"router_settings": {"cooldown_time": 5}}, "router_settings.cooldown_time", "61"),
        ({"server": {"workers": 2}}, "server.workers", ""),
        ({"image": {"version": "1.106.1"}}, "image.version", "v1.106.2"),
        ({"proof": {"attempt_timeout_s": 2}}, "proof.attempt_timeout_s", ""),
        ({"secrets": {"MORE_KEY": "config"}}, "secrets.MORE_KEY", "nothing"),
    ],
)
def test_what_reaches_into_the_bundle_is_refused_by_its_name(
    tmp_path: Path, more: dict[str, Any], place: str, was: str
) -> None:
    promoted(tmp_path)
    of_live(tmp_path, **more)
    problem = refused(tmp_path)["promotion.bundle"]
    told = problem.place.removeprefix("Pulumi.live.yaml: gateway:")
    assert told
    assert place.startswith(told)
    assert was in problem.expected
    assert problem.next_step.startswith("remove it from Pulumi.live.yaml")


def test_what_is_an_environments_own_is_not(tmp_path: Path) -> None:
    promoted(tmp_path)
    own = fly("live") | {"regions": {"syd": 2}, "primary": "syd", "memory_mb": 4096}
    of_live(tmp_path, fly=own, redis={"maxmemory_mb": 200}, proof={"samples": 1})
    assert load(tmp_path).settings.fly.regions == {"syd": 2}


def test_a_program_that_renders_otherwise_is_named_with_the_revision_that_was_promoted(
    tmp_path: Path,
) -> None:
    promoted(tmp_path)
    (file,) = (tmp_path / "promotions/live").glob("*.json")
    said = json.loads(file.read_text())
    # As if an earlier program had rendered one more key of this very definition.
    texts = said["texts"] | {YAML: said["texts"][YAML] + "guardrails: []\n"}
    other = document(candidate(tmp_path), number=2, texts=texts, bundle="b" * 64)
    named = write(tmp_path, other)
    write_config(tmp_path, "live", promotion={"source": "dev", "file": named})
    problem = refused(tmp_path)["promotion.bundle"]
    assert problem.place == named
    assert "guardrails" in problem.expected
    assert problem.next_step.endswith("git checkout c0ffeec0ffee")


def test_a_waiver_whose_day_is_over_is_told_and_stops_nothing(tmp_path: Path) -> None:
    waiver = {"by": "Ada <ada@acme.example>", "why": "outage", "until": "2026-11-25"}
    promoted(tmp_path, gates=[{"gate": "proof", "result": "waived", "waiver": waiver}])
    assert load(tmp_path, date(2026, 11, 25)).warnings == ()
    (warning,) = load(tmp_path, date(2026, 11, 26)).warnings
    assert (warning.id, warning.value) == ("promotion.waiver", "proof")
    assert "outage" in warning.expected


def test_the_program_itself_asks_for_the_promotion() -> None:
    program = (Path(__file__).parents[3] / "__main__.py").read_text()
    assert "root=ROOT" in program
    assert "deploying=True" in program
    live = yaml.safe_load((Path(__file__).parents[3] / "Pulumi.live.yaml").read_text())
    assert live["config"]["gateway:promotion"] == {"source": "dev"}


def test_vertex_of_dev_is_not_taken_for_that_of_live(tmp_path: Path) -> None:
    promoted(tmp_path)
    (file,) = (tmp_path / "promotions/live").glob("*.json")
    named = {"source": "dev", "file": str(file.relative_to(tmp_path))}
    assert "vertex_project" in vertex("live")["vertex_ai"]
    write_config(tmp_path, "live", promotion=named, providers={})
    assert set(refused(tmp_path)) == {"settings.missing"}
