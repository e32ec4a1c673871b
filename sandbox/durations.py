"""How Fly's API writes durations: Go strings such as "1m30s"; a bare number counts seconds."""

import re

UNIT_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
TERM = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def seconds(value: object) -> float:
    """Read a duration; None and the empty string are 0. Raises ValueError for anything else."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        terms = TERM.findall(value)
        if terms and "".join(number + unit for number, unit in terms) == value:
            return sum(float(number) * UNIT_S[unit] for number, unit in terms)
        if value.isdecimal():
            return float(value)
    raise ValueError(f"not a duration: {value!r}; write it as Go does, for example 1m30s")
