"""Fly's GraphQL API as far as flyctl's commands ask it: the endpoint and how an answer is built."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.api.context import Context, Endpoint
from sandbox.api.errors import ApiError, read_object
from sandbox.flyctl.fields import NotFoundError, root_fields
from sandbox.flyctl.query import QueryError, Selection, read_query


async def graphql(context: Context, request: Request) -> Response:
    """Answer a query of flyctl's; a field that is not known here is an error in `errors`."""
    body = await read_object(request)
    variables = body.get("variables") or {}
    text, operation = body.get("query"), body.get("operationName")
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise ApiError(400, "the body is no GraphQL request: query is text, variables an object")
    try:
        fields = read_query(text, variables, str(operation) if operation else None)
        data = _select("the root", root_fields(context), fields)
    except QueryError as error:
        # With the status 200, as GraphQL has it: flyctl prints the text of no other.
        return _errors("NOT_IMPLEMENTED", f"not_implemented: {error}")
    except NotFoundError as error:
        return _errors("NOT_FOUND", str(error))
    return JSONResponse({"data": data})


def _errors(code: str, text: str) -> Response:
    return JSONResponse({"data": None, "errors": [{"message": text, "extensions": {"code": code}}]})


def _select(place: str, value: Any, fields: Sequence[Selection]) -> Any:
    """Take from `value` what was asked for; without fields a value goes out whole."""
    if isinstance(value, list):
        return [_select(place, item, fields) for item in value]
    if value is None or not fields:
        return value
    if not isinstance(value, Mapping):
        raise QueryError(f"{place} has no fields")
    row = {}
    for asked in fields:
        if asked.name not in value:
            raise QueryError(
                f"the sandbox does not know the field {asked.name} of {place};"
                " sandbox/COVERAGE.md lists what it knows"
            )
        found = value[asked.name]
        if callable(found):
            found = found(asked.arguments)
        row[asked.key] = _select(asked.name, found, asked.fields)
    return row


ENDPOINTS = (Endpoint("POST", "/graphql", graphql),)
