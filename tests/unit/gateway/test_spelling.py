import pytest

from gateway.spelling import LOOKUPS, Speller, nearest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("anthropic/claude-sonet-4-6", "anthropic/claude-sonnet-4-6"),
        ("num_retires", "num_retries"),
        ("Num-Retries", "num_retries"),
        ("TimeoutAllowedFails", "TimeoutErrorAllowedFails"),
        ("xyz", None),
        ("", None),
    ],
)
def test_a_misspelt_name_finds_the_one_that_was_meant(written: str, meant: str | None) -> None:
    known = (
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-opus-4-7",
        "num_retries",
        "TimeoutErrorAllowedFails",
        "RateLimitErrorAllowedFails",
    )
    assert nearest(written, known) == meant


def test_the_name_itself_is_no_correction_of_it() -> None:
    assert nearest("num_retries", ["num_retries"]) is None


def test_of_many_names_of_one_length_the_most_alike_is_found() -> None:
    known = [f"provider/model-{number}" for number in range(1000)]
    assert nearest("provider/modle-77", known) == "provider/model-77"


def test_a_speller_stops_after_its_lookups_and_keeps_what_it_found() -> None:
    speller = Speller(["num_retries"])
    assert speller.nearest("num_retires") == "num_retries"
    for number in range(LOOKUPS):
        speller.nearest(f"num_retrie{number}")
    assert speller.nearest("num_retriez") is None
    assert speller.nearest("num_retires") == "num_retries"
