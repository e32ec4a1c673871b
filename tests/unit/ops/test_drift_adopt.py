import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actual import Actual, Reality, Unmanaged
from components.desired import desired
from components.recorded import Recorded, read_export
from ops.drift_adopt import Patch, patched, settings_of
from ops.drift_compare import Comparison
from stacks.settings import Settings
from tests.unit.components.recorded_stack import export_of

YAML = "/app/litellm_config.yaml"
ROOT = Path(__file__).parents[3]
TEXT = """\
# ours
config:
  gateway:fly:
    organization: acme
    app: acme-gateway-dev  # the name
    regions: {iad: 2}
  gateway:postgres:
    kind: single
  gateway:providers:
    vertex_ai: {vertex_project: acme, vertex_location: global}
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settings_of(ROOT, "dev", TEXT)


@pytest.fixture(scope="module")
def recorded(settings: Settings) -> tuple[Recorded, ...]:
    return read_export(export_of(settings))


def adopted(
    settings: Settings,
    recorded: tuple[Recorded, ...],
    name: str,
    steps: tuple[Any, ...],
    value: Any,
    **more: Any,
) -> Patch:
    """Return the patch for one property that is another there; None takes it away."""
    resources = []
    for each in recorded:
        inputs = copy.deepcopy(dict(each.inputs))
        if each.name == name:
            at: Any = inputs
            for step in steps[:-1]:
                at = at[step]
            if value is None:
                del at[steps[-1]]
            else:
                at[steps[-1]] = value
        resources.append(Actual(each.name, inputs))
    wanted = desired(settings, recorded)
    reality = Reality(tuple(resources), **more)
    found = Comparison("dev", recorded, reality, wanted).findings()
    return patched(TEXT, settings, found, recorded, ROOT)


def in_machine(*steps: Any) -> tuple[Any, ...]:
    return ("machines", "iad-1", *steps)


@pytest.mark.parametrize(
    ("steps", "value", "setting", "given"),
    [
        (("guest", "memory_mb"), 4096, "fly.memory_mb", 4096),
        (("env", "LITELLM_LOG"), "DEBUG", "server.environment.LITELLM_LOG", "DEBUG"),
        (("stop_config", "timeout"), "1m0s", "fly.kill.timeout_s", 60),
        (("services", 0, "concurrency", "hard_limit"), 7, "fly.concurrency.hard_limit", 7),
        (("services", 0, "checks", 0, "interval"), "30s", "fly.check.interval_s", 30),
        (("services", 0, "autostop"), "stop", "fly.auto_stop", "stop"),
        (("image",), None, "image.version", "1.106.1"),
    ],
)
def test_what_a_setting_can_say_becomes_one(
    settings: Settings,
    recorded: tuple[Recorded, ...],
    steps: tuple[Any, ...],
    value: Any,
    setting: str,
    given: Any,
) -> None:
    if steps == ("image",):
        value = settings.image.reference.replace(settings.image.version, "1.106.1")
    found = adopted(settings, recorded, "gateway-release", in_machine(*steps), value)
    assert found.refused == ()
    at = yaml.safe_load(found.text)["config"]
    first, *rest = setting.split(".")
    at = at[f"gateway:{first}"]
    for key in rest:
        at = at[key]
    assert at == given
    assert found.text.startswith("# ours\n")
    assert "  # the name\n" in found.text


def test_a_machine_too_many_or_too_few_changes_the_count(
    settings: Settings, recorded: tuple[Recorded, ...]
) -> None:
    release = next(each for each in recorded if each.kind == "Release")
    config = release.inputs["machines"]["iad-1"]
    more = adopted(settings, recorded, release.name, ("machines", "iad-3"), config)
    assert settings_of(ROOT, "dev", more.text).fly.regions == {"iad": 3}
    fewer = adopted(settings, recorded, release.name, ("machines", "iad-2"), None)
    assert settings_of(ROOT, "dev", fewer.text).fly.regions == {"iad": 1}


def test_settings_of_litellms_file_are_taken_up_and_its_models_are_not(
    settings: Settings, recorded: tuple[Recorded, ...]
) -> None:
    release = next(each for each in recorded if each.kind == "Release")
    text = release.inputs["machines"]["iad-1"]["files"][YAML]

    def of(old: str, new: str) -> Patch:
        assert old in text
        steps = in_machine("files", YAML)
        return adopted(settings, recorded, release.name, steps, text.replace(old, new))

    time = of("cooldown_time: 30", "cooldown_time: 31")
    assert settings_of(ROOT, "dev", time.text).router_settings.cooldown_time == 31
    model = of("model_name: openai/gpt-5.4-nano", "model_name: openai/gpt-5.4-pico")
    assert model.text == TEXT
    assert "models differ" in model.refused[0][1]


@pytest.mark.parametrize(
    ("steps", "value", "why"),
    [
        (("metadata", "owner"), "me", "no setting decides it alone"),
        (("env", "XAI_API_KEY"), "something", "it may hold a secret"),
        (("services", 0, "internal_port"), 9, "no setting decides it alone"),
        (("image",), "docker.io/another:v1", "another image is a decision"),
    ],
)
def test_what_no_setting_can_say_is_told_with_its_reason(
    settings: Settings,
    recorded: tuple[Recorded, ...],
    steps: tuple[Any, ...],
    value: Any,
    why: str,
) -> None:
    found = adopted(settings, recorded, "gateway-release", in_machine(*steps), value)
    assert (found.text, found.adopted) == (TEXT, ())
    assert found.refused[0][1].startswith(why)


def test_sizes_of_the_stores_are_taken_up(
    settings: Settings, recorded: tuple[Recorded, ...]
) -> None:
    memory = ("config", "guest", "memory_mb")
    machine = adopted(settings, recorded, "gateway-postgres-machine", memory, 2048)
    now = settings_of(ROOT, "dev", machine.text)
    assert now.postgres is not None
    assert now.postgres.machine.memory_mb == 2048
    volume = adopted(settings, recorded, "gateway-redis-volume", ("size_gb",), 12)
    then = settings_of(ROOT, "dev", volume.text)
    assert then.redis is not None
    assert then.redis.machine.volume_gb == 12


def test_what_nobody_declared_is_never_adopted(
    settings: Settings, recorded: tuple[Recorded, ...]
) -> None:
    resources = tuple(Actual(each.name, each.inputs) for each in recorded)
    unmanaged = tuple(
        Unmanaged("acme-gateway-dev", kind, "x", "told")
        for kind in ("machine", "address", "volume", "secret")
    )
    wanted = desired(settings, recorded)
    found = Comparison("dev", recorded, Reality(resources, (), unmanaged), wanted).findings()
    patch = patched(TEXT, settings, found, recorded, ROOT)
    assert (patch.text, patch.adopted, len(patch.refused)) == (TEXT, (), 4)


def test_the_text_is_that_of_the_project_and_nothing_else_changes(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(TEXT)
    assert settings_of(ROOT, "dev", file.read_text()) == settings_of(ROOT, "dev", TEXT)
