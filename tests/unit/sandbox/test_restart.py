import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.restart import Backoff, exit_detail, restarts_again


@pytest.mark.parametrize(
    ("restart", "code", "restarts", "again"),
    [
        (None, 1, 0, True),
        (None, 1, 9, True),
        (None, 1, 10, False),
        (None, 0, 0, False),
        (None, -signal.SIGTERM, 0, False),
        (None, -signal.SIGKILL, 0, True),
        (None, None, 0, True),
        ({"policy": "on-failure", "max_retries": 2}, 1, 1, True),
        ({"policy": "on-failure", "max_retries": 2}, 1, 2, False),
        ({"policy": "no"}, 1, 0, False),
        ({"policy": "always"}, 0, 99, True),
    ],
)
def test_the_restart_policy_is_obeyed(
    restart: dict[str, object] | None, code: int | None, restarts: int, *, again: bool
) -> None:
    assert restarts_again({"restart": restart}, code, restarts) is again


def test_exit_codes_are_reported_as_a_shell_has_them() -> None:
    assert exit_detail(3) == {"exit_code": 3}
    assert exit_detail(-signal.SIGKILL) == {"exit_code": 137, "signal": 9}
    assert exit_detail(None) == {"exit_code": -1}


def test_the_back_off_doubles_up_to_its_end() -> None:
    backoff = Backoff(first_s=0.25, most_s=5)
    assert [backoff.delay_s(n) for n in range(6)] == [0.25, 0.5, 1, 2, 4, 5]


@given(st.integers(0, 10_000))
def test_no_back_off_is_longer_than_its_end(restarts: int) -> None:
    assert Backoff().delay_s(restarts) <= Backoff().most_s
