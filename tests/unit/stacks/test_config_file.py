from pathlib import Path
from typing import Any

import pytest

from stacks.config_file import raw_config, read_config_file
from stacks.problem import ProblemError, Severity

ROOT = Path(__file__).parents[3]
SECURE = {"secure": "v1:abc:def"}


def test_of_secrets_only_the_names_are_taken() -> None:
    read = raw_config("dev", {"gateway:XAI_API_KEY": SECURE, "gateway:store": "file"})
    assert read.secret_names == {"XAI_API_KEY"}
    assert read.values == {"store": "file"}
    assert read.problems == ()


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"gateway:fly": SECURE}, "gateway:fly"),
        ({"gateway:fly": {"app": SECURE, "size": "x"}}, "gateway:fly.app"),
        ({"gateway:models": [{"name": SECURE}]}, "gateway:models[0].name"),
    ],
)
def test_a_secret_below_a_key_of_the_settings_is_a_problem(
    config: dict[str, Any], place: str
) -> None:
    (problem,) = raw_config("dev", config).problems
    assert problem.place == f"Pulumi.dev.yaml: {place}"
    assert problem.value == "(a secret)"


def test_an_empty_value_at_the_top_is_null_as_pulumi_makes_it_one() -> None:
    read = raw_config("dev", {"gateway:redis": "", "gateway:server": {"environment": {"X": ""}}})
    assert read.values == {"redis": None, "server": {"environment": {"X": ""}}}


def test_a_namespace_that_is_nearly_ours_is_an_error_and_another_a_warning() -> None:
    near, other = raw_config("dev", {"gatway:fly": {}, "aws:region": "x"}).problems
    assert (near.severity, near.next_step) == (Severity.ERROR, "did you mean gateway:fly?")
    assert other.severity is Severity.WARNING
    assert raw_config("dev", {"pulumi:tags": {}}).problems == ()


def test_an_unknown_environment_is_told_with_the_known_ones() -> None:
    with pytest.raises(ProblemError, match="no such file; environments with one: dev, live, local"):
        read_config_file(ROOT, "develop")


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  a: [\n", encoding="utf-8")
    with pytest.raises(ProblemError, match=r"Pulumi\.dev\.yaml, line 3"):
        read_config_file(tmp_path, "dev")


def test_a_file_without_a_configuration_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("", encoding="utf-8")
    assert read_config_file(tmp_path, "dev").values == {}
