"""The two shapes in which Fly's API refuses a request."""

import json
from enum import StrEnum

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.managed_postgres.server import ServerError
from sandbox.state import StateError


class Shape(StrEnum):
    """Which service of Fly's the answer comes from."""

    FLAPS = "error"  # {"error": text, "status": code}
    APPS = "message"  # {"message": text}; IP assignments and certificates


class ApiError(Exception):
    """A refusal; `code` is the machine-readable `status` that some of Fly's errors carry."""

    def __init__(
        self, status: int, text: str, *, code: str | None = None, shape: Shape = Shape.FLAPS
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code
        self.shape = shape

    def response(self) -> JSONResponse:
        """Render the refusal."""
        body = {self.shape.value: self.text}
        if self.code and self.shape is Shape.FLAPS:
            body["status"] = self.code
        return JSONResponse(body, self.status)


def not_done(what: str) -> ApiError:
    """Say loudly that Fly can do this and the stand-in cannot."""
    text = (
        f"not_implemented: the sandbox does not do {what}; sandbox/COVERAGE.md lists what it does"
    )
    return ApiError(501, text, code="not_implemented")


def rejected(text: str) -> ApiError:
    """Refuse a request whose content Fly would not accept."""
    return ApiError(422, f"invalid_argument: {text}", code="invalid_argument")


def failed_precondition(text: str) -> ApiError:
    """Refuse what the present state does not allow."""
    return ApiError(412, f"failed_precondition: {text}", code="failed_precondition")


async def read_object(request: Request) -> dict[str, object]:
    """Read the request's body, a JSON object or nothing."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object")
    return body


async def on_api_error(_request: Request, error: Exception) -> Response:
    """Answer an `ApiError`."""
    assert isinstance(error, ApiError)  # noqa: S101 - how it is registered
    return error.response()


async def on_state_error(_request: Request, error: Exception) -> Response:
    """Answer a state that is full, as Fly answers a region without capacity."""
    return ApiError(422, str(error), code="insufficient_capacity").response()


async def on_server_error(_request: Request, error: Exception) -> Response:
    """Answer a cluster whose Postgres does not answer."""
    return ApiError(503, str(error)).response()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a method that a known path does not have here; the router raises 405."""
    assert isinstance(error, HTTPException)  # noqa: S101 - how it is registered
    if error.status_code in (404, 405):
        return not_done(f"{request.method} {request.url.path}").response()
    return ApiError(error.status_code, error.detail).response()


HANDLERS = {
    ApiError: on_api_error,
    StateError: on_state_error,
    ServerError: on_server_error,
    HTTPException: on_http_exception,
}
