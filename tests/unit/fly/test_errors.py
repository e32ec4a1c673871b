"""What Fly's refusals become, and that nothing httpx can raise gets past the border."""

from collections.abc import Iterator

import httpx
import pytest

from fly import errors
from fly.api import HTTPX_ERRORS, MAYBE_SENT, NEVER_SENT, USELESS_TO_REPEAT
from fly.errors import (
    FlyAlreadyExists,
    FlyAmbiguous,
    FlyError,
    FlyLeaseHeld,
    FlyNameTaken,
    FlyNotFound,
    FlyRateLimited,
    FlyRejected,
    FlyUnauthorized,
    FlyUnavailable,
    FlyWaitTimeout,
    Where,
    error_for,
    mask,
)
from tests.unit.fly.fake_fly import TOKEN, FakeFly, ok, refused, refused_otherwise


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(401, "Authenticate to view this"), FlyUnauthorized),
        (refused(403, "not allowed"), FlyUnauthorized),
        (refused(404, "app not found"), FlyNotFound),
        (refused_otherwise(404, "Could not find App"), FlyNotFound),
        (refused(400, "Could not find App"), FlyNotFound),
        (refused(400, "bad config"), FlyRejected),
        (refused(422, "taken", "name_taken"), FlyNameTaken),
        (refused_otherwise(422, "Name has already been taken"), FlyNameTaken),
        (refused(422, "no capacity", "insufficient_capacity"), FlyRejected),
        (refused(409, "unique name violation", "already_exists"), FlyAlreadyExists),
        (refused(409, "machine m1 lease currently held by x"), FlyLeaseHeld),
        (refused(412, "volume is attached"), FlyRejected),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/"}), FlyRejected),
        (refused(429), FlyRateLimited),
        (refused(500), FlyUnavailable),
        (httpx.Response(503, text="<html>"), FlyUnavailable),
        (refused(408), FlyUnavailable),
    ],
)
def test_each_refusal_becomes_its_own_error(answer: httpx.Response, kind: type[FlyError]) -> None:
    fly = FakeFly().on("GET /apps/a/machines/m1", answer)
    with pytest.raises(kind, match="GET /apps/a/machines/m1") as caught:
        fly.api().machines.get("a", "m1")
    assert type(caught.value) is kind


def test_a_conflict_that_is_about_no_machine_is_no_lease() -> None:
    fly = FakeFly().on("DELETE /apps/a", refused(409, "busy"))
    with pytest.raises(FlyRejected, match="busy"):
        fly.api().apps.delete("a")


def test_an_error_carries_its_parts_and_says_all_of_them() -> None:
    fly = FakeFly().on("GET /apps/a", refused(403, "Not allowed:\n  org"))
    with pytest.raises(FlyUnauthorized, match="Fly says: Not allowed: org") as caught:
        fly.api().apps.get("a")
    error = caught.value
    assert (error.method, error.path, error.status) == ("GET", "/apps/a", 403)
    assert error.request_id == "01REQ"
    assert str(error) == (
        "error[fly.unauthorized] Fly API GET /apps/a = HTTP 403, request 01REQ\n"
        "  Fly says: Not allowed: org\n"
        "  make a token with `fly tokens create org` (a deploy token cannot create apps) "
        "and set it as FLY_API_TOKEN"
    )


def test_flys_own_word_for_a_refusal_is_kept() -> None:
    fly = FakeFly().on("POST /apps/a/machines", refused(422, "full", "insufficient_capacity"))
    with pytest.raises(FlyRejected, match="HTTP 422 insufficient_capacity") as caught:
        fly.api().machines.create("a", {"config": {}}, launch_id="l")
    assert caught.value.code == "insufficient_capacity"


