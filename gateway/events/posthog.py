"""PostHog's query API, as far as the proof needs it: the events of some requests, by their marker.

Sources: posthog.com/docs/api/queries (path, body, `refresh`, limits), docs/api (the private host
is not the one that events go to), docs/ai-observability/data-retention (prompts are in the table
`posthog.ai_events` and never in `events`), and of PostHog/posthog `hogql/database/schema/
ai_events.py` (columns), `posthog/schema.py` (HogQLQueryResponse), `exceptions_hog` (errors). What
LiteLLM 1.106.2 puts into an event was recorded; tests/unit/sandbox/cases/posthog_batch.json.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from gateway.events.source import Event, EventsError, is_loopback
from gateway.proof.answers import known_error

QUERY_NAME = "litellm-fly-gateway: both halves of the proof's rescues"  # in PostHog's query log
MARKER = re.compile(r"proof-[0-9a-f]{12}")
MARKER_LETTERS = 18
ROWS_PER_NONCE = 20  # a request has two events; retries have none
MOST_ROWS = 50_000  # what one query may return
COLUMNS = ("marker", "is_error", "answered_by", "asked_for", "error", "trace_id", "timestamp")

# The marker is cut out of the prompt, so that nothing else of a prompt ever leaves PostHog.
_CUT = f"substring(toString(input), position(toString(input), 'proof-'), {MARKER_LETTERS})"
_SELECT = (
    f"SELECT {_CUT} AS marker, is_error, properties.deployment_model_name AS answered_by,",
    "properties.original_model_group AS asked_for, error, trace_id, timestamp",
    "FROM posthog.ai_events AS ai_events",
    "WHERE event IN ('$ai_generation', '$ai_embedding')",
)
_WHY = {
    400: "PostHog does not take the query (HTTP 400): does this instance have posthog.ai_events?",
    401: "PostHog does not know the key of posthog.query (HTTP 401): a personal API key is needed, "
    "of this host's region",
    403: "the key of posthog.query may not read this project (HTTP 403): it needs the scope "
    "query:read",
    404: "PostHog has no such project (HTTP 404): see posthog.query.project_id and host",
}


class PostHog:
    """Asks one project at one host; the key goes into a header only."""

    name = "posthog"

    def __init__(self, client: httpx.Client, host: str, project_id: int, key: str) -> None:
        self._client = client
        self._url = f"{host.rstrip('/')}/api/projects/{project_id}/query/"
        self._headers = {"Authorization": f"Bearer {key.strip()}"}

    def events(self, nonces: Sequence[str], since: datetime, *, timeout_s: float) -> list[Event]:
        """Return the events of these requests that PostHog has by now.

        Answers are cached by PostHog, so each query is made to run. Raises `EventsError`.
        """
        body = {
            "query": {"kind": "HogQLQuery", "query": hogql(nonces, since)},
            "refresh": "force_blocking",
            "name": QUERY_NAME,
        }
        try:
            reply = self._client.post(
                self._url, json=body, headers=self._headers, timeout=timeout_s
            )
        except httpx.HTTPError as error:
            raise EventsError(f"PostHog cannot be reached ({type(error).__name__})") from None
        except (httpx.InvalidURL, UnicodeError):
            why = "posthog.query.host is no address, or its key has other letters than ASCII's"
            raise EventsError(why, final=True) from None
        if reply.status_code != httpx.codes.OK:
            raise _refused(reply)
        return _read(reply)


def posthog_client(host: str) -> httpx.Client:
    """Return a client for one host; the caller closes it. No proxy is asked for a loopback one."""
    # A plain http address needs no certificates, and loading them costs 40 ms.
    return httpx.Client(trust_env=not is_loopback(host), verify=host.startswith("https:"))


def hogql(nonces: Sequence[str], since: datetime) -> str:
    """Return the one query that is asked; what is no marker is left out, whoever wrote it."""
    markers = [nonce for nonce in dict.fromkeys(nonces) if MARKER.fullmatch(nonce)]
    wanted = ", ".join(f"'{marker}'" for marker in markers)
    limit = min(len(markers) * ROWS_PER_NONCE, MOST_ROWS)
    return " ".join(
        (
            *_SELECT,
            f"AND timestamp >= toDateTime('{since:%Y-%m-%d %H:%M:%S}', 'UTC')",
            f"AND {_CUT} IN ({wanted})",
            f"ORDER BY timestamp LIMIT {limit}",
        )
    )


def _refused(reply: httpx.Response) -> EventsError:
    status = reply.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        after = reply.headers.get("retry-after", "")
        wait_s = float(after) if after.isdecimal() else 0.0
        asks = f" and asks for {wait_s:g} s" if wait_s else ""
        return EventsError(
            f"PostHog's limit of queries is used up (HTTP 429){asks}", retry_after_s=wait_s
        )
    if reply.is_server_error:
        return EventsError(f"PostHog answers with HTTP {status}")
    other = f"PostHog answers with HTTP {status}: is this posthog.query.host's private API?"
    return EventsError(_WHY.get(status, other), final=True)


def _read(reply: httpx.Response) -> list[Event]:
    try:
        document = reply.json()
        columns = [str(name) for name in document["columns"]]
        rows = [dict(zip(columns, row, strict=True)) for row in document["results"]]
        return [_event(row) for row in rows]
    except (ValueError, LookupError, TypeError):
        why = "the answer is not that of PostHog's query API: see posthog.query.host"
        raise EventsError(why, final=True) from None


def _event(row: Mapping[str, Any]) -> Event:
    failed = row["is_error"] in (True, 1, "true", "1")
    return Event(
        nonce=str(row["marker"]),
        failed=failed,
        group=str(row["answered_by"] or ""),
        asked=str(row["asked_for"] or ""),
        at=str(row["timestamp"]),
        trace_id=str(row["trace_id"] or ""),
        error=(known_error({"message": row["error"]}) or "") if failed else "",
    )
