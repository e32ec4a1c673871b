"""Where the client gets its token and address from, and that no secret leaves it."""

import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.api import FlyApi, authorization
from fly.calls import Call, nothing
from fly.errors import FlyError, FlyRejected, FlyUnauthorized, mask
from fly.replies import Lease
from stacks.problem import ProblemError
from tests.unit.fly.fake_fly import TOKEN, FakeFly, ok, refused

SECRET = "sk-" + "secret-marker"


def test_a_missing_token_and_a_bad_address_are_told_together() -> None:
    with pytest.raises(ProblemError, match="FLY_API_TOKEN") as caught:
        FlyApi.from_environment({"FLY_FLAPS_BASE_URL": "http://api.machines.dev"})
    token, address = caught.value.problems
    assert address.id == "fly.address"
    assert address.value == '"http://api.machines.dev"'
    assert "in the clear" in address.expected
    assert token.id == "fly.token"
    assert "fly tokens create org" in token.next_step


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:4280",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "127.0.0.1:4280",
        "https://",
        "https://user:pw-marker@api.machines.dev",
        "https://api.machines.dev?x=pw-marker",
        "https://api.machines.dev:port",
    ],
)
def test_an_address_that_would_leak_or_lead_nowhere_is_refused(url: str) -> None:
    with pytest.raises(ProblemError, match="FLY_FLAPS_BASE_URL") as caught:
        FlyApi.from_environment({"FLY_API_TOKEN": "t", "FLY_FLAPS_BASE_URL": url})
    assert "pw-marker" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4280", "http://localhost:4280/", "http://[::1]:4280", "", "https://x"]
)
def test_loopback_and_https_are_fine(url: str) -> None:
    with FlyApi.from_environment({"FLY_API_TOKEN": "t", "FLY_FLAPS_BASE_URL": url}):
        pass


@pytest.mark.parametrize("token", ["two\nlines", "t\x00", "tökén", "a\tb"])
def test_a_token_that_cannot_be_a_header_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ProblemError, match="one line of ASCII") as caught:
        FlyApi.from_environment({"FLY_API_TOKEN": token})
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "header"),
    [
        ("opaque", "Bearer opaque"),
        ("fm2_x,fm2_y", "FlyV1 fm2_x,fm2_y"),
        ("FlyV1 fm2_x", "FlyV1 fm2_x"),
    ],
)
def test_a_macaroon_has_its_own_scheme(token: str, header: str) -> None:
    assert authorization(token) == header


def test_a_redirect_is_not_followed() -> None:
    elsewhere = httpx.Response(307, headers={"location": "https://elsewhere.example/"})
    fly = FakeFly().on("GET /apps/a", elsewhere)
    with pytest.raises(FlyRejected, match="HTTP 307"):
        fly.api().apps.get("a")
    assert len(fly.requests) == 1


Do = Callable[[FlyApi], Any]
CALLS_WITH_SECRETS: list[tuple[str, Do]] = [
    ("POST /apps/a/secrets", lambda api: api.secrets.update("a", {"KEY": SECRET})),
    (
        "POST /apps/a/machines/m1/exec",
        lambda api: api.machines.exec(
            "a", "m1", ["psql", SECRET], timeout_s=1, stdin=SECRET, hidden=[SECRET]
        ),
    ),
]
FAULTS: list[httpx.Response | Exception] = [
    refused(422, f"value {SECRET} of {TOKEN} is odd", SECRET),
    refused(500, f"cannot store {SECRET}"),
    httpx.Response(502, text=f"{SECRET} {TOKEN}"),
    httpx.Response(400, headers={"fly-request-id": TOKEN}, text=SECRET),
    httpx.ReadError(f"sent {SECRET} with {TOKEN}"),
    httpx.LocalProtocolError(f"Illegal header value b'Bearer {TOKEN}'"),
    ok([SECRET]),
    httpx.Response(200, text=SECRET),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("what", "do"), CALLS_WITH_SECRETS)
def test_no_secret_is_in_any_error_or_in_what_it_was_raised_from(
    what: str, do: Do, fault: httpx.Response | Exception
) -> None:
    fly = FakeFly().on(what, fault)
    with pytest.raises(FlyError, match="Fly API POST /apps/a") as caught:
        do(fly.api())
    assert SECRET in fly.requests[0].content.decode()
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.args)
    told += error.problem.render() + repr(error.problem.as_json()) + repr(error.where)
    assert SECRET not in told
    assert TOKEN not in told


def test_no_repr_shows_what_a_call_carries() -> None:
    call = Call("POST", "/x", "a", "t", body={"k": SECRET}, nonce=SECRET, hidden=(SECRET,))
    assert SECRET not in repr(call)
    assert SECRET not in repr(Lease(SECRET))


@given(st.text('abc\n "é', min_size=6), st.text("xyz ", max_size=9))
def test_whatever_the_secret_it_is_masked_in_flys_message(secret: str, around: str) -> None:
    fly = FakeFly().on("POST /apps/a", refused(400, around + secret + around))
    call = Call("POST", "/apps/a", "x", "a", hidden=(secret,))
    with pytest.raises(FlyRejected, match="Fly API") as caught:
        fly.api().send(call, nothing)
    shown = caught.value.what.removeprefix("Fly says: ")
    assert not set(shown) - set("xyz* ")


@pytest.mark.parametrize(
    "spelled",
    [
        '{\n  "private_key": "marker"\n}',
        r"value {\n  \"private_key\": \"marker\"\n}",
        'line   "private_key": "marker" is odd',
        "%7B%0A%20%20%22private_key%22%3A%20%22marker%22%0A%7D",
    ],
)
def test_a_secret_is_masked_in_its_other_spellings_too(spelled: str) -> None:
    secret = '{\n  "private_key": "marker"\n}'
    assert "marker" not in mask(spelled, [secret])


def test_a_short_secret_is_masked_as_a_word_and_leaves_the_text_readable() -> None:
    assert mask("the t is t, at 't'", ["t"]) == "the **** is ****, at '****'"


def test_401_says_how_to_get_a_token() -> None:
    fly = FakeFly().on("GET /apps/a", refused(401))
    with pytest.raises(FlyUnauthorized, match="fly tokens create org"):
        fly.api().apps.get("a")
