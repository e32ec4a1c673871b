"""The gateway's role and database in a cluster that somebody else runs as a Fly app."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.declared import DECLARED, declared
from components.provider import FlyProvider, Made, Properties, Seen, report
from fly.errors import FlyAmbiguous, mask
from fly.replies import ExecResult, Machine
from gateway.scram import matches, verifier
from gateway.secret_names import digest_of

if TYPE_CHECKING:
    from fly.api import FlyApi

EXEC_TIMEOUT_S = 30
EXEC_ATTEMPTS = 3
ROLE_CHECK = "role"  # what fly-apps/postgres-flex calls the check whose output is "primary"

# Postgres itself, never HAProxy in front of it, has a socket: 5433 in Fly's image. There the local
# socket trusts `postgres`; where it does not, the machine's own variable has the password.
_PSQL = """set -eu
port=5432
for found in 5433 5432; do
  if [ -S "${PGHOST:-/var/run/postgresql}/.s.PGSQL.$found" ]; then port=$found; break; fi
done
export PGPASSWORD="${OPERATOR_PASSWORD:-${POSTGRES_PASSWORD:-}}"
export PGOPTIONS='-c log_min_error_statement=panic -c log_statement=none'
psql -X -q -tA -v ON_ERROR_STOP=1 -p "$port" -U "$1" -d postgres \\
  -v role="$2" -v database="$3" -v verifier="${4:-}" <<'SQL'
"""
_ASK = f"""{_PSQL}SELECT json_build_object(
  'standby', pg_is_in_recovery(),
  'role', EXISTS (SELECT FROM pg_roles WHERE rolname = :'role'),
  'login', EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND rolcanlogin),
  'superuser', EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND rolsuper),
  'kept', (SELECT rolpassword FROM pg_authid WHERE rolname = :'role'),
  'owner', (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :'database'));
SQL
"""  # noqa: S608 - constants; names go in as psql variables, which it quotes
# A verifier is no password, and still neither the server's log nor an error shows it.
_APPLY = f"""{_PSQL}SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
SELECT format('ALTER ROLE %I WITH LOGIN', :'role') \\gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'role', :'verifier') WHERE :'verifier' <> '' \\gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
SQL
"""  # noqa: S608 - likewise, quoted by format()


class ExistingDatabaseError(Exception):
    """The cluster is not as it must be; the text has app, machine, what and the next step."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a machine's Postgres says; `kept` is the role's verifier, `owner` the database's."""

    machine: Machine = field(repr=False)
    standby: bool
    role: bool
    login: bool
    superuser: bool
    kept: str | None = field(repr=False)
    owner: str | None

    @property
    def digest(self) -> str:
        """What tells whether the role still has the same verifier."""
        return digest_of("verifier", self.kept or "")


class ExistingDatabaseProvider(FlyProvider):
    """Makes role and database in the cluster's primary, and notices when either was changed.

    The server gets a SCRAM verifier, never the password. What others may use is not taken: a role
    that has another password, one that is a superuser, and a database of another owner are refused.
    Deleting does nothing: role and data are kept.
    """

    computed: ClassVar[tuple[str, ...]] = ("machine_id", "connected", "verifier_digest")
    replaced_by: ClassVar[tuple[str, ...]] = ("app", "role", "database")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create what is missing; a role that is there already must have this very password."""
        return self._apply(api, inputs, ours=False)

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Create what is missing again and give the role this password."""
        return self._apply(api, inputs, ours=True)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Ask the primary for role, database and owner, and whether the verifier is still ours."""
        if not any(machine.state == "started" for machine in api.machines.list(outputs["app"])):
            return Seen({"database": "not reachable: no machine is started"}, {})
        found = _primary(api, outputs)
        if found.owner is None:
            return None
        seen = {
            "role": outputs["role"] if found.login else "-",
            "login": declared(outputs.get("verifier_digest"), found.digest),
            "owner": found.owner,
        }
        return Seen(seen, {"machine_id": found.machine.id})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Keep role and data."""

    def _apply(self, api: "FlyApi", inputs: Properties, *, ours: bool) -> Made:
        found = _primary(api, inputs)
        _refuse(found, inputs, ours=ours)
        role, password = inputs["role"], inputs["password"]
        right = found.kept is not None and matches(password, found.kept, role)
        if not (right and found.login and found.owner):
            report(f"creating role {role} and database {inputs['database']} in {inputs['app']}")
            _exec(api, inputs, found.machine, _APPLY, "" if right else verifier(password))
            found = _primary(api, inputs)
        computed = {
            "machine_id": found.machine.id,
            "connected": f"role {role}, database {inputs['database']} in {inputs['app']}",
            "verifier_digest": found.digest,
        }
        return Made(f"{inputs['app']}/{inputs['database']}", computed)


