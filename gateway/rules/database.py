"""Whether there is a database where one is asked for, who migrates it, and how many connect."""

from collections.abc import Iterator
from typing import Any

from gateway.budget import budget_of_data
from gateway.subject import Subject, mapping
from stacks.managed_plans import PoolMode
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule

STORE = ("litellm", "general_settings", "store_model_in_db")
SCHEMA_UPDATE = ("litellm", "general_settings", "disable_prisma_schema_update")
OTHER_WAYS = ("DATABASE_URL", "DATABASE_HOST")  # LiteLLM puts a URL together out of DATABASE_*
PROXY_CLI = "litellm/proxy/proxy_cli.py"


def _no_database(subject: Subject) -> Iterator[Finding]:
    settings = subject.configuration.settings
    if settings is not None:
        if settings.get("store") == "database" and settings.get("postgres") is None:
            yield Finding(
                ("settings", "postgres"),
                "null",
                "`store: database` needs a Postgres",
                "give `postgres` settings, or set `store: file`",
            )
        return
    secrets = subject.configuration.secrets
    if secrets is None or subject.configuration.database_url is not None:
        return
    known = {*secrets, *subject.environment}
    general = subject.general_settings
    if general.get("store_model_in_db") is not True or general.get("database_url") is not None:
        return
    if not any(name in known for name in OTHER_WAYS):
        yield Finding(
            STORE,
            "true",
            "no database is named anywhere: LiteLLM stores nothing, and says nothing",
            "set database_url: os.environ/DATABASE_URL, or remove it",
        )


def _over_budget(subject: Subject) -> Iterator[Finding]:
    settings = subject.configuration.settings
    if settings is None:
        return  # files name neither the number of machines nor the server's limit
    try:
        budget = budget_of_data(settings)
    except (KeyError, TypeError, AttributeError, ValueError):
        return  # parts of settings, as examples and tests have them
    if budget is None or budget.fits:
        return
    postgres = mapping(settings.get("postgres"))
    cluster = mapping(postgres.get("managed")) if postgres.get("kind") == "managed" else {}
    path: tuple[str, ...] = ("settings", "postgres", "max_connections")
    value, remedy = str(postgres.get("max_connections")), "raise it with the server's own limit"
    if cluster:
        path, value = ("settings", "postgres", "managed", "plan"), str(cluster.get("plan"))
        remedy = "take a larger plan"
        if cluster.get("pool_mode") == PoolMode.SESSION:
            remedy = "set postgres.managed.pool_mode: transaction, take a larger plan"
            value += ", pooled by session: each client holds a connection of the server"
    yield Finding(
        path,
        value,
        "a release opens more connections at its worst moment than are left beside the "
        "reserve: machines x workers x database_connection_pool_limit, twice while blue and "
        f"green overlap; worst {budget.worst}, available {budget.available}",
        f"{remedy}, or lower one of the three",
    )


def _prepared_through_a_pooler(subject: Subject) -> Iterator[Finding]:
    postgres = mapping(mapping(subject.configuration.settings).get("postgres"))
    cluster = mapping(postgres.get("managed"))
    pooled = postgres.get("kind") == "managed" and (
        cluster.get("pool_mode", PoolMode.TRANSACTION) == PoolMode.TRANSACTION
    )
    if pooled and mapping(postgres.get("prisma")).get("pgbouncer") is False:
        yield Finding(
            ("settings", "postgres", "prisma", "pgbouncer"),
            "false",
            "pooled by transaction, a statement that Prisma prepared is missing from the "
            "connection that it gets next: queries fail",
            "leave it out (true is written then), or set postgres.managed.pool_mode: session",
        )


def _everyone_migrates(subject: Subject) -> Iterator[Finding]:
    if subject.general_settings.get("disable_prisma_schema_update") is False and str(
        subject.environment.get("DISABLE_SCHEMA_UPDATE", "")
    ).lower() in ("true", "1"):
        yield Finding(
            SCHEMA_UPDATE,
            "false",
            "false wins over the servers' DISABLE_SCHEMA_UPDATE: every machine migrates as it "
            "starts",
            "leave it out; a one-off machine migrates before each rollout",
        )


def _settings(machines: int) -> dict[str, Any]:
    return {
        "store": "database",
        "postgres": {"max_connections": 300},
        "general_settings": {"database_connection_pool_limit": 10},
        "server": {"workers": 4},
        "fly": {"regions": {"iad": machines}, "strategy": "bluegreen"},
    }


RULES = (
    Rule(
        id="L023",
        title="A release opens more database connections than there are",
        severity=Severity.ERROR,
        about="general_settings.database_connection_pool_limit",
        evidence=("BerriAI/litellm PR #18780: a pool for each worker", "facts on LiteLLM, 6"),
        remedy="Raise `max_connections`, or lower machines, workers or the pool's limit.",
        failing=Example(settings=_settings(4)),
        passing=Example(settings=_settings(2)),
        find=_over_budget,
    ),
    Rule(
        id="L055",
        title="Nothing says where the database is",
        severity=Severity.ERROR,
        about="general_settings.database_url",
        evidence=(PROXY_CLI,),
        remedy="Name the database, or do without one.",
        failing=Example(
            litellm="general_settings: {store_model_in_db: true}\n",
            secrets=frozenset({"LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"}),
        ),
        passing=Example(
            litellm="general_settings:\n  store_model_in_db: true\n"
            "  database_url: os.environ/DATABASE_URL\n",
            secrets=frozenset({"LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "DATABASE_URL"}),
        ),
        find=_no_database,
    ),
    Rule(
        id="L061",
        title="Every machine migrates the database as it starts",
        severity=Severity.WARNING,
        about="general_settings.disable_prisma_schema_update",
        evidence=(f"{PROXY_CLI}: the file's key wins over the variable", "BerriAI/litellm #14400"),
        remedy="Leave it out.",
        failing=Example(
            litellm="general_settings: {disable_prisma_schema_update: false}\n",
            fly="[env]\nDISABLE_SCHEMA_UPDATE = 'True'\n",
        ),
        passing=Example(
            litellm="general_settings: {disable_prisma_schema_update: true}\n",
            fly="[env]\nDISABLE_SCHEMA_UPDATE = 'True'\n",
        ),
        find=_everyone_migrates,
    ),
    Rule(
        id="L180",
        title="Prisma prepares statements through a pooler that forgets them",
        severity=Severity.ERROR,
        about="DATABASE_URL pgbouncer",
        evidence=("superfly/docs mpg/client-configuration: Prisma, prepared statement errors",),
        remedy="Leave `postgres.prisma.pgbouncer` out.",
        failing=Example(
            settings={"postgres": {"kind": "managed", "prisma": {"pgbouncer": False}}},
        ),
        passing=Example(
            settings={"postgres": {"kind": "managed", "prisma": {"pgbouncer": True}}},
        ),
        find=_prepared_through_a_pooler,
    ),
)
