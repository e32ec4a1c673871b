"""What is read off source text; the tables themselves are compared with real releases elsewhere."""

import ast
import zipfile
from pathlib import Path

import pytest

from tools.litellm_keys import Keys
from tools.litellm_models import models
from tools.litellm_source import arguments, classes, compared, fields, reads, strings, validated
from tools.litellm_wheel import Wheel

READS = """
SETTING: Final = "by_constant"

def load(config, general_settings):
    general_settings.get("got", None)
    general_settings["indexed"]
    "asked" in general_settings
    general_settings["written"] = 1
    general_settings.get(SETTING)
    general_settings.get(ELSEWHERE)
    helper(general_settings, "given_to_a_helper")
    for key in ("first", "second"):
        general_settings.get(key)
    alias = config.get("general_settings") or {}
    alias.get("by_alias")
    (config.get("general_settings") or {}).get("nested")

def other(alias):
    alias.get("of_another_function")
"""


def test_keys_are_read_off_a_mapping_however_it_is_spelled() -> None:
    found = reads(ast.parse(READS), {"ELSEWHERE": frozenset({"from_elsewhere"})})

    assert found["general_settings"] == {
        *("got", "indexed", "asked", "by_constant", "from_elsewhere", "given_to_a_helper"),
        *("first", "second", "by_alias", "nested"),
    }


def test_fields_come_with_those_of_bases_and_with_aliases() -> None:
    source = (
        "class Base:\n  inherited: int\n"
        "class Settings(Base):\n"
        "  model_config: dict\n  LIMIT: ClassVar[int] = 1\n"
        '  own: str = Field(alias="other_name")\n'
    )

    known = classes([ast.parse(source)])

    assert fields("Settings", known) == {"inherited", "own", "other_name"}
    assert fields("NoSuchClass", known) == set()


def test_arguments_are_those_of_the_named_method() -> None:
    source = "class Router:\n  def __init__(self, a, *, b=1, **rest): ...\ndef __init__(c): ...\n"

    assert arguments(ast.parse(source), "__init__", cls="Router") == {"a", "b"}


def test_texts_that_a_variable_is_compared_with_are_found() -> None:
    source = 'if key == "one" or key in {"two", "three"} or other == "four": ...'

    assert compared(ast.parse(source), "key") == {"one", "two", "three"}


def test_literal_sets_are_read_through_their_wrappers() -> None:
    tree = ast.parse('NAMES = frozenset({"a", "b"})\nMORE = (*NAMES, "c")')

    assert strings(tree.body)["MORE"] == {"a", "b", "c"}


def test_classes_that_validate_a_mapping_are_found() -> None:
    tree = ast.parse("Limits.model_validate(general_settings)\nPlan(**general_settings)")

    assert validated(tree)["general_settings"] == {"Limits", "Plan"}


def wheel_of(folder: Path, files: dict[str, str]) -> Wheel:
    file = folder / "litellm-1.0.0-py3-none-any.whl"
    metadata = "Requires-Dist: litellm-enterprise==0.1.76.post1 ; extra == 'proxy'\n"
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr("litellm-1.0.0.dist-info/METADATA", metadata)
    return Wheel(file)


def test_the_pinned_closed_half_is_read_off_the_metadata(tmp_path: Path) -> None:
    assert wheel_of(tmp_path, {}).enterprise_version == "0.1.76.post1"


def test_a_file_that_a_release_lacks_is_empty(tmp_path: Path) -> None:
    assert wheel_of(tmp_path, {}).text("litellm/no_such_file.py") == ""


def test_a_router_that_moved_is_found_and_its_host_is_no_setting(tmp_path: Path) -> None:
    core = "class PythonCore:\n  def __init__(self, _host, fallbacks=None): ...\n"
    wheel = wheel_of(tmp_path, {"litellm/router_python_core.py": core, "litellm/router.py": ""})

    assert Keys(wheel, None).router_settings() == {"fallbacks"}


def test_a_section_that_nothing_was_found_for_is_said_and_not_written(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="router_settings"):
        Keys(wheel_of(tmp_path, {}), None).table()


def test_a_models_row_ends_with_its_last_known_column(tmp_path: Path) -> None:
    text = (
        '{"sample_spec": {}, "b": {"litellm_provider": "x", "mode": "chat"},'
        ' "a": {"litellm_provider": "y", "max_input_tokens": 8, "deprecation_date": "2026-01-02"}}'
    )
    wheel = wheel_of(tmp_path, {"litellm/model_prices_and_context_window_backup.json": text})

    table = models(wheel, "1.0.0")

    assert table["providers"] == ["x", "y"]
    assert table["models"] == {
        "a": [1, 0, 8, None, None, None, 0, 0, "2026-01-02"],
        "b": [0, 1],
    }
