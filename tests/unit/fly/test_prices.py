"""Prices against the examples that Fly's own page of prices works out, and processor quotas."""

import pytest

from fly.guests import SIZES
from fly.prices import (
    MARKUPS,
    burst_s,
    machine_month_usd,
    ordinary_sizes,
    sustained_cores,
    work_s,
)
from fly.regions import REGIONS


@pytest.mark.parametrize(
    ("size", "memory_mb", "region", "usd"),
    [
        ("shared-cpu-1x", 256, "iad", 2.19),
        ("shared-cpu-1x", 512, "iad", 3.69),
        ("shared-cpu-1x", 1024, "iad", 6.70),
        ("shared-cpu-1x", 1024, "fra", 7.73),
        ("shared-cpu-1x", 1024, "sin", 8.50),
        ("shared-cpu-2x", 2048, "ewr", 13.39),
        ("performance-1x", 2048, "iad", 33.00),
        ("performance-2x", 4096, "iad", 66.00),
    ],
)
def test_a_month_costs_what_flys_page_says(
    size: str, memory_mb: int, region: str, usd: float
) -> None:
    found = machine_month_usd(SIZES[size], memory_mb, region)
    assert found is not None
    assert round(found, 2) == usd


def test_what_has_no_published_price_has_none_here() -> None:
    assert machine_month_usd(SIZES["shared-cpu-1x"], 256, "bog") is None
    assert machine_month_usd(SIZES["a10"], 32768, "iad") is None
    assert set(MARKUPS) <= set(REGIONS)


def test_a_shared_processor_works_at_a_sixteenth_for_good_and_longer_on_what_it_saved() -> None:
    shared, whole = SIZES["shared-cpu-4x"], SIZES["performance-1x"]
    assert sustained_cores(shared) == 0.25
    assert sustained_cores(whole) == 1.0
    assert burst_s(shared, 0.25) is None
    assert burst_s(whole, 1.0) is None
    assert burst_s(SIZES["shared-cpu-1x"], 1.0) == pytest.approx(533, abs=1)  # Fly's own example


def test_work_on_a_new_shared_machine_is_fast_until_its_first_savings_are_spent() -> None:
    size = SIZES["shared-cpu-4x"]
    assert work_s(size, 12, threads=1) == 12
    assert work_s(size, 60, threads=4) == pytest.approx(160)
    assert work_s(SIZES["performance-4x"], 60, threads=4) == 15
    for ordinary in ordinary_sizes():
        times = [work_s(ordinary, core_s, threads=2) for core_s in (1, 5, 20, 80)]
        assert times == sorted(times)
