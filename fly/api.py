"""Fly's Machines API over HTTP: one client whose every call is paced, retried and translated."""

import random as random_module
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from fly import retries
from fly.addresses import is_loopback
from fly.calls import Call
from fly.certificates import Certificates
from fly.errors import (
    REQUEST_ID_HEADER,
    FlyAmbiguous,
    FlyError,
    FlyRateLimited,
    FlyUnavailable,
    Where,
    error_for,
    mask,
)
from fly.leases import Leases
from fly.machines import Machines
from fly.managed_postgres import ManagedPostgres
from fly.provisions import Apps, Ips, Secrets, Volumes
from stacks.problem import Problem, ProblemError

T = TypeVar("T")

DEFAULT_BASE_URL = "https://api.machines.dev"
READ_S = 60.0  # for an answer; waits and execs say their own
NONCE_HEADER = "fly-machine-lease-nonce"
MACAROON_PREFIXES = ("fm1r_", "fm1a_", "fm2_")  # tokens with the scheme FlyV1; others are Bearer

# The border: everything httpx can raise, by what it says about the request.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
USELESS_TO_REPEAT = (
    httpx.CookieConflict,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.StreamError,
    httpx.TooManyRedirects,
    httpx.UnsupportedProtocol,
)
MAYBE_SENT = (httpx.HTTPError,)  # all the rest: time-outs, resets, answers that make no sense
HTTPX_ERRORS = NEVER_SENT + USELESS_TO_REPEAT + MAYBE_SENT


class FlyApi:
    """A client of Fly's Machines API; threads may share one.

    `client` has the base URL, which ends in /v1, and the token's header; it is closed with this
    object. `clock` is monotonic, `now` counts seconds since 1970, `random` answers in [0, 1).
    `guard` is called before each request that changes something and may raise to stop: it is
    how a process notices that the one it works for is gone. `paced=False` switches the
    client-side rate limits off.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
        guard: Callable[[], None] | None = None,
        paced: bool = True,
    ) -> None:
        self._client = client
        self._guard = guard
        self._random = random
        self.sleep = sleep
        self.clock = clock
        self.now = now
        self.paced = paced
        pacer = retries.Pacer(clock=clock, sleep=sleep)
        self._pace = pacer.wait if paced else retries.unpaced
        self.apps = Apps(self)
        self.ips = Ips(self)
        self.certificates = Certificates(self)
        self.secrets = Secrets(self)
        self.volumes = Volumes(self)
        self.machines = Machines(self)
        self.leases = Leases(self)
        self.managed_postgres = ManagedPostgres(self)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, guard: Callable[[], None] | None = None
    ) -> Self:
        """Make a client from FLY_API_TOKEN and FLY_FLAPS_BASE_URL.

        Raises `ProblemError` when the token is missing or the address would send it in the clear.
        A loopback address is the sandbox: no proxy is asked for it, and it is not paced unless
        GATEWAY_FLY_PACED is 1, for rehearsals under the limits that the sandbox can enforce.
        """
        token = environ.get("FLY_API_TOKEN", "").strip()
        base_url = environ.get("FLY_FLAPS_BASE_URL", "").strip() or DEFAULT_BASE_URL
        problems = [*_token_problems(token), *_url_problems(base_url)]
        if problems:
            raise ProblemError(problems)
        local = is_loopback(urlsplit(base_url).hostname)
        client = httpx.Client(
            base_url=base_url.rstrip("/") + "/v1",
            headers={"authorization": authorization(token), "user-agent": "litellm-fly-gateway"},
            timeout=_timeout(READ_S),
            follow_redirects=False,
            trust_env=not local,
            # An http address needs no certificates, and loading them costs 40 ms.
            verify=urlsplit(base_url).scheme == "https",
        )
        paced = not local or environ.get("GATEWAY_FLY_PACED", "").strip() == "1"
        return cls(client, guard=guard, paced=paced)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def backoff_s(self, attempt: int) -> float:
        """Return a delay before the repetition `attempt`, counted from 0."""
        return retries.backoff_s(attempt, self._random)

    def send(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send a call until it has an answer, as often as is safe; see `fly.calls.Connection`."""
        faults = limits = 0
        while True:
            try:
                return self._once(call, parse)
            except _RateLimitedError as limited:
                limits += 1
                delay = retries.rate_limit_s(limits - 1, limited.retry_after, self._random)
                if limits >= retries.RATE_LIMITED_ATTEMPTS or (
                    delay > retries.LONGEST_RETRY_AFTER_S
                ):
                    raise limited.error from None
            except _UnansweredError as fault:
                faults += 1
                if fault.took_effect_maybe and not call.repeatable:
                    raise FlyAmbiguous(
                        fault.error.where, fault.error.what, code=fault.error.code
                    ) from fault.__cause__
                if fault.useless or faults >= retries.ATTEMPTS:
                    raise fault.error from fault.__cause__
                delay = retries.backoff_s(faults - 1, self._random)
            self.sleep(delay)

    def _once(self, call: Call, parse: Callable[[Any], T]) -> T:
        """Send the call one time."""
        self._pace(call.action, call.target)
        if self._guard is not None and call.mutates:
            self._guard()
        hidden = (*call.hidden, *self._token())
        where = Where(call.method, call.path)
        try:
            response = self._client.send(self._request(call), follow_redirects=False)
        except HTTPX_ERRORS as error:
            raise _untold(where, error, hidden) from _safe_cause(error, hidden)
        where = Where(
            call.method,
            call.path,
            response.status_code,
            mask(response.headers.get(REQUEST_ID_HEADER, ""), hidden),
        )
        if not response.is_success:
            refusal = error_for(where, response.content, awaited=call.awaited, hidden=hidden)
            if isinstance(refusal, FlyRateLimited):
                raise _RateLimitedError(refusal, response.headers.get("retry-after"))
            if isinstance(refusal, FlyUnavailable):
                raise _UnansweredError(refusal, took_effect_maybe=True)
            raise refusal
        try:
            return parse(response.json() if response.content.strip() else None)
        except (AttributeError, KeyError, TypeError, ValueError) as strange:
            what = f"the answer cannot be read ({type(strange).__name__})"
            raise _UnansweredError(FlyUnavailable(where, what), took_effect_maybe=True) from None

    def _request(self, call: Call) -> httpx.Request:
        headers = {} if call.nonce is None else {NONCE_HEADER: call.nonce}
        return self._client.build_request(
            call.method,
            call.path,
            params=dict(call.query) or None,
            json=call.body,
            headers=headers,
            timeout=_timeout(call.timeout_s or READ_S),
        )

    def _token(self) -> tuple[str, ...]:
        return tuple(self._client.headers.get("authorization", "").split()[1:])


