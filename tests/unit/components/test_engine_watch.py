"""A provider notices that its engine was killed: before a change, and while it waits."""

import os
import threading
from pathlib import Path

import pytest

from components.engine_watch import ORPHANED, EngineGoneError, EngineWatch, ancestors


def test_nothing_is_changed_once_the_engine_is_gone() -> None:
    family = [(10, 9), (10, 9), (10, 1)]
    watch = EngineWatch(lambda: family.pop(0))
    watch.guard()
    with pytest.raises(EngineGoneError, match="engine is gone"):
        watch.guard()


def test_a_provider_that_only_waits_leaves_once_the_engine_is_gone() -> None:
    family = iter([(10, 9), (10, 9), (10, 9), (10, 1)])
    left: list[int] = []
    gone = threading.Event()

    def leave(code: int) -> None:
        left.append(code)
        gone.set()

    EngineWatch(lambda: next(family)).start(leave)
    assert gone.wait(10)
    assert left == [ORPHANED]


def test_the_ancestors_of_this_process_are_its_parent_and_that_ones_parent() -> None:
    parent, grandparent = ancestors()
    assert parent == os.getppid()
    assert f"PPid:\t{grandparent}\n" in Path(f"/proc/{parent}/status").read_text()
