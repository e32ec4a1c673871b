"""Which written values LiteLLM takes as numbers."""

import math
from typing import Any


def number(value: Any) -> float | None:
    """Return a finite number, written as one or as digits in quotes; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int | None:
    """Return a whole number, written as one or as digits in quotes; None for anything else."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() else None
