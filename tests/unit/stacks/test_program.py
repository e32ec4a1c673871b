"""The program and the file must say the same: what the engine hands over is read back here."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi import ConfigMissingError
from pulumi.runtime import set_all_config

from stacks import program
from stacks.config_file import raw_config

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    yield
    set_all_config({}, [])


def given(config: dict[str, str], secret_keys: list[str]) -> None:
    set_all_config(config, secret_keys)


def test_the_engines_texts_read_as_the_file_does() -> None:
    fly = {"organization": "acme", "regions": {"iad": 2}, "primary": None}
    file: dict[str, Any] = {
        "gateway:fly": fly,
        "gateway:store": "file",
        "gateway:redis": None,
        "gateway:posthog": {},
        "gateway:XAI_API_KEY": {"secure": "v1:x"},
    }
    given(
        {
            "gateway:fly": json.dumps(fly),
            "gateway:store": "file",
            "gateway:redis": "",
            "gateway:posthog": "{}",
            "gateway:XAI_API_KEY": "xai-" + "abcdefgh12345678",
        },
        ["gateway:XAI_API_KEY"],
    )
    assert program.read_program_config() == raw_config("stack", file)


def test_the_value_of_a_secret_does_not_leave_the_engines_hands() -> None:
    value = "xai-" + "abcdefgh12345678"
    given(
        {"gateway:XAI_API_KEY": value, "gateway:fly": json.dumps({"app": value})},
        ["gateway:XAI_API_KEY", "gateway:fly"],
    )
    read = program.read_program_config()
    assert read.secret_names == {"XAI_API_KEY"}
    assert [problem.id for problem in read.problems] == ["settings.misplaced_secret"]
    assert value not in repr(read)


async def test_a_secret_comes_from_the_configuration_or_else_from_the_environment() -> None:
    given({"gateway:A": "configured"}, ["gateway:A"])
    environ = {"A": "passed", "B": "passed"}
    first, second = (program.secret_value(name, environ) for name in "AB")
    assert [await first.future(), await second.future()] == ["configured", "passed"]
    assert [await first.is_secret(), await second.is_secret()] == [True, True]
    with pytest.raises(ConfigMissingError, match="gateway:C"):
        program.secret_value("C", environ)


def test_nothing_that_reads_settings_imports_pulumi_on_the_way() -> None:
    """The command line reads them without the half second that importing Pulumi takes."""
    folders = ("stacks", "gateway", "fly")
    files = [file for folder in folders for file in sorted((ROOT / folder).glob("*.py"))]
    assert ROOT / "stacks" / "program.py" in files
    for file in (*files, ROOT / "components" / "validate.py", ROOT / "components" / "bundle.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            assert "pulumi" not in imported(node), file


def imported(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return set()
