"""How an order of faults is read: every mistake in it told, nothing changed by a wrong one."""

import json
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse

Faults = TypeVar("Faults")
LEAST_STATUS, MOST_STATUS = 400, 599


class FaultError(Exception):
    """A fault that cannot be read; `problems` names every place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_order(
    body: object,
    kind: type[Faults],
    *,
    numbers: Collection[str],
    more: Callable[[dict[str, Any]], Iterable[str]],
    whole: bool = False,
) -> Faults:
    """Return the faults, a dataclass, that a control call's body orders.

    `numbers` are at least 0, and `whole` ones if that is said; `status` is an HTTP error or 0;
    `more` yields what else is wrong. `FaultError` holds all of it.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    if not isinstance(body, dict):
        raise FaultError([f"expected an object with some of {', '.join(names)}"])
    problems = [
        f"{key}: no such fault; there are {', '.join(names)}" for key in set(body) - set(names)
    ]
    for name in numbers:
        if not _is_number(body.get(name, 0), whole=whole):
            problems.append(f"{name}: {body[name]!r}; expected a number of at least 0")
    status = body.get("status", 0)
    if status != 0 and not (type(status) is int and LEAST_STATUS <= status <= MOST_STATUS):
        expected = f"expected a number from {LEAST_STATUS} to {MOST_STATUS}"
        problems.append(f"status: {status!r}; {expected}")
    problems += more(body)
    if problems:
        raise FaultError(sorted(problems))
    return kind(**body)


async def ordered(
    request: Request, parse: Callable[[object], Faults]
) -> tuple[Faults | None, list[str]]:
    """Return what a request orders, or None and everything that is wrong with its body."""
    try:
        return parse(json.loads(await request.body())), []
    except FaultError as error:
        return None, error.problems
    except ValueError:
        return None, ["the body is not JSON"]


def refused(problems: list[str], what: str) -> JSONResponse:
    """Return the answer to an order that cannot be read; `what` says that nothing came of it."""
    return JSONResponse({"error": what, "problems": problems}, 422)


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value >= 0
    return isinstance(value, float) and not whole and math.isfinite(value) and value >= 0
