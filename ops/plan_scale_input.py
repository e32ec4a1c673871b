"""What `gateway plan-scale` is asked: the load and its assumptions, read and checked at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from fly.guests import SIZES, unknown_size
from fly.regions import region_problems
from gateway.scale import Load
from stacks.problem import Problem, ProblemError
from stacks.settings import Settings

COMMAND = "gateway plan-scale"
WHOLE = 1.0
MOST_RPS = 1_000_000.0  # beyond it something else was meant


@dataclass(frozen=True, slots=True)
class Asked:
    """The load, and what is assumed; `shares` add up to 1, `utilization` is from 0 to 1.

    `share` and `markup` are as they were given: `iad=60,fra=40`. `shares` and `markups` are what
    `read` makes of them.
    """

    load: Load
    utilization: float = 0.6
    spare: int = 1
    size: str | None = None
    share: str = ""
    markup: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    markups: Mapping[str, float] = field(default_factory=dict)


def read(asked: Asked, settings: Settings) -> Asked:
    """Return it with shares and markups; raises `ProblemError` with everything that is wrong.

    Without shares the settings' regions have even ones. Shares are relative: 60 and 40, or 3 and 2.
    """
    problems = [*_number_problems(asked)]
    shares, wrong = _pairs(asked.share, "--share", "iad=60,fra=40")
    problems += wrong
    markups, wrong = _pairs(asked.markup, "--markup", "bom=1.08")
    problems += wrong
    for option, pairs in (("--share", shares), ("--markup", markups)):
        for region in pairs:
            problems += region_problems(region, f"{COMMAND}: {option}")
    if asked.size is not None and (asked.size not in SIZES or SIZES[asked.size].gpu_kind):
        problems.append(unknown_size(asked.size, f"{COMMAND}: --size"))
    if settings.fly.size not in SIZES:
        problems.append(unknown_size(settings.fly.size, "gateway:fly.size"))
    if problems:
        raise ProblemError(problems)
    shares = shares or dict.fromkeys(sorted(settings.fly.regions), WHOLE)
    total = sum(shares.values())
    parts = {region: share / total for region, share in shares.items()}
    return replace(asked, shares=parts, markups=markups)


def _number_problems(asked: Asked) -> Iterator[Problem]:
    load = asked.load
    for option, value, fine, expected, example in (
        ("--rps", load.rps, 0 < load.rps <= MOST_RPS, "more than 0, at most a million", "--rps 50"),
        ("--stream", load.streamed, 0 <= load.streamed <= 1, "0 to 100 percent", "--stream 40"),
        ("--rescued", load.rescued, 0 <= load.rescued <= 1, "0 to 100 percent", "--rescued 2"),
        ("--request-s", load.request_s, load.request_s > 0, "seconds above 0", "--request-s 5"),
        (
            "--utilization",
            asked.utilization,
            0 < asked.utilization <= 1,
            "1 to 100 percent",
            "--utilization 60",
        ),
        ("--spare", asked.spare, asked.spare >= 0, "0 or more machines", "--spare 1"),
        (
            "--cpu-ms",
            load.cpu_ms,
            load.cpu_ms is None or load.cpu_ms > 0,
            "milliseconds above 0",
            "--cpu-ms 30",
        ),
    ):
        if not fine:
            place = f"{COMMAND}: {option}"
            yield Problem(place, "scale.number", f"{value:g}", expected, f"give {example}")


def _pairs(text: str, option: str, example: str) -> tuple[dict[str, float], list[Problem]]:
    """Read `iad=60,fra=40`; numbers are above 0."""
    found: dict[str, float] = {}
    problems = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        region, _, number = part.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf") or region.strip() in found:
            expected = "each region once, with a number above 0"
            step = f"give {option} {example}"
            problems.append(
                Problem(f"{COMMAND}: {option}", "scale.region", f'"{part}"', expected, step)
            )
            continue
        found[region.strip()] = value
    return found, problems
