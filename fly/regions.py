"""Fly's regions: their codes and names."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from stacks.problem import Problem

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "ams": "Amsterdam, Netherlands",
        "arn": "Stockholm, Sweden",
        "atl": "Atlanta, Georgia (US)",
        "bog": "Bogotá, Colombia",
        "bom": "Mumbai, India",
        "bos": "Boston, Massachusetts (US)",
        "cdg": "Paris, France",
        "den": "Denver, Colorado (US)",
        "dfw": "Dallas, Texas (US)",
        "ewr": "Secaucus, New Jersey (US)",
        "eze": "Ezeiza, Argentina",
        "fra": "Frankfurt, Germany",
        "gdl": "Guadalajara, Mexico",
        "gig": "Rio de Janeiro, Brazil",
        "gru": "São Paulo, Brazil",
        "hkg": "Hong Kong, Hong Kong",
        "iad": "Ashburn, Virginia (US)",
        "jnb": "Johannesburg, South Africa",
        "lax": "Los Angeles, California (US)",
        "lhr": "London, United Kingdom",
        "mad": "Madrid, Spain",
        "mia": "Miami, Florida (US)",
        "nrt": "Tokyo, Japan",
        "ord": "Chicago, Illinois (US)",
        "otp": "Bucharest, Romania",
        "phx": "Phoenix, Arizona (US)",
        "qro": "Querétaro, Mexico",
        "scl": "Santiago, Chile",
        "sea": "Seattle, Washington (US)",
        "sin": "Singapore, Singapore",
        "sjc": "San Jose, California (US)",
        "syd": "Sydney, Australia",
        "waw": "Warsaw, Poland",
        "yul": "Montreal, Canada",
        "yyz": "Toronto, Canada",
    }
)

_LIKE_A_NAME = 0.6  # difflib's usual measure of "close enough"


def region_problems(code: str, place: str) -> tuple[Problem, ...]:
    """Say what is wrong with a region code; nothing when Fly has it."""
    if code in REGIONS:
        return ()
    near = nearest_region(code)
    known = f'did you mean "{near}" ({REGIONS[near]})?' if near else "choose one of them"
    return (
        Problem(
            place=place,
            id="fly.region",
            value=f'"{code}"',
            expected=f"Fly's regions are {' '.join(REGIONS)}",
            next_step=f"{known} `fly platform regions` lists those open to you",
        ),
    )


def nearest_region(text: str) -> str | None:
    """Return the code that is written most like `text`, or whose city is; None when none is."""
    wanted = text.strip().lower()
    if wanted in REGIONS:
        return wanted
    codes = difflib.get_close_matches(wanted, REGIONS, n=1)
    if codes:
        return codes[0]
    cities = {name.split(",")[0].lower(): code for code, name in REGIONS.items()}
    close = difflib.get_close_matches(wanted, cities, n=1, cutoff=_LIKE_A_NAME)
    return cities[close[0]] if close else None
