"""What the stand-in does and does not do, written from the route table."""

from collections.abc import Sequence

from sandbox.api.app import CONTROL, FLY, FLYCTL
from sandbox.api.context import Endpoint
from sandbox.flyctl.fields import APP, ROOT
from sandbox.posthog import app
from sandbox.posthog import control as posthog_control
from sandbox.registry import app as registry
from sandbox.registry import control as registry_control

NOT_DONE = (
    ("POST /v1/apps/{app}/machines/{machine}/signal", "stop takes a signal"),
    ("POST /v1/apps/{app}/machines/{machine}/suspend", "processes here are not suspended"),
    ("GET /v1/apps/{app}/machines/{machine}/versions", "an old configuration is not kept"),
    ("PUT /v1/apps/{app}/machines/{machine}/metadata", "PATCH, POST and DELETE are there"),
    ("/v1/apps/{app}/volumes/{volume}/snapshots", "there are no snapshots"),
    (
        "/v1/apps/{app}/certificates/custom, check",
        "nobody issues any; the edge speaks no TLS",
    ),
    ("/v1/apps/{app}/secretkeys, deploy_token; /v1/tokens", "one token prefix opens everything"),
    (
        "/v1/postgres/{cluster}/attachments, backups, extensions, fork, restore, queries",
        "clusters, databases and users are there",
    ),
    ("/v1/platform, /v1/orgs", ""),
)
DIFFERENT = (
    "No network policy: every app and organisation reaches every other on loopback addresses.",
    "Secrets stay pinned to the version of a machine's last create or update, across restarts.",
    "Digests of secrets are salted per sandbox and differ between apps.",
    "Metadata may be written while another client holds the lease.",
    "A nonce sent when no lease is in force is not looked at.",
    "Rate limits are off until POST /_sandbox/rate-limits; a 429 carries no Retry-After.",
    "A region is a label; size_gb, encryption, guest sizes and GPUs are checked but not enforced.",
    "`wait` for a state that cannot come any more takes its whole time-out.",
    "Releases, GraphQL and uiex are not documented by Fly: what is here is what flyctl needs.",
    "The current release is the newest, however it ended.",
    "A cluster of Managed Postgres is one Postgres process: no replica, and no PgBouncer. The host"
    " names of its pooler and of itself are two addresses of that process; pool_mode is kept only.",
    "It speaks no TLS (sslmode=prefer), and version 17 is run by the programs of Postgres 18.",
    "Two clusters may have one name; whether Fly refuses the second is not known.",
    "What Fly answers about the databases and users of a cluster that is not ready is not known.",
    "Destroyed machines answer GET until 20 younger ones of their app are destroyed too.",
)

# What a client has to survive -> how it is ordered.
FAULTS = (
    (
        "a create that answers 503 although it took effect",
        "`late_status` 503 on `POST` `/machines$`",
    ),
    ("a create whose reply is lost", "`lost_reply` on `POST` `/machines$`"),
    ("addresses that are refused", "`status` 500 or 422 on `POST` `/ip_assignments$`"),
    ("a release that cannot be recorded", "`status` 500 on `PATCH` `^/api/v1/releases/`"),
    ("metadata that cannot be written", "`status` 500, `times` null, on `POST` `/metadata/`"),
    ("an uncordon that fails n times", "`status` 500, `times` n, on `POST` `/uncordon$`"),
    ("a rate limit while health is awaited", "`status` 429 on `GET` `/machines/[0-9a-f]+$`"),
    ("a client that dies at its nth call", "`POST /_sandbox/kill`"),
    ("a lease that a dead client left", "`POST /_sandbox/apps/{app}/lease`"),
    ("a host that cannot be reached", "`POST /_sandbox/machines/{machine}/host`"),
    ("a machine that never gets healthy", "`POST /_sandbox/machines/{machine}/checks`"),
)


def coverage_markdown() -> str:
    """Write the page that stands in sandbox/COVERAGE.md."""
    parts = [
        "# What the stand-in for Fly.io does",
        "Generated from the route table by `python -m sandbox coverage`; a test compares.",
        "## Fly's Machines API\n\n" + _table(FLY),
        "## What flyctl needs beside it\n\n" + _table(FLYCTL) + "\n\n" + _graphql(),
        "## Answered with 501\n\nEverything else, and by name:\n\n"
        "| path | why |\n| --- | --- |\n"
        + "\n".join(f"| `{path}` | {why} |" for path, why in NOT_DONE),
        "## Where it differs, or where Fly's own behaviour is not known\n\n"
        + "\n".join(f"- {text}" for text in DIFFERENT),
        "## Control endpoints (JSON, no token)\n\n" + _table(CONTROL),
        "## Faults, by what a client has to survive\n\n"
        "A fault's `kind`: `status` answers in the API's place, `late_status` once the call took"
        " effect, `lost_reply` takes effect and answers nothing, `timeout` does neither, `latency`"
        " only delays. It strikes calls of all three APIs (`/v1`, `/api/v1`, `/graphql`).\n\n"
        "| what | the order |\n| --- | --- |\n"
        + "\n".join(f"| {what} | {order} |" for what, order in FAULTS),
        "## PostHog, at the providers' address\n\n" + _rows(app.DONE),
        "Not done: every other path, HogQL and kind of query; compressed batches; the cache of"
        " queries; projects of their own; which key it is. An event is stamped with its arrival.",
        "## PostHog's control endpoints (JSON, no token)\n\n" + _rows(posthog_control.DONE),
        "## A registry, at the address of Fly's API\n\n" + _rows(registry.DONE),
        "It answers for every registry, whatever an image's name says. Not done: uploads, ranges,"
        " catalogues, logins; images have no files, and their digests follow from their tags.",
        "## The registry's control endpoints (JSON, no token)\n\n" + _rows(registry_control.DONE),
    ]
    return "\n\n".join(parts) + "\n"


def _graphql() -> str:
    root, app_fields = (", ".join(f"`{name}`" for name in names) for names in (ROOT, APP))
    return f"GraphQL's fields: {root}. Those of `app`: {app_fields}. Any other is an error."


def _table(endpoints: Sequence[Endpoint]) -> str:
    return _rows([(e.method, e.path, _summary(e)) for e in endpoints])


def _rows(done: Sequence[tuple[str, str, str]]) -> str:
    rows = [f"| {method} | `{path}` | {what} |" for method, path, what in done]
    return "\n".join(("| method | path | what it does |", "| --- | --- | --- |", *rows))


def _summary(endpoint: Endpoint) -> str:
    return (endpoint.handler.__doc__ or "").strip().splitlines()[0]
