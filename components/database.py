"""The database and role that LiteLLM uses, made inside the Postgres machine itself."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.provider import FlyProvider, Made, Properties, Seen, report
from fly.errors import FlyError, FlyNotFound
from fly.replies import ExecResult

if TYPE_CHECKING:
    from fly.api import FlyApi

READY_WITHIN_S = 90
RETRY_S = 0.5
EXEC_TIMEOUT_S = 30

# Both passwords are the machine's own secrets, so neither is ever an argument nor leaves it.
# Statements that hold one are kept out of the server's log also when they go wrong.
_PSQL = 'psql -X -q -tA -v ON_ERROR_STOP=1 -U "$1" -d postgres'
_APPLY = f"""set -eu
PGOPTIONS='-c log_min_error_statement=panic -c log_statement=none' {_PSQL} \\
  -v role="$2" -v database="$3" <<'SQL'
\\getenv password POSTGRES_ROLE_PASSWORD
SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
SELECT format('ALTER ROLE %I WITH LOGIN PASSWORD %L', :'role', :'password') \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', :'database', :'role') \\gexec
SQL
PGPASSWORD="$POSTGRES_ROLE_PASSWORD" psql -X -q -tA -v ON_ERROR_STOP=1 "$4" \\
  -c "SELECT 'connected as ' || current_user || ' to ' || current_database()"
"""  # noqa: S608 - a constant is inserted; names go in as psql variables, quoted by format()
_LOOK = f"""set -eu
{_PSQL} -v role="$2" -v database="$3" <<'SQL'
SELECT coalesce((SELECT rolname FROM pg_roles WHERE rolname = :'role' AND rolcanlogin), '-');
SELECT coalesce((SELECT datname FROM pg_database WHERE datname = :'database'), '-');
SQL
"""  # noqa: S608 - likewise


class DatabaseProvider(FlyProvider):
    """Makes role and database, and connects with the rendered address to see that it works.

    Deleting does nothing: the data go with the volume, and only with the volume.
    """

    computed: ClassVar[tuple[str, ...]] = ("connected",)
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "database")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create or repair role, password and database, then connect as the role."""
        report(f"creating role {inputs['role']} and database {inputs['database']}")
        arguments = (inputs["superuser"], inputs["role"], inputs["database"], inputs["uri"])
        answer = _when_ready(api, inputs, _APPLY, arguments)
        return Made(f"{inputs['app']}/{inputs['database']}", {"connected": answer.stdout.strip()})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Do the same again: every statement is idempotent."""
        return self.make(api, inputs)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Ask the server for role and database; a machine that is gone has neither."""
        machine_id = outputs["machine_id"]
        machine = api.machines.find(outputs["app"], machine_id)
        if machine is None:
            return None
        if machine.state != "started":
            return Seen({"database": f"not reachable: machine is {machine.state}"}, {})
        arguments = (outputs["superuser"], outputs["role"], outputs["database"])
        answer = _exec(api, outputs, _LOOK, arguments)
        if answer.exit_code != 0:
            raise DatabaseError(outputs, answer)
        role, database = answer.stdout.split()
        if database == "-":
            return None
        return Seen({"role": role, "database": database}, {})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Keep the data."""


class DatabaseError(Exception):
    """Postgres refused; the text has psql's own words and the next step."""

    def __init__(self, inputs: Properties, answer: ExecResult) -> None:
        super().__init__(
            f"app {inputs['app']}, machine {inputs['machine_id']}: psql ended with "
            f"{answer.exit_code}: {answer.stderr.strip()[-500:]}\n"
            f"  role {inputs['role']} and database {inputs['database']} are made there by psql\n"
            f"  look at `fly logs -a {inputs['app']}`, then run `pulumi up` again"
        )


class Database(Resource, module="fly", name="Database"):
    """A role, its password and its database in a Postgres machine.

    `uri` is the libpq form of DATABASE_URL without its password; the machine's own secret
    POSTGRES_ROLE_PASSWORD supplies that. `secrets_version` repeats the work when it moves.
    """

    connected: pulumi.Output[str]

    def __init__(  # noqa: PLR0913 - each is said by name
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        machine_id: pulumi.Input[str],
        secrets_version: pulumi.Input[int],
        superuser: str,
        role: str,
        database: str,
        uri: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "app": app,
            "machine_id": machine_id,
            "secrets_version": secrets_version,
            "superuser": superuser,
            "role": role,
            "database": database,
            "uri": uri,
            "connected": None,
        }
        super().__init__(DatabaseProvider(), resource_name, properties, opts)


def _when_ready(
    api: "FlyApi",
    inputs: Properties,
    script: str,
    arguments: tuple[str, ...],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ExecResult:
    """Run the script until it succeeds: a server that just started refuses for a while."""
    deadline = clock() + READY_WITHIN_S
    while True:
        try:
            answer = _exec(api, inputs, script, arguments)
        except FlyNotFound:
            raise
        except FlyError:
            if clock() >= deadline:
                raise
        else:
            if answer.exit_code == 0:
                return answer
            if clock() >= deadline:
                raise DatabaseError(inputs, answer)
        sleep(RETRY_S)


def _exec(api: "FlyApi", inputs: Properties, script: str, arguments: tuple[str, ...]) -> ExecResult:
    command = ("sh", "-c", script, "gateway-database", *arguments)
    return api.machines.exec(inputs["app"], inputs["machine_id"], command, timeout_s=EXEC_TIMEOUT_S)
