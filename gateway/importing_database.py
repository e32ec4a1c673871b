"""What a DATABASE_URL says, as settings of Postgres; its password stays where it was."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import ValidationError

from stacks.stores import LibpqParameters, Postgres, PrismaParameters
from stacks.values import Frozen

_DEFAULT_PORT = 5432
_GROUPS: Mapping[str, type[Frozen]] = {"prisma": PrismaParameters, "libpq": LibpqParameters}


def import_database_url(url: str) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Return fields of `Postgres`, the password, and the parameters that no field can hold.

    What the URL does not say is null, so that it is not written either.
    """
    try:
        split = urlsplit(url.strip())
        address: dict[str, Any] = {
            "host": split.hostname,
            "port": split.port or _DEFAULT_PORT,
            "database": unquote(split.path.removeprefix("/")),
            "role": unquote(split.username or ""),
        }
        parameters = parse_qsl(split.query, keep_blank_values=True)
    except ValueError:
        return {}, url, ()
    fields = {key: value for key, value in address.items() if _fits({key: value})}
    written = PrismaParameters().model_dump(exclude_none=True)
    fields |= {"prisma": dict.fromkeys(written), "libpq": {}}
    lost = [key for key, value in address.items() if key not in fields and value]
    for name, text in parameters:
        group = next((g for g, part in _GROUPS.items() if name in part.model_fields), "")
        value = _value(text)
        if group and _fits({group: {name: value}}):
            fields[group][name] = value
        elif name == "sslmode" and _fits({name: text}):
            fields[name] = text
        else:
            lost.append(name)
    fields = {key: value for key, value in fields.items() if value != {}}
    return fields, unquote(split.password or ""), tuple(lost)


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdigit() else text


def _fits(fields: Mapping[str, Any]) -> bool:
    try:
        Postgres.model_validate(fields)
    except ValidationError:
        return False
    return True
