"""What of a DATABASE_URL LiteLLM's Prisma engine discards, refuses, or overrides."""

from collections.abc import Iterator
from typing import Any

from gateway.rules.connection import EXTRA, GENERAL, SCHEME, all_parameters, literal_urls, urls
from gateway.rules.numbers import count, number
from gateway.rules.quoting import did_you_mean, listed, shown
from gateway.spelling import nearest
from gateway.subject import Subject, mapping, reference
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Edit, Example, Finding, Remove, Rule

READ = frozenset(
    {
        *("pgbouncer", "sslmode", "sslcert", "sslidentity", "sslpassword", "sslaccept"),
        *("statement_cache_size", "schema", "connection_limit", "host", "socket_timeout"),
        *("connect_timeout", "pool_timeout", "max_connection_lifetime", "application_name"),
        *("max_idle_connection_lifetime", "channel_binding", "options"),
    }
)
TRANSLATED = frozenset({"sslrootcert"})  # into Prisma's words, by LiteLLM's command line
WHOLE = frozenset(
    {
        *("statement_cache_size", "connection_limit", "socket_timeout", "connect_timeout"),
        *("pool_timeout", "max_connection_lifetime", "max_idle_connection_lifetime"),
    }
)
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
OF_THE_URL = {
    "database_connection_pool_limit": "connection_limit",
    "database_connection_timeout": "pool_timeout",
    "database_connection_pool_timeout": "pool_timeout",
    "database_connect_timeout": "connect_timeout",
    "database_socket_timeout": "socket_timeout",
    "database_max_idle_connection_lifetime": "max_idle_connection_lifetime",
}
LONGEST_LIFETIME_S = 600  # Fly's proxy cuts older connections when it restarts
SHORTEST_QUERY_LIMIT_S = 30  # spend reports take longer than 10 s
URL_RS = "prisma/prisma-engines quaint/src/connector/postgres/url.rs"
PROXY_CLI = "litellm/proxy/proxy_cli.py"
FACTS = "facts on LiteLLM, section 6"
SCHEMES = ("postgresql", "postgres")


def _for_others(subject: Subject) -> frozenset[str]:
    """Return what typed settings put into the URL for psql, knowing that Prisma drops it."""
    postgres = mapping(mapping(subject.configuration.settings).get("postgres"))
    return frozenset(map(str, mapping(postgres.get("libpq"))))


def _discarded(subject: Subject) -> Iterator[Finding]:
    meant = _for_others(subject)
    for source in all_parameters(subject):
        lost = [
            name
            for name in map(str, source.parameters)
            if name not in READ and name not in TRANSLATED and name not in meant
        ]
        for names in [lost] if source.whole and lost else [[name] for name in lost]:
            near = nearest(names[0], READ) if len(names) == 1 else None
            edits: tuple[Edit, ...] = (
                () if source.whole or near else (Remove(source.place(names[0])),)
            )
            yield Finding(
                source.place(names[0]),
                listed(names) if source.whole else _quoted(names[0], source.parameters[names[0]]),
                "Prisma's engine does not know it and drops it without a word: it protects nothing",
                did_you_mean(
                    near,
                    "remove it. What keeps connections alive here is max_connection_lifetime=540 "
                    "and max_idle_connection_lifetime=50",
                ),
                edits,
            )


def _quoted(name: str, value: Any) -> str:
    """Return the value of a parameter that libpq knows; another one may be a secret."""
    return shown(value) if name.startswith(("keepalives", "tcp_", "target_", "ssl")) else ""


def _no_whole_number(subject: Subject) -> Iterator[Finding]:
    for source in all_parameters(subject):
        for name, value in source.parameters.items():
            if name in WHOLE and _is_broken(value):
                yield _whole(source.place(str(name)), f"{name}={value}", value, whole=source.whole)
            elif name == "pgbouncer" and str(value) not in ("true", "false", "True", "False"):
                yield Finding(
                    source.place("pgbouncer"),
                    shown(value),
                    "Prisma refuses the whole URL: pgbouncer is true or false",
                    "write pgbouncer=true",
                )
    for key, parameter in OF_THE_URL.items():
        value = subject.general_settings.get(key)
        if value is not None and reference(value) is None and _is_broken(value):
            yield _whole((*GENERAL, key), f"{parameter}={value}", value, whole=False)


def _whole(path: Path, written: str, value: Any, *, whole: bool) -> Finding:
    near = number(value)
    return Finding(
        path,
        written[:60] if whole else shown(value),
        "Prisma's engine reads whole numbers of seconds or connections, and refuses the whole "
        "connection otherwise",
        f"write {int(near)}" if near is not None and near >= 0 else "write a whole number",
    )


