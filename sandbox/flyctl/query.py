"""How a GraphQL query reads: the part of the language that flyctl writes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

TOKEN = re.compile(
    r"""[\s,\ufeff]+|\#[^\n]*  # ignored
    |(?P<token>\.\.\.|[!$():=@\[\]{}|]|[_A-Za-z]\w*|-?\d+(?:\.\d+)?|"(?:[^"\\\n]|\\.)*")""",
    re.VERBOSE | re.ASCII,
)
CONSTANTS = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """A query that cannot be read, or that has no part of the name that is asked for."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A field that is asked for; `key` is its alias, or its name; `fields` are those below it."""

    name: str
    key: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple["Selection", ...] = ()


@dataclass(frozen=True, slots=True)
class _Spread:
    """A fragment's name in the place of its fields."""

    fragment: str


def read_query(
    text: str, variables: Mapping[str, Any], operation: str | None = None
) -> tuple[Selection, ...]:
    """Read the operation's fields, fragments and variables put in their places.

    `operation` chooses among several by name; a query without a name is common. Raises
    `QueryError`.
    """
    reader = _Reader.of(text, variables)
    while reader.more:
        reader.definition()
    named = [fields for name, fields in reader.operations if operation in (None, "", name)]
    if len(named) != 1:
        raise QueryError(f"the query has {len(named)} operations by the name {operation!r}, not 1")
    return tuple(_spread(named[0], reader.fragments))


def _spread(
    fields: "tuple[Selection | _Spread, ...]",
    fragments: Mapping[str, tuple[Any, ...]],
    within: frozenset[str] = frozenset(),
) -> Iterator[Selection]:
    for part in fields:
        if isinstance(part, _Spread):
            name = part.fragment
            if name not in fragments:
                raise QueryError(f"there is no fragment {name}")
            if name in within:
                raise QueryError(f"the fragment {name} contains itself")
            yield from _spread(fragments[name], fragments, within | {name})
        else:
            below = tuple(_spread(part.fields, fragments, within))
            yield Selection(part.name, part.key, part.arguments, below)


class _Reader:
    """Goes through the tokens once; fragments may stand behind their use."""

    def __init__(self, tokens: list[str], variables: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._at = 0
        self._variables = variables
        self.operations: list[tuple[str | None, tuple[Any, ...]]] = []
        self.fragments: dict[str, tuple[Any, ...]] = {}

    @classmethod
    def of(cls, text: str, variables: Mapping[str, Any]) -> Self:
        """Split the text into tokens."""
        tokens, at = [], 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise QueryError(f"the query cannot be read at {text[at : at + 20]!r}")
            if match["token"]:
                tokens.append(match["token"])
            at = match.end()
        return cls(tokens, variables)

    @property
    def more(self) -> bool:
        """True until the last token was taken."""
        return self._at < len(self._tokens)

    def definition(self) -> None:
        """Read an operation or a fragment."""
        if self._sees("{"):
            self.operations.append((None, self._fields()))
            return
        kind = self._take()
        if kind == "fragment":
            name = self._take()
            self._take("on")
            self._take()
            self.fragments[name] = self._fields()
        elif kind in ("query", "mutation"):
            name_or_none = None if self._sees("(", "{") else self._take()
            if self._sees("("):
                self._skip_declarations()
            self.operations.append((name_or_none, self._fields()))
        else:
            raise QueryError(f"{kind!r} is neither a query nor a mutation nor a fragment")

    def _fields(self) -> tuple[Any, ...]:
        self._take("{")
        fields: list[Any] = []
        while not self._sees("}"):
            fields.extend(self._field())
        self._take("}")
        return tuple(fields)

    def _field(self) -> Iterator[Any]:
        first = self._take()
        if first == "...":
            if self._sees("on"):
                self._take("on")
                self._take()
                yield from self._fields()
            else:
                yield _Spread(self._take())
            return
        key = name = first
        if self._sees(":"):
            self._take(":")
            name = self._take()
        arguments = self._arguments() if self._sees("(") else {}
        yield Selection(name, key, arguments, self._fields() if self._sees("{") else ())

    def _arguments(self) -> dict[str, Any]:
        self._take("(")
        arguments = {}
        while not self._sees(")"):
            name = self._take()
            self._take(":")
            arguments[name] = self._value()
        self._take(")")
        return arguments

    def _value(self) -> Any:
        word = self._take()
        if word == "$":
            return self._variables.get(self._take())
        if word == "{":
            row = {}
            while not self._sees("}"):
                name = self._take()
                self._take(":")
                row[name] = self._value()
            self._take("}")
            return row
        if word == "[":
            values = []
            while not self._sees("]"):
                values.append(self._value())
            self._take("]")
            return values
        if word.startswith('"'):
            return re.sub(r"\\(.)", r"\1", word[1:-1])
        if re.fullmatch(r"-?\d+", word):
            return int(word)
        return CONSTANTS.get(word, word)  # what is left is an enumeration's word

    def _skip_declarations(self) -> None:
        while self._take() != ")":
            pass

    def _sees(self, *tokens: str) -> bool:
        return self.more and self._tokens[self._at] in tokens

    def _take(self, expected: str | None = None) -> str:
        if not self.more:
            raise QueryError("the query ends too early")
        token = self._tokens[self._at]
        if expected not in (None, token):
            raise QueryError(f"the query has {token!r} where {expected!r} belongs")
        self._at += 1
        return token