class ExistingDatabase(Resource, module="fly", name="ExistingDatabase"):
    """A role with its password, and its database, in the cluster of another app."""

    connected: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        app: str,
        superuser: str,
        role: str,
        database: str,
        password: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "app": app,
            "superuser": superuser,
            "role": role,
            "database": database,
            "owner": role,
            "password": pulumi.Output.secret(password),
            "login": DECLARED,
            **dict.fromkeys(ExistingDatabaseProvider.computed),
        }
        super().__init__(ExistingDatabaseProvider(), resource_name, properties, opts)


def _primary(api: "FlyApi", inputs: Properties) -> Found:
    """Return what the app's primary says; raises when there is none, or more than one."""
    app = inputs["app"]
    started = [machine for machine in api.machines.list(app) if machine.state == "started"]
    answers = [_ask(api, inputs, machine) for machine in started]
    writable = [found for found in answers if not found.standby]
    # Two that both take writes are told apart by the cluster's own word.
    told = [found for found in writable if len(writable) == 1 or _told_primary(found.machine)]
    if len(told) == 1:
        return told[0]
    ids = ", ".join(found.machine.id for found in writable) or "none"
    raise ExistingDatabaseError(
        f"app {app}: {len(started)} machines are started, and {len(writable)} of them take writes"
        f" ({ids})\n"
        "  role and database are made in the one primary; nothing was changed\n"
        f"  look at `fly status -a {app}`: exactly one must be the primary; then run `pulumi up` "
        "again"
    )


def _told_primary(machine: Machine) -> bool:
    return any(
        check.name == ROLE_CHECK and check.output.strip().strip('"') == "primary"
        for check in machine.checks
    )


def _ask(api: "FlyApi", inputs: Properties, machine: Machine) -> Found:
    answer = _exec(api, inputs, machine, _ASK, "")
    try:
        said = json.loads(answer.stdout)
        return Found(machine=machine, **said)
    except (TypeError, ValueError):
        # What it answered is not quoted: a verifier may be in it.
        raise _error(inputs, machine, "psql answered something else than was asked for") from None


def _refuse(found: Found, inputs: Properties, *, ours: bool) -> None:
    """Raise for what may belong to others; `ours`: an earlier run made the role."""
    role, database = inputs["role"], inputs["database"]
    wrong = [*_foreign_role(found, inputs, ours=ours)]
    if found.owner not in (None, role):
        wrong.append(
            f"database {database} belongs to {found.owner}: set another postgres.database, or "
            f'give it away there: ALTER DATABASE "{database}" OWNER TO "{role}"'
        )
    if wrong:
        raise _error(inputs, found.machine, "; ".join(wrong))


def _foreign_role(found: Found, inputs: Properties, *, ours: bool) -> Iterator[str]:
    role = inputs["role"]
    if found.superuser:
        yield f"role {role} is a superuser: set another postgres.role"
        return
    known = ours or not found.role or found.kept is None
    if not known and not matches(inputs["password"], found.kept or "", role):
        yield (
            f"role {role} is there already with another password, which others may use: give "
            "that one as the secret that postgres.role_password names, or set another "
            "postgres.role"
        )


def _exec(
    api: "FlyApi", inputs: Properties, machine: Machine, script: str, hashed: str
) -> ExecResult:
    """Run a script in the machine; again when nobody knows whether it ran: all are idempotent."""
    words = (inputs["superuser"], inputs["role"], inputs["database"], hashed)
    command = ("sh", "-c", script, "gateway-database", *words)
    answer = _sent(api, inputs["app"], machine.id, command, (hashed,))
    if answer.exit_code != 0:
        said = mask(answer.stderr.strip(), (hashed,))[-500:]
        raise _error(inputs, machine, f"psql ended with {answer.exit_code}: {said}")
    return answer


def _sent(
    api: "FlyApi", app: str, machine_id: str, command: tuple[str, ...], hidden: tuple[str, ...]
) -> ExecResult:
    for _ in range(EXEC_ATTEMPTS - 1):
        with suppress(FlyAmbiguous):
            return api.machines.exec(
                app, machine_id, command, timeout_s=EXEC_TIMEOUT_S, hidden=hidden
            )
    return api.machines.exec(app, machine_id, command, timeout_s=EXEC_TIMEOUT_S, hidden=hidden)


def _error(inputs: Properties, machine: Machine, what: str) -> ExistingDatabaseError:
    return ExistingDatabaseError(
        f"app {inputs['app']}, machine {machine.id}: {what}\n"
        f"  role {inputs['role']} and database {inputs['database']} are made there by psql as "
        f"{inputs['superuser']}; nothing else of the app is touched\n"
        f"  correct it, or look at `fly logs -a {inputs['app']}`, then run `pulumi up` again"
    )