def _is_broken(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return True
    if isinstance(value, int):
        return value < 0
    return not value.isascii() or not value.isdigit()


def _long_lifetime(subject: Subject) -> Iterator[Finding]:
    extra = mapping(subject.general_settings.get(EXTRA))
    for source in urls(subject):
        name = "max_connection_lifetime"
        value = extra.get(name, source.parameters.get(name))
        lifetime = count(value) if value is not None else 0
        if lifetime is not None and not 1 <= lifetime <= LONGEST_LIFETIME_S:
            yield Finding(
                source.place(name),
                "" if value is None or source.whole else shown(value),
                f"Fly's proxy cuts connections older than {LONGEST_LIFETIME_S} s when it restarts, "
                "and a pool that is busy has no other protection",
                "set 540: max_connection_lifetime=540",
            )


def _short_queries(subject: Subject) -> Iterator[Finding]:
    written: list[tuple[Path, Any]] = [
        (source.place("socket_timeout"), source.parameters.get("socket_timeout"))
        for source in all_parameters(subject)
    ]
    key = "database_socket_timeout"
    written.append(((*GENERAL, key), subject.general_settings.get(key)))
    for path, value in written:
        limit = count(value)
        if limit is not None and 0 <= limit < SHORTEST_QUERY_LIMIT_S:
            yield Finding(
                path,
                str(limit),
                "it caps every query, not idleness: spend reports and cleanups take longer",
                f"leave it out, or set {SHORTEST_QUERY_LIMIT_S} or more",
            )


def _overridden(subject: Subject) -> Iterator[Finding]:
    for source in urls(subject):
        for name, key in (
            ("connection_limit", "database_connection_pool_limit"),
            ("pool_timeout", "database_connection_timeout"),
        ):
            if name not in source.parameters:
                continue
            written = source.parameters[name]
            set_already = subject.general_settings.get(key) is not None
            yield Finding(
                source.place(name),
                f"{name}={written}" if source.whole else shown(written),
                "LiteLLM's command line writes its own value over it",
                f"remove it; `general_settings.{key}` is set"
                if set_already
                else f"set `general_settings.{key}` instead",
                (Remove(source.place(name)),) if set_already and not source.whole else (),
            )


def _other_scheme(subject: Subject) -> Iterator[Finding]:
    for path, text in literal_urls(subject):
        found = SCHEME.match(text)
        if found is not None and found[1].lower() not in SCHEMES:
            yield Finding(
                path,
                f"{found[1][:20]}://...",
                "LiteLLM refuses to start: its schema is for Postgres only",
                "write postgresql://...",
            )


def _other_ssl_mode(subject: Subject) -> Iterator[Finding]:
    for source in urls(subject):
        mode = source.parameters.get("sslmode")
        if isinstance(mode, str) and mode not in SSL_MODES:
            near = nearest(mode, SSL_MODES)
            yield Finding(
                source.place("sslmode"),
                shown(mode),
                "Prisma does not know this mode and takes `prefer`: the connection may be plain",
                did_you_mean(near, f"write one of {', '.join(SSL_MODES)}"),
            )


def _url(query: str) -> Example:
    return Example(litellm="{}", database_url=f"postgresql://u:p@db:5432/litellm?{query}")


LIFETIME = "max_connection_lifetime=540"
RULES = (
    Rule(
        id="L020",
        title="Prisma discards a parameter of DATABASE_URL",
        severity=Severity.ERROR,
        about="DATABASE_URL",
        evidence=(URL_RS, FACTS),
        remedy="Remove it, and set `max_connection_lifetime` instead of `keepalives*`.",
        failing=_url(f"{LIFETIME}&keepalives=1"),
        passing=_url(LIFETIME),
        find=_discarded,
    ),
    Rule(
        id="L021",
        title="A duration or a limit of DATABASE_URL is no whole number",
        severity=Severity.ERROR,
        about="DATABASE_URL",
        evidence=(URL_RS, FACTS),
        remedy="Write whole seconds.",
        failing=_url(f"{LIFETIME}&connect_timeout=5.0"),
        passing=_url(f"{LIFETIME}&connect_timeout=5"),
        find=_no_whole_number,
    ),
    Rule(
        id="L022",
        title="A database connection lives longer than Fly's proxy lets it",
        severity=Severity.WARNING,
        about="DATABASE_URL max_connection_lifetime",
        evidence=("Fly's guide for Managed Postgres clients: a lifetime of 600 s at most", FACTS),
        remedy="Set `max_connection_lifetime=540`.",
        failing=_url("connect_timeout=5"),
        passing=_url(LIFETIME),
        find=_long_lifetime,
    ),
    Rule(
        id="L024",
        title="LiteLLM writes over a parameter of DATABASE_URL",
        severity=Severity.WARNING,
        about="DATABASE_URL connection_limit, pool_timeout",
        evidence=(f"{PROXY_CLI} (_build_db_connection_url_params)", FACTS),
        remedy="Set it in `general_settings`.",
        failing=_url(f"{LIFETIME}&connection_limit=5"),
        passing=_url(LIFETIME),
        find=_overridden,
    ),
    Rule(
        id="L025",
        title="A time-out of the socket caps every query",
        severity=Severity.WARNING,
        about="DATABASE_URL socket_timeout",
        evidence=(URL_RS, FACTS, "BerriAI/litellm #22289"),
        remedy="Leave it out, or set 30 or more.",
        failing=_url(f"{LIFETIME}&socket_timeout=10"),
        passing=_url(f"{LIFETIME}&socket_timeout=60"),
        find=_short_queries,
    ),
    Rule(
        id="L160",
        title="DATABASE_URL is not for Postgres",
        severity=Severity.ERROR,
        about="DATABASE_URL",
        evidence=("litellm/proxy/db/db_url_settings.py (SUPPORTED_DB_SCHEMES)",),
        remedy="Use Postgres.",
        failing=Example(litellm="general_settings: {database_url: 'mysql://db/litellm'}\n"),
        passing=Example(litellm="general_settings: {database_url: os.environ/DATABASE_URL}\n"),
        find=_other_scheme,
    ),
    Rule(
        id="L161",
        title="Prisma does not know the mode of encryption",
        severity=Severity.ERROR,
        about="DATABASE_URL sslmode",
        evidence=(URL_RS,),
        remedy="Write disable, prefer, require, verify-ca or verify-full.",
        failing=_url(f"{LIFETIME}&sslmode=requre"),
        passing=_url(f"{LIFETIME}&sslmode=require"),
        find=_other_ssl_mode,
    ),
)