class _RateLimitedError(Exception):
    """Fly answered 429: the call had no effect."""

    def __init__(self, error: FlyRateLimited, retry_after: str | None) -> None:
        super().__init__()
        self.error = error
        self.retry_after = retry_after


class _UnansweredError(Exception):
    """No usable answer came; `took_effect_maybe` is False when the call surely had no effect."""

    def __init__(self, error: FlyError, *, took_effect_maybe: bool, useless: bool = False) -> None:
        super().__init__()
        self.error = error
        self.took_effect_maybe = took_effect_maybe
        self.useless = useless


def _untold(where: Where, error: Exception, hidden: tuple[str, ...]) -> _UnansweredError:
    """Translate an httpx error."""
    text = " ".join(mask(str(error), hidden).split())[:200]
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    never = isinstance(error, NEVER_SENT)
    useless = isinstance(error, USELESS_TO_REPEAT)
    return _UnansweredError(
        FlyUnavailable(where, what), took_effect_maybe=not (never or useless), useless=useless
    )


def _safe_cause(error: Exception, hidden: tuple[str, ...]) -> Exception | None:
    """Return the error for a traceback, unless its text holds a secret."""
    text = f"{error}{error!r}"
    return error if mask(text, hidden) == text else None


def _timeout(read_s: float) -> httpx.Timeout:
    return httpx.Timeout(connect=10, read=read_s, write=30, pool=30)


def authorization(token: str) -> str:
    """Return the Authorization header for a token as people hold it."""
    if token.startswith(("FlyV1 ", "Bearer ")):
        return token
    return f"FlyV1 {token}" if token.startswith(MACAROON_PREFIXES) else f"Bearer {token}"


def _token_problems(token: str) -> list[Problem]:
    expected = ""
    if not token:
        expected = "Fly's API needs a token, and it is read from the environment only"
    elif not (token.isascii() and token.isprintable()):
        expected = "a token is one line of ASCII; this one holds other characters"
    if not expected:
        return []
    step = 'run `export FLY_API_TOKEN="$(fly tokens create org --expiry 24h)"`'
    return [Problem("environment: FLY_API_TOKEN", "fly.token", "", expected, step)]


def _url_problems(base_url: str) -> list[Problem]:
    try:
        url = urlsplit(base_url)
        url.port  # noqa: B018 - reading it checks it
    except ValueError:
        url = urlsplit("")
    expected = ""
    if url.scheme not in {"http", "https"} or not url.hostname:
        expected = "a URL such as https://api.machines.dev was expected"
    elif url.username is not None or url.query or url.fragment:
        expected = "only scheme, host and port were expected"
    elif url.scheme == "http" and not is_loopback(url.hostname):
        expected = "http:// would send the token in the clear; only a loopback address may use it"
    if not expected:
        return []
    step = "unset FLY_FLAPS_BASE_URL to use Fly, or set it to the sandbox's http://127.0.0.1:4280"
    shown = f'"{url.scheme}://{url.hostname}"' if url.hostname else ""
    return [Problem("environment: FLY_FLAPS_BASE_URL", "fly.address", shown, expected, step)]
