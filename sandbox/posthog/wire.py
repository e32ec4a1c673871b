"""PostHog's two endpoints on the wire: the batch that LiteLLM sends, the one query, its answer.

Sources: posthog.com/docs/api/capture and docs/api/queries; of PostHog/posthog `schema.py`
(HogQLQueryResponse), `hogql/database/schema/ai_events.py` and `exceptions_hog`, whose errors are
`{type, code, detail, attr}`. Of HogQL one form is known, and any other is refused.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

AI_EVENTS = ("$ai_generation", "$ai_embedding")
COLUMNS = (
    ("marker", "String"),
    ("is_error", "Bool"),
    ("answered_by", "Nullable(String)"),
    ("asked_for", "Nullable(String)"),
    ("error", "Nullable(String)"),
    ("trace_id", "String"),
    ("timestamp", "DateTime64(6, 'UTC')"),
)
_CUT = r"substring\(toString\(input\), position\(toString\(input\), 'proof-'\), 18\)"
_FORM = re.compile(
    " ".join(
        (
            rf"SELECT {_CUT} AS marker, is_error,",
            r"properties\.deployment_model_name AS answered_by,",
            r"properties\.original_model_group AS asked_for, error, trace_id, timestamp",
            r"FROM posthog\.ai_events AS ai_events",
            r"WHERE event IN \('\$ai_generation', '\$ai_embedding'\)",
            r"AND timestamp >= toDateTime\('(?P<since>[0-9 :-]{19})', 'UTC'\)",
            rf"AND {_CUT} IN \((?P<markers>'proof-[0-9a-f]{{12}}'(?:, 'proof-[0-9a-f]{{12}}')*)\)",
            r"ORDER BY timestamp LIMIT (?P<limit>[1-9][0-9]{0,4})",
        )
    )
)
_PREFIX, _LETTERS = "proof-", 18
REFRESH = "force_blocking"  # anything else may be answered from PostHog's cache


class WireError(Exception):
    """Something that the stand-in does not answer; the text says what it would."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One event as it was sent, with the moment of its arrival in seconds since 1970."""

    name: str
    at: float
    properties: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        """Whether it tells of a failure."""
        return self.properties.get("$ai_is_error") is True

    @property
    def marker(self) -> str:
        """What the query cuts out of the prompt; letters of anything where there is no marker."""
        text = _json(self.properties.get("$ai_input"))
        found = text.find(_PREFIX)
        return text[found : found + _LETTERS] if found >= 0 else ""

    def row(self) -> list[Any]:
        """Return the row of an answer."""
        said, at = self.properties, datetime.fromtimestamp(self.at, UTC)
        return [
            self.marker,
            self.failed,
            said.get("deployment_model_name"),
            said.get("original_model_group"),
            said.get("$ai_error"),
            str(said.get("$ai_trace_id", "")),
            at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the one query asks for."""

    since: float
    markers: frozenset[str]
    limit: int


def read_batch(raw: bytes, at: float) -> list[Captured]:
    """Read `{"api_key": ..., "batch": [...]}`; `WireError` for what PostHog would not take."""
    body = _object(raw)
    if not str(body.get("api_key") or "").strip():
        raise WireError("api_key: expected the project's key")
    events = body.get("batch")
    if not isinstance(events, list):
        raise WireError("batch: expected a list of events")
    # PostHog drops events without a name or a distinct id, and says nothing.
    whole = [e for e in events if isinstance(e, dict) and e.get("event") and e.get("distinct_id")]
    return [Captured(str(e["event"]), at, dict(e.get("properties") or {})) for e in whole]


def read_query(raw: bytes) -> Asked:
    """Read the body of a query; `WireError` for any but the one form."""
    body = _object(raw)
    query = body.get("query")
    if not isinstance(query, dict) or query.get("kind") != "HogQLQuery":
        raise WireError('query: the sandbox answers {"kind": "HogQLQuery", "query": ...} only')
    if body.get("refresh") != REFRESH:
        raise WireError(f"refresh: the sandbox has no cache and answers {REFRESH} only")
    form = _FORM.fullmatch(str(query.get("query")))
    if form is None:
        raise WireError(f"query: the sandbox knows one form of HogQL: {_FORM.pattern}")
    since = datetime.strptime(form["since"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    markers = frozenset(word.strip(" '") for word in form["markers"].split(","))
    return Asked(since.timestamp(), markers, int(form["limit"]))


def answer(rows: Sequence[Captured], asked: Asked) -> dict[str, Any]:
    """Return what a query answers; `rows` are all that match, oldest first."""
    return {
        "results": [row.row() for row in rows[: asked.limit]],
        "columns": [name for name, _ in COLUMNS],
        "types": [list(column) for column in COLUMNS],
        "hasMore": len(rows) > asked.limit,
        "limit": asked.limit,
        "offset": 0,
        "is_cached": False,
        "error": None,
    }


def error(kind: str, code: str, detail: str) -> dict[str, Any]:
    """Return the body of an error."""
    return {"type": kind, "code": code, "detail": detail, "attr": None}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        raise WireError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise WireError("the body is no JSON object")
    return body


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
