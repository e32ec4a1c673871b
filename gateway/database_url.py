"""How DATABASE_URL is written, read back, shown without its password and identified."""

import hashlib
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from stacks.problem import Problem, ProblemError
from stacks.settings import Settings
from stacks.stores import LibpqParameters, Postgres
from stacks.values import Frozen

HIDDEN = "***"

# What libpq and Prisma both read; libpq refuses a URL with a parameter that it does not know.
SHARED_WITH_LIBPQ = frozenset({"sslmode", "connect_timeout", "application_name"})
DIRECT_PARAMETERS = ("connect_timeout", "application_name")


class DatabaseUrlError(Exception):
    """Raised when a composed URL does not read back as composed: a defect of this file."""


class Address(NamedTuple):
    """Where a Postgres or its pooler listens."""

    host: str
    port: int


def database_url(settings: Settings, password: str, address: Address | None = None) -> str:
    """Compose the URL: sslmode, then Prisma's parameters, then libpq's, each in declared order.

    Prisma reads its own group and drops libpq's in silence; psql and other libpq clients want
    `for_libpq` of it. `address` is where Fly says that a managed cluster's pooler listens; without
    it the host is what the settings say of the other kinds, and a word for one not made yet.
    Raises ProblemError when the settings have no Postgres.
    """
    postgres = _postgres(settings)
    return _composed(
        postgres, password, address or _address(settings, postgres), url_parameters(postgres)
    )


def direct_url(settings: Settings, password: str, address: Address) -> str:
    """Compose the URL of the same database round its pooler, for migrations.

    It has no parameter of a pool and no time-out of a query: a migration may take long, and
    sessions and advisory locks have to be its own (superfly/docs: mpg/client-configuration).
    """
    postgres = _postgres(settings)
    return _composed(postgres, password, address, direct_parameters(postgres))


def url_parameters(postgres: Postgres) -> dict[str, str]:
    """Return what follows the question mark, in the order in which it is written.

    Behind a pooler that gives a connection away after each transaction, `pgbouncer=true` keeps
    Prisma from statements that it prepared on another one.
    """
    prisma = postgres.prisma
    if postgres.pooled_by_transaction and prisma.pgbouncer is None:
        prisma = prisma.model_copy(update={"pgbouncer": True})
    return {"sslmode": postgres.encryption, **_given(prisma), **_given(postgres.libpq)}


def direct_parameters(postgres: Postgres) -> dict[str, str]:
    """Return the parameters of the URL for migrations, in order."""
    given = _given(postgres.prisma)
    kept = {name: given[name] for name in DIRECT_PARAMETERS if name in given}
    return {"sslmode": postgres.encryption, **kept}


def for_libpq(url: str) -> str:
    """Return the same address with nothing but what psql and libpq understand."""
    split = urlsplit(url)
    known = SHARED_WITH_LIBPQ | set(LibpqParameters.model_fields)
    kept = [(name, value) for name, value in parse_qsl(split.query) if name in known]
    return urlunsplit(split._replace(query=urlencode(kept, quote_via=quote, safe="")))


def without_password(url: str) -> str:
    """Return the URL for a client that gets the password some other way (PGPASSWORD)."""
    split = urlsplit(url)
    credentials, at, address = split.netloc.rpartition("@")
    return urlunsplit(split._replace(netloc=f"{credentials.partition(':')[0]}{at}{address}"))


def redacted(url: str) -> str:
    """Return the URL with its password replaced; a text that is no URL is replaced whole."""
    try:
        split = urlsplit(url)
    except ValueError:
        return HIDDEN
    credentials, at, address = split.netloc.rpartition("@")
    if not split.scheme or not at:
        return HIDDEN
    user = credentials.partition(":")[0]
    return urlunsplit(split._replace(netloc=f"{user}:{HIDDEN}@{address}"))


def url_digest(url: str) -> str:
    """Return `sha256:` and the digest of the whole URL, password included: equal or changed."""
    return f"sha256:{hashlib.sha256(url.encode()).hexdigest()}"


def _postgres(settings: Settings) -> Postgres:
    if settings.postgres is not None:
        return settings.postgres
    raise ProblemError(
        [
            Problem(
                place="postgres",
                id="database_url.postgres",
                value="null",
                expected="a DATABASE_URL is put together from the settings of Postgres",
                next_step="give `postgres` settings, or set `store: file`",
            )
        ]
    )


def _address(settings: Settings, postgres: Postgres) -> Address:
    if postgres.kind == "managed":  # Fly gives the id that stands here once the cluster is made
        return Address(f"pgbouncer.{settings.postgres_cluster}.flympg.net", postgres.port)
    return Address(postgres.host or f"{settings.postgres_app}.flycast", postgres.port)


def _composed(
    postgres: Postgres, password: str, address: Address, parameters: dict[str, str]
) -> str:
    authority = f"{quote(postgres.role, safe='')}:{quote(password, safe='')}@{_host(address.host)}"
    url = (
        f"postgres://{authority}:{address.port}/{quote(postgres.database, safe='')}"
        f"?{urlencode(parameters, quote_via=quote, safe='')}"
    )
    _compare(url, postgres, address, password, parameters)
    return url


def _given(parameters: Frozen) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in parameters.model_dump().items()
        if value is not None
    }


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _compare(
    url: str, postgres: Postgres, address: Address, password: str, parameters: dict[str, str]
) -> None:
    split = urlsplit(url)
    read = (
        unquote(split.username or ""),
        unquote(split.password or ""),
        split.hostname,
        split.port,
        unquote(split.path),
        parse_qsl(split.query, keep_blank_values=True),
    )
    meant = (
        postgres.role,
        password,
        address.host.lower(),
        address.port,
        f"/{postgres.database}",
        list(parameters.items()),
    )
    if read != meant:  # neither is shown: both hold the password
        message = "the composed DATABASE_URL reads back differently from the settings"
        raise DatabaseUrlError(message)
