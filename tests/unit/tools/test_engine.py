"""What the engine's recipe says, and which versions are new enough."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.engine.find import cache_folder
from tools.engine.path import is_new_enough
from tools.engine.recipe import ENGINE, MODULES, PIECES, Piece, cache_key, minimum_go
from tools.engine.toolchain import build_environment

NUMBER = st.integers(min_value=0, max_value=9999)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v3.259.0", True),
        ("3.259.0\n", True),
        ("v3.259.1-alpha.1+a1b2c3d", True),
        ("v3.300.12+dirty", True),
        ("v3.259.0-beta.1", False),
        ("v3.258.9", False),
        ("v3.9.0", False),
        ("v4.0.0", False),
        ("v3.259", False),
        ("", False),
        ("command not found", False),
    ],
)
def test_a_version_is_compared_as_numbers(version: str, expected: bool) -> None:
    assert is_new_enough(version) is expected


@given(minor=NUMBER, patch=NUMBER)
def test_every_release_of_major_3_is_judged_by_its_minor(minor: int, patch: int) -> None:
    assert is_new_enough(f"v3.{minor}.{patch}") is (minor >= 259)


@given(text=st.text(max_size=40))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    assert is_new_enough(text) in {True, False}


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.program)
def test_a_piece_tells_the_version_that_its_module_file_pins(piece: Piece) -> None:
    module = re.sub(r"/v3/.*", "/v3", piece.package)
    pinned = (MODULES / piece.folder / "go.mod").read_text(encoding="utf-8")
    assert f"{module} v{piece.version}" in pinned
    assert any(flag.endswith(f"version.Version=v{piece.version}") for flag in piece.flags)


def test_the_scripts_come_from_the_sdk_of_the_engines_version() -> None:
    pinned = (MODULES / ENGINE.folder / "go.mod").read_text(encoding="utf-8")
    assert f"github.com/pulumi/pulumi/sdk/v3 v{ENGINE.version}" in pinned


def test_the_oldest_go_is_the_one_that_the_module_files_ask_for() -> None:
    assert minimum_go() == "1.25.11"


def test_the_cache_key_is_the_same_each_time() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", cache_key())
    assert cache_key() == cache_key()


def test_the_build_keeps_proxies_and_drops_what_would_change_the_result() -> None:
    environ = {
        "GOPROXY": "https://proxy.example",
        "GOFLAGS": "-mod=vendor",
        "GOWORK": "/home/someone/go.work",
        "GOOS": "plan9",
        "GOARCH": "wasm",
        "GOTOOLCHAIN": "auto",
    }
    assert build_environment(environ) == {
        "GOPROXY": "https://proxy.example",
        "GOFLAGS": "-buildvcs=false",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
    }


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/home/a"}, "/cache/litellm-fly-gateway/engine"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/a"}, "/home/a/.cache/litellm-fly-gateway/engine"),
        ({"XDG_CACHE_HOME": "here", "HOME": "/h"}, "/h/.cache/litellm-fly-gateway/engine"),
        ({"HOME": "/home/a"}, "/home/a/.cache/litellm-fly-gateway/engine"),
    ],
)
def test_the_cache_lies_where_the_xdg_specification_puts_it(
    environ: dict[str, str], expected: str
) -> None:
    assert str(cache_folder(environ)) == expected
