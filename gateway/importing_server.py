"""How a proxy's command line and its machine's plain variables become settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.importing_database import import_database_url
from gateway.render import PATH_IN_MACHINE
from gateway.server import ALWAYS_PINNED, SCHEMA_UPDATE
from stacks.importing import Change, Kind
from stacks.literal_secrets import Names, is_secret
from stacks.load import SECRET_NAME
from stacks.settings import FlagName
from stacks.settings import Server as ServerSettings
from stacks.values import Amount, EnvironmentVariable, Host, HttpUrl, Port, Seconds, ServerKind

DATABASE_URL = "DATABASE_URL"
DRAIN = "GRACEFUL_SHUTDOWN_TIMEOUT"
POSTHOG_URL = "POSTHOG_API_URL"
LITELLM_PORT = 4000  # where the command line names none (proxy_cli.py)
METRICS_PATH = "/metrics/"
_KINDS = {"run_gunicorn": ServerKind.GUNICORN, "run_granian": ServerKind.GRANIAN}
_MOST_WORKERS = 64
_SERVER_FIELDS: Mapping[str, tuple[str, TypeAdapter[Any]]] = {
    "keepalive_timeout": ("keepalive_timeout_s", TypeAdapter(Seconds)),
    "timeout_worker_healthcheck": ("worker_healthcheck_timeout_s", TypeAdapter(Seconds)),
    "max_requests_before_restart": ("max_requests_before_restart", TypeAdapter(Amount)),
    "max_requests_before_restart_jitter": (
        "max_requests_before_restart_jitter",
        TypeAdapter(Amount),
    ),
}
_IGNORED = "{kind} ignores this flag, so it is not written"


@dataclass(slots=True)
class Machine:
    """What fly.toml says of the process; `metrics` are the port and path of each such table."""

    flags: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[tuple[int, str]] = ()


@dataclass(slots=True)
class Server:
    """What became of it: parts of the definition, parts of the environment's own file."""

    definition: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    metrics_port: int | None = None
    """The row of `[metrics]` that the settings write by themselves."""


def import_server(
    machine: Machine, litellm: Mapping[str, Any], names: Names, *, database: bool
) -> Server:
    """Return the settings; `litellm` are those that the YAML became, which are completed here.

    Callbacks that `metrics` and `posthog` stand for are taken out of it. `database` says whether
    the YAML has one.
    """
    made = Server(definition={**litellm})
    server = _flags(machine, made)
    _callbacks(machine, made, server)
    rest = dict(machine.environment)
    _database(rest, made, names, database=database)
    _redis(rest, made)
    server |= _variables(rest, made, names)
    defaults = ServerSettings().model_dump(mode="json")
    made.definition["server"] = {k: v for k, v in server.items() if v != defaults[k]}
    return made


def _flags(machine: Machine, made: Server) -> dict[str, Any]:
    flags = dict(machine.flags)
    kind = next((kind for flag, kind in _KINDS.items() if flag in flags), ServerKind.UVICORN)
    server: dict[str, Any] = {"kind": kind.value}
    for flag in _KINDS:
        flags.pop(flag, None)
    server["workers"] = _number(flags, "num_workers", 1, _MOST_WORKERS, made)
    server["port"] = _number(flags, "port", LITELLM_PORT, 65535, made)
    for flag, (key, adapter) in _SERVER_FIELDS.items():
        server[key] = None
        if flag in flags:
            value = flags.pop(flag)
            server[key] = int(value) if _fits(adapter, value) else None
            if server[key] is None:
                _lost(made, ("server", flag), "no whole number in the range of this flag: left out")
    _ignored(kind, server, made)
    path = flags.pop("config", PATH_IN_MACHINE)
    if path != PATH_IN_MACHINE:
        said = f"the file is shipped to {PATH_IN_MACHINE} and read there"
        made.changes.append(Change(("server", "config"), Kind.SAME, said))
    if flags.pop("host", "0.0.0.0") != "0.0.0.0":  # noqa: S104 - what is compared, not bound
        _lost(made, ("server", "host"), "Fly's proxy needs 0.0.0.0: that is written")
    further = {}
    for flag, value in flags.items():
        if _fits_text(FlagName, flag) and not is_secret(flag, value):
            further[flag] = value
            made.changes.append(Change(("server", flag), Kind.EXTRA, "kept in server.flags"))
        else:
            _lost(made, ("server", flag), "no flag that can be written: left out")
    if further:
        server["flags"] = further
    return server


def _ignored(kind: ServerKind, server: Mapping[str, Any], made: Server) -> None:
    """Tell of the flags that the settings keep and the rendered command line does not have."""
    ignored = {
        "keepalive_timeout": kind is not ServerKind.UVICORN,
        "timeout_worker_healthcheck": kind is not ServerKind.UVICORN or server["workers"] == 1,
    }
    for flag, without_effect in ignored.items():
        if without_effect and server[_SERVER_FIELDS[flag][0]] is not None:
            of = kind.value if kind is not ServerKind.UVICORN else "uvicorn with one worker"
            made.changes.append(Change(("server", flag), Kind.SAME, _IGNORED.format(kind=of)))


def _number(flags: dict[str, str], flag: str, default: int, most: int, made: Server) -> int:
    text = flags.pop(flag, str(default))
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    _lost(made, ("server", flag), f"no number from 1 to {most}: {default} is written")
    return default


