"""What Fly's API can answer instead of what was asked: one tree of errors, told apart in one place.

FlyError
├── FlyUnauthorized    401, 403
├── FlyNotFound        404, 410, and the 400 that says "could not find app"
├── FlyNameTaken       422 name_taken: app names are one namespace for all of Fly
├── FlyAlreadyExists   409 already_exists
├── FlyLeaseHeld       409 about a machine: another client holds its lease
├── FlyRejected        any other answer below 500
├── FlyRateLimited     429, after the retries
├── FlyUnavailable     5xx or no answer, after the retries
├── FlyAmbiguous       a call that may have taken effect, and nothing shows whether it did
└── FlyWaitTimeout     a machine did not reach a state in time
"""

# ruff: noqa: N818 - the names say what happened, and FlyError says that they are errors

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from stacks.problem import Problem

LONGEST_MESSAGE = 400  # characters of Fly's own message that are quoted
MASK = "****"
SHORT_SECRET = 6  # characters
LONG_LINE = 12  # characters: a shorter line of a secret says nothing by itself
REQUEST_ID_HEADER = "fly-request-id"


@dataclass(frozen=True, slots=True)
class Where:
    """Which call an error is about; never its headers, body or query."""

    method: str
    path: str
    status: int | None = None  # None: no answer arrived
    request_id: str = ""


class FlyError(Exception):
    """A call that did not do what was asked; its text holds every part and no secret.

    `what` is what Fly said or what happened, `code` Fly's own word for it ("" when it gave none).
    """

    id: ClassVar[str] = "fly.error"
    advice: ClassVar[str] = "run the command again; https://status.flyio.net shows incidents"

    def __init__(self, where: Where, what: str, *, next_step: str = "", code: str = "") -> None:
        self.where = where
        self.what = what
        self.code = code
        self.next_step = next_step or self.advice
        super().__init__(self.problem.render())

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.where.method

    @property
    def path(self) -> str:
        """The path below /v1, without its query."""
        return self.where.path

    @property
    def status(self) -> int | None:
        """The HTTP status; None when no answer arrived."""
        return self.where.status

    @property
    def request_id(self) -> str:
        """Fly's id of the request, for their support; "" when there was no answer."""
        return self.where.request_id

    @property
    def problem(self) -> Problem:
        """The error as every other problem is stated."""
        answer = "no answer" if self.status is None else f"HTTP {self.status}"
        if self.code:
            answer += f" {self.code}"
        if self.request_id:
            answer += f", request {self.request_id}"
        return Problem(
            place=f"Fly API {self.method} {self.path}",
            id=self.id,
            value=answer,
            expected=self.what,
            next_step=self.next_step,
        )


class FlyUnauthorized(FlyError):
    """The token is unknown, expired, or not allowed to do this."""

    id = "fly.unauthorized"
    advice = (
        "make a token with `fly tokens create org` (a deploy token cannot create apps) "
        "and set it as FLY_API_TOKEN"
    )


class FlyNotFound(FlyError):
    """What the path names does not exist."""

    id = "fly.not_found"
    advice = "`fly apps list` shows what this token can see"


class FlyNameTaken(FlyError):
    """Another app has this name, perhaps in an organisation that the token cannot see."""

    id = "fly.name_taken"
    advice = "choose another app name: names are unique across all of Fly.io"


class FlyAlreadyExists(FlyError):
    """What was to be created is there."""

    id = "fly.already_exists"
    advice = "import it, or delete it first"


class FlyLeaseHeld(FlyError):
    """Another client holds the machine's lease, or ours was lost to one."""

    id = "fly.lease"
    advice = "run it again once the lease has ended; `fly machine status ID` shows the machine"


class FlyRejected(FlyError):
    """Fly understood the call and refuses it; a repetition changes nothing."""

    id = "fly.rejected"
    advice = "correct what Fly names above; nothing was changed by this call"


class FlyRateLimited(FlyError):
    """Fly went on answering 429 after all retries."""

    id = "fly.rate_limited"
    advice = "wait a minute and run it again; nothing was changed by this call"


class FlyUnavailable(FlyError):
    """No usable answer after all retries; the call can be repeated without harm."""

    id = "fly.unavailable"


class FlyAmbiguous(FlyError):
    """The call may have taken effect, and must not simply be sent again."""

    id = "fly.ambiguous"
    advice = "run it again: what this call may have created is looked for before anything is made"


class FlyWaitTimeout(FlyError):
    """A machine did not reach the awaited state before the deadline."""

    id = "fly.wait"
    advice = "`fly logs` and `fly machine status ID` show what the machine does instead"


def error_for(where: Where, body: bytes, *, awaited: bool, hidden: Iterable[str]) -> FlyError:
    """Tell which error an answer that is not a success means.

    `awaited` is True for the machine wait endpoint, whose 408 is no fault. Fly's message is
    quoted with every string in `hidden` masked; a body that is not one of Fly's two error
    shapes is not quoted at all.
    """
    message, code = _message(body)
    kind = _kind(where, message.lower(), code, awaited=awaited)
    quoted = " ".join(mask(message, hidden).split())[:LONGEST_MESSAGE]
    what = f"Fly says: {quoted}" if quoted else "Fly gave no reason"
    return kind(where, what, code=mask(code, hidden)[:60])


def mask(text: str, hidden: Iterable[str]) -> str:
    """Replace every hidden string by asterisks, the longest first.

    Hidden too are its spellings within JSON, a URL and Python, and each long line of it. A short
    one is hidden as a whole word only: to take every "a" out of a text would tell that it is "a".
    """
    spellings = {spelling for secret in hidden for spelling in _spellings(secret)}
    for secret in sorted(spellings, key=len, reverse=True):
        if len(secret) < SHORT_SECRET:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
        else:
            text = text.replace(secret, MASK)
    return text


def _spellings(secret: str) -> Iterator[str]:
    if not secret:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
    yield from (line for line in secret.splitlines() if len(line) >= LONG_LINE)


def _message(body: bytes) -> tuple[str, str]:
    """Read both shapes: {error, status} of machines, {message} of apps, addresses, certificates."""
    try:
        parsed = json.loads(body)
    except ValueError:  # UnicodeDecodeError is one too
        return "", ""
    if not isinstance(parsed, Mapping):
        return "", ""
    texts: list[Any] = [parsed.get("error"), parsed.get("message")]
    message = next((text for text in texts if isinstance(text, str) and text), "")
    code = parsed.get("status")
    return message, code if isinstance(code, str) else ""


def _kind(  # noqa: PLR0911 - one line for each answer
    where: Where, message: str, code: str, *, awaited: bool
) -> type[FlyError]:
    match where.status:
        case 401 | 403:
            return FlyUnauthorized
        case (
            404 | 410
        ):  # 410: a cluster of Managed Postgres that was deleted (fly-go: ErrFlapsGone)
            return FlyNotFound
        case 400 if "could not find app" in message:
            return FlyNotFound
        case 408:
            return FlyWaitTimeout if awaited else FlyUnavailable
        case 409:
            return _conflict(where, message, code)
        case 422 if code == "name_taken" or "name has already been taken" in message:
            return FlyNameTaken
        case 429:
            return FlyRateLimited
        case status if status is None or status >= 500:  # noqa: PLR2004 - the class of HTTP status
            return FlyUnavailable
        case _:
            return FlyRejected


def _conflict(where: Where, message: str, code: str) -> type[FlyError]:
    if code == "already_exists" or "already exists" in message:
        return FlyAlreadyExists
    # Every other conflict seen on a machine is its lease; without one named it is still the likely.
    return FlyLeaseHeld if "/machines/" in where.path else FlyRejected
