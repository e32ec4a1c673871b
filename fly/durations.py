"""Durations as Go writes and reads them, which is how Fly does: "1m30s", "500ms"."""

import re
from decimal import Decimal

NS_PER_S = 1_000_000_000
UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter: Go accepts both
    "ms": 1_000_000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
LONGEST_NS = 2**63 - 1  # a Go duration is a signed 64 bit count of nanoseconds

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_WHOLE = re.compile(rf"[+-]?(?:{_PART.pattern})+", re.ASCII)


def parse_ns(text: str) -> int:
    """Read a duration into nanoseconds; raises ValueError for text that Go would refuse."""
    if text in {"0", "+0", "-0"}:
        return 0
    if not _WHOLE.fullmatch(text):
        msg = f"{text!r} is no duration"
        raise ValueError(msg)
    total = sum(int(Decimal(number) * UNITS_NS[unit]) for number, unit in _PART.findall(text))
    if total > LONGEST_NS:
        msg = f"{text!r} is longer than 292 years"
        raise ValueError(msg)
    return -total if text.startswith("-") else total


def seconds(text: str) -> float:
    """Read a duration into seconds; raises ValueError for text that Go would refuse."""
    return parse_ns(text) / NS_PER_S


def format_ns(nanoseconds: int) -> str:
    """Write a duration as Go does: "1m0s", "1h0m5s", "1.5s", "150ms", "0s"."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        size = UNITS_NS[unit]
        if rest < size * 1000:
            return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, below = divmod(rest, 60 * NS_PER_S)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(below, NS_PER_S)}s"
    if hours:
        text = f"{hours}h{minutes}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def normalised(text: str) -> str:
    """Return the one way in which Go writes this duration; raises ValueError."""
    return format_ns(parse_ns(text))


def _decimal(amount: int, size: int) -> str:
    """Write amount/size exactly, without trailing zeros."""
    whole, rest = divmod(amount, size)
    digits = len(str(size)) - 1
    fraction = str(rest).rjust(digits, "0").rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