def tree(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


def httpx_errors() -> list[type[Exception]]:
    """Return every exception that httpx exports."""
    exported = (getattr(httpx, name) for name in httpx.__all__)
    return [item for item in exported if isinstance(item, type) and issubclass(item, Exception)]


def raised_by_httpx(kind: type[Exception]) -> Exception:
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("GET", "https://x")
        return kind("marker", request=request, response=httpx.Response(500, request=request))
    if issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError:
        return kind()  # type: ignore[call-arg]  # each has its own text
    return kind("marker")


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
def test_nothing_that_httpx_raises_gets_past_the_border(kind: type[Exception]) -> None:
    assert issubclass(kind, HTTPX_ERRORS)
    fly = FakeFly().on("GET /apps/a", raised_by_httpx(kind))
    with pytest.raises(FlyUnavailable, match=kind.__name__) as caught:
        fly.api().apps.get("a")
    assert isinstance(caught.value.__cause__, kind)
    assert caught.value.status is None
    assert fly.count("GET") == (1 if issubclass(kind, USELESS_TO_REPEAT) else 5)


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
def test_a_call_that_may_have_taken_effect_is_not_repeated(kind: type[Exception]) -> None:
    fly = FakeFly().on("POST /apps/a/machines/m1/exec", raised_by_httpx(kind), ok({}))
    run = fly.api().machines.exec
    if issubclass(kind, NEVER_SENT):
        assert run("a", "m1", ["true"], timeout_s=1).exit_code == 0
        return
    useless = issubclass(kind, USELESS_TO_REPEAT)
    with pytest.raises(FlyUnavailable if useless else FlyAmbiguous, match=kind.__name__):
        run("a", "m1", ["true"], timeout_s=1)
    assert fly.count("POST") == 1


def test_the_three_sorts_of_httpx_errors_do_not_hide_each_other() -> None:
    assert (httpx.HTTPError,) == MAYBE_SENT
    for sort in (NEVER_SENT, USELESS_TO_REPEAT):
        assert httpx.HTTPError not in sort
        assert httpx.TimeoutException not in sort


def test_every_error_of_the_tree_says_how_to_go_on() -> None:
    kinds = [kind for kind in tree(FlyError) if issubclass(kind, FlyError)]
    assert len(kinds) == 11
    for kind in kinds:
        problem = kind(Where("GET", "/apps/a", 500), "what happened").problem
        assert problem.id.startswith("fly.")
        assert problem.next_step
        assert problem.expected == "what happened"
    assert len({kind.id for kind in kinds}) == len(kinds)
    for word in ("invalid", "failed to", "please"):
        assert word not in " ".join(kind.advice for kind in kinds)


def test_a_wait_that_ran_out_is_told_apart_from_a_server_that_gave_up() -> None:
    where = Where("GET", "/apps/a/machines/m1/wait", 408)
    assert type(error_for(where, b"{}", awaited=True, hidden=())) is FlyWaitTimeout
    assert type(error_for(where, b"{}", awaited=False, hidden=())) is FlyUnavailable


@pytest.mark.parametrize(
    "body", [b"", b"<html>marker</html>", b"\xff", b"[1]", b'"marker"', b'{"error": {"a": 1}}']
)
def test_a_body_in_neither_error_shape_is_not_quoted(body: bytes) -> None:
    error = error_for(Where("GET", "/x", 500), body, awaited=False, hidden=())
    assert error.what == "Fly gave no reason"


def test_a_long_message_is_cut() -> None:
    body = b'{"error": "' + b"x" * 5000 + b'"}'
    error = error_for(Where("GET", "/x", 400), body, awaited=False, hidden=())
    assert len(error.what) < errors.LONGEST_MESSAGE + 20


def test_longer_secrets_are_masked_before_those_within_them() -> None:
    assert mask("abcdefgh abcdef", ["abcdef", "", "abcdefgh"]) == "**** ****"


def test_the_token_is_masked_in_what_fly_answers() -> None:
    fly = FakeFly().on("GET /apps/a", refused(400, f"token {TOKEN} is odd", TOKEN))
    with pytest.raises(FlyRejected, match=r"token \*\*\*\* is odd") as caught:
        fly.api().apps.get("a")
    assert TOKEN not in repr(caught.value) + caught.value.code
