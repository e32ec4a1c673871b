"""The vendor's own CLI, where this machine has one."""

import os

import pytest

from tools.engine.find import cache_folder
from tools.engine.path import pulumi_on_path


def test_the_pulumi_that_the_vendor_built_is_taken_instead_of_building_one() -> None:
    passed_over: list[str] = []
    found = pulumi_on_path(os.environ, passed_over.append, ignore=cache_folder(os.environ))
    if found is None:
        pytest.skip(f"no usable pulumi of 3.259.0 or newer on PATH {passed_over}")
    assert os.access(found / "pulumi", os.X_OK)
