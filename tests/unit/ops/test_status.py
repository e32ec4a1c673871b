from datetime import UTC, datetime, timedelta

import pytest

from fly.replies import Check, Machine
from ops.status import age_of, machine_row, serving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def machine(state: str = "started", *checks: str, cordoned: bool = False) -> Machine:
    return Machine(
        "3d8d9014b32d89",
        "m",
        state,
        "iad",
        "01V",
        {"metadata": {"gateway_release": "abcdef0123456789"}},
        checks=tuple(Check(f"c{n}", status) for n, status in enumerate(checks)),
        cordoned=cordoned,
    )


def test_a_machine_shows_its_release_by_the_first_twelve_digits() -> None:
    assert machine_row(machine("started", "passing")) == (
        "3d8d9014b32d89",
        "iad",
        "started",
        "passing",
        "abcdef012345",
        "01V",
    )


def test_one_bad_check_among_good_ones_is_what_is_shown() -> None:
    assert machine_row(machine("started", "passing", "critical"))[3] == "critical"


def test_a_machine_without_traffic_says_so() -> None:
    assert machine_row(machine(cordoned=True))[2] == "started, cordoned"


def test_a_gateway_without_machines_does_not_serve() -> None:
    assert not serving([])


@pytest.mark.parametrize(
    ("found", "well"),
    [
        (machine("started", "passing"), True),
        (machine("started", "passing", "warning"), False),
        (machine("stopped", "passing"), False),
    ],
)
def test_a_gateway_serves_when_every_machine_is_started_and_passes(
    found: Machine, *, well: bool
) -> None:
    assert serving([machine("started", "passing"), found]) is well


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (timedelta(seconds=46), "46 s ago"),
        (timedelta(minutes=5, seconds=59), "5 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=3, hours=2), "3 d ago"),
        (timedelta(seconds=-5), "0 s ago"),
    ],
)
def test_the_age_of_a_proof_is_told_in_one_unit(past: timedelta, told: str) -> None:
    assert age_of((NOW - past).isoformat(), NOW) == told


def test_a_time_that_nobody_wrote_has_no_age() -> None:
    assert age_of("", NOW) == "at an unknown time"