def _callbacks(machine: Machine, made: Server, server: dict[str, Any]) -> None:
    """Let `metrics` and `posthog` say what they can; a name that is not the last stays listed."""
    section = dict(made.definition.get("litellm_settings", {}))
    flags = server.get("flags", {})
    port = flags.get("prometheus_metrics_port", "")
    row = (int(port) if port.isascii() and port.isdigit() else 0, METRICS_PATH)
    if "prometheus" in section.get("callbacks", ()) and row in machine.metrics:
        made.definition["metrics"] = {"port": row[0]}
        made.metrics_port = row[0]
        del flags["prometheus_metrics_port"]
        made.changes = [
            change
            for change in made.changes
            if change.path != ("server", "prometheus_metrics_port")
        ]
        if not flags:
            server.pop("flags")
        _without_last(section, "callbacks", "prometheus")
    url = machine.environment.get(POSTHOG_URL)
    listed = all(
        "posthog" in section.get(f"{kind}_callback", ()) for kind in ("success", "failure")
    )
    if listed and (url is None or _fits_text(HttpUrl, url)):
        made.definition["posthog"] = {} if url is None else {"api_url": url}
        for kind in ("success", "failure"):
            _without_last(section, f"{kind}_callback", "posthog")
    made.definition.pop("litellm_settings", None)
    made.definition |= {"litellm_settings": section} if section else {}


def _without_last(section: dict[str, Any], key: str, name: str) -> None:
    """Leave a callback out that is added at rendering, in the place where it would be added."""
    listed = list(section[key])
    if listed[-1] == name and listed.count(name) == 1:
        listed.pop()
    section[key] = listed
    if not listed:
        del section[key]


def _database(rest: dict[str, str], made: Server, names: Names, *, database: bool) -> None:
    """Say which Postgres there is, as far as an address in plain text tells."""
    url = rest.pop(DATABASE_URL, None)
    made.own["store"] = "database" if database or url is not None else "file"
    if made.own["store"] == "file":
        made.own["postgres"] = None
        return
    made.own["postgres"] = {"kind": "existing"}
    if url is not None:
        postgres, password, lost = import_database_url(url)
        made.own["postgres"] |= postgres
        for parameter in lost:
            _lost(made, ("database_url", parameter), "no setting of Postgres can say it: left out")
        name = names.name(password, "POSTGRES_ROLE_PASSWORD")
        made.own["postgres"]["role_password"] = name
        said = f"postgres says what it holds; its password becomes the secret {name}"
        made.changes.append(Change(("environment", DATABASE_URL), Kind.SECRET, said, name))


def _redis(rest: dict[str, str], made: Server) -> None:
    """Say where Redis is: in plain variables, or in secrets of which only the names are known."""
    router = made.definition.get("router_settings", {})
    host_name = router.get("redis_host", "REDIS_HOST")
    port_name = router.get("redis_port", "REDIS_PORT")
    host, port = rest.get(host_name), rest.get(port_name, "6379")
    if host is not None and _fits_text(Host, host) and _fits(TypeAdapter(Port), port):
        made.own["redis"] = {"kind": "existing", "host": host}
        made.own["redis"] |= {} if port == "6379" else {"port": int(port)}
        if router.get("redis_password", "REDIS_PASSWORD") != "REDIS_PASSWORD":
            made.own["redis"]["password"] = router["redis_password"]
        for name in {host_name, port_name}:
            rest.pop(name, None)
        return
    made.own["redis"] = None
    named = [router[key] for key in ("redis_host", "redis_port", "redis_password") if key in router]
    cache = made.definition.get("litellm_settings", {}).get("cache_params", {})
    if cache.get("type") == "redis" and "host" not in cache.get("extras", {}):
        named += [] if "REDIS_URL" in rest else ["REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"]
    for name in named:
        if name not in rest:
            made.secrets[name] = "where the workers' shared state is"


def _variables(rest: dict[str, str], made: Server, names: Names) -> dict[str, Any]:
    """Return the server's own variables, and tell of those that are pinned or secret."""
    server: dict[str, Any] = {}
    pinned = {each.name: each.value for each in ALWAYS_PINNED}
    if made.own["store"] == "database":
        pinned[SCHEMA_UPDATE] = "True"
    if "posthog" in made.definition:
        rest.pop(POSTHOG_URL, None)
    drain = rest.pop(DRAIN, None)
    if drain is not None and _fits(TypeAdapter(Seconds), drain):
        server["graceful_shutdown_timeout_s"] = int(drain)
    elif drain is not None:
        _lost(made, ("environment", DRAIN), "no whole number of seconds: 30 is written")
    kept = {}
    for name, value in rest.items():
        path = ("environment", name)
        if name in pinned:
            if value.lower() != pinned[name].lower():
                _lost(made, path, f"the settings pin it to {pinned[name]}")
        elif is_secret(name, value):
            if not SECRET_NAME.fullmatch(name):
                _lost(made, path, "a secret under a name that no secret here can have: left out")
                continue
            names.keep(value, name)
            made.changes.append(
                Change(path, Kind.SECRET, f"its value becomes the secret {name}", name)
            )
            made.secrets[name] = "a variable that was in plain text in fly.toml"
        elif _fits_text(EnvironmentVariable, name):
            kept[name] = value
        else:
            _lost(made, path, "no name that a variable can have: left out")
    if kept:
        server["environment"] = kept
    return server


def _fits(adapter: TypeAdapter[Any], text: str) -> bool:
    try:
        return text.isascii() and text.isdigit() and bool(adapter.validate_python(int(text)))
    except ValidationError:
        return False


def _fits_text(kind: Any, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


def _lost(made: Server, path: tuple[str, ...], text: str) -> None:
    made.changes.append(Change(path, Kind.LOST, text))
