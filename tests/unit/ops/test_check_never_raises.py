"""Whatever the files hold, a check ends with one of its three codes and tells something."""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.exit_codes import ExitCode
from tests.unit.ops.checks import run

WORDS = st.sampled_from(
    [
        *("model_list", "router_settings", "litellm_settings", "general_settings", "fallbacks"),
        *("allowed_fails", "model_name", "litellm_params", "model", "*", "openai/gpt-5.5"),
        *(
            "[",
            "{",
            ":",
            "- ",
            "\n",
            "  ",
            "\t",
            "&a",
            "*a",
            "<<",
            "#",
            '"',
            "3",
            "null",
            "=",
            "[[",
        ),
        *("processes", "env", "app", "\r\n", "\ufeff", "é", "2026-02-30", "!!python/x", "include"),
    ]
)
TEXTS = st.lists(WORDS, max_size=25).map("".join).map(str.encode) | st.binary(max_size=40)
KEYS = WORDS | st.none() | st.integers() | st.booleans() | st.dates()
DATA = st.recursive(
    KEYS | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def ends(config: bytes, toml: bytes, *, fix: bool = False) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Any] = {"config": Path(folder, "c.yaml"), "toml": Path(folder, "f.toml")}
        files["config"].write_bytes(config)
        files["toml"].write_bytes(toml)
        code, told = run(as_json=True, fix=fix, **files)
        document = json.loads(told.out)
        found = bool(document["findings"])
        assert code in ({ExitCode.OK, ExitCode.FINDING} if not document["problems"] else {1})
        assert found or code is not ExitCode.FINDING


@given(TEXTS, TEXTS)
def test_any_texts(config: bytes, toml: bytes) -> None:
    ends(config, toml)


@given(st.dictionaries(KEYS, DATA, max_size=5))
def test_any_data_that_yaml_can_say(data: dict[object, object]) -> None:
    ends(yaml.safe_dump(data, allow_unicode=True).encode(), b"app = 'a'\n")


@settings(max_examples=20)
@given(TEXTS, TEXTS)
def test_mending_any_texts(config: bytes, toml: bytes) -> None:
    ends(config, toml, fix=True)
