import threading

import pytest

from components.ticking import ticking

DEADLINE_S = 10


def test_it_says_the_seconds_gone_while_the_block_lasts_and_nothing_after() -> None:
    said: list[int] = []
    thrice = threading.Event()

    def say(seconds: int) -> None:
        said.append(seconds)
        if len(said) == 3:
            thrice.set()

    with ticking(say, 0.001):
        assert thrice.wait(DEADLINE_S)

    assert set(said) == {0}
    assert not any("tick" in thread.name for thread in threading.enumerate())


def test_a_block_that_is_over_at_once_says_nothing_and_keeps_its_error() -> None:
    said: list[int] = []
    with pytest.raises(ValueError, match="the block's own"), ticking(said.append, DEADLINE_S):
        raise ValueError("the block's own")

    assert said == []
