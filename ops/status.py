"""`gateway status`: what runs of an environment, asked of Pulumi, Fly and the gateway itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fly.api import FlyApi
from fly.errors import FlyError
from fly.managed_postgres import READY
from fly.release import RELEASE_KEY
from fly.replies import Machine
from gateway import proof
from gateway.client import GatewayClient, GatewayError
from ops.deployed import DIGEST_SHOWN, Deployed
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.stack import open_stack
from ops.status_hostnames import hostnames_as_json, look_at_hostnames, show_hostnames
from stacks.config_file import read_config_file
from stacks.values import Store

READINESS_TIMEOUT_S = 5
MACHINE_COLUMNS = ("machine", "region", "state", "checks", "release", "version")


def status(environment: str, *, output: Output) -> ExitCode:
    """Show what runs. Ends with FINDING when users are not served as the release promises."""
    stack = open_stack(environment, say=output.say)
    deployed = Deployed(stack.need_outputs(secrets=False))
    with FlyApi.from_environment(stack.environ) as api:
        machines, trouble = _machines(api, deployed.app)
        hostnames, silent = look_at_hostnames(api, deployed.app, deployed.hostnames)
        cluster = _cluster(api, deployed.cluster)
    trouble = trouble or silent
    rows = [machine_row(machine) for machine in machines]
    # An environment's own, whatever becomes of its promotion: what runs can always be looked at.
    store = read_config_file(stack.root, environment).values.get("store", Store.DATABASE)
    readiness = _readiness(deployed.url, database=store == Store.DATABASE)
    verdict = str(deployed.release["verdict"])
    output.facts(
        (
            ("gateway", deployed.url),
            ("release", f"{deployed.digest} ({deployed.release['image']})"),
            ("proof", f"{verdict}, {age_of(str(deployed.release['proven_at']))}"),
            ("evidence", str(deployed.release.get("evidence_file") or "")),
            ("digest", str(deployed.release.get("evidence_digest") or "")),
            ("readiness", readiness["told"]),
            ("sandbox", stack.sandbox.api_url if stack.sandbox else ""),
            ("cluster", cluster["told"]),
            ("Fly", trouble),
        )
    )
    output.show("")
    output.table(MACHINE_COLUMNS, rows)
    show_hostnames(hostnames, output)
    output.answer(
        {
            "environment": environment,
            **deployed.as_json(),
            "ready": readiness["ready"],
            "readiness": readiness["told"],
            "machines": [dict(zip(MACHINE_COLUMNS, row, strict=True)) for row in rows],
            "hostnames": hostnames_as_json(hostnames),
            "cluster": cluster["told"] or None,
            "fly_error": trouble or None,
            "sandbox": stack.sandbox.api_url if stack.sandbox else None,
        }
    )
    well = (
        readiness["ready"] and cluster["ready"] and verdict == proof.Verdict.PASSED and not trouble
    )
    return ExitCode.OK if well and serving(machines) else ExitCode.FINDING


def machine_row(machine: Machine) -> tuple[str, ...]:
    """Return one machine in the columns of the table."""
    checks = machine.checks
    bad = next((check.status for check in checks if not check.passing), "")
    state = f"{machine.state}, cordoned" if machine.cordoned else machine.state
    return (
        machine.id,
        machine.region,
        state,
        bad or ("passing" if checks else "none"),
        machine.metadata.get(RELEASE_KEY, "")[:DIGEST_SHOWN],
        machine.instance_id,
    )


def serving(machines: Sequence[Machine]) -> bool:
    """Tell whether there are machines, and all of them are started and pass their checks."""
    return bool(machines) and all(
        machine.state == "started" and all(check.passing for check in machine.checks)
        for machine in machines
    )


def age_of(moment: str, now: datetime | None = None) -> str:
    """Say how long ago a point in time was, given as ISO 8601."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return "at an unknown time"
    past = max((now or datetime.now(UTC)) - then, timedelta())
    minutes, hours = past // timedelta(minutes=1), past // timedelta(hours=1)
    if minutes < 1:
        return f"{past.seconds} s ago"
    if hours < 1:
        return f"{minutes} min ago"
    return f"{hours} h ago" if past.days < 1 else f"{past.days} d ago"


def _machines(api: FlyApi, app: str) -> tuple[tuple[Machine, ...], str]:
    """Return the app's machines, or why Fly does not tell."""
    try:
        return api.machines.list(app), ""
    except FlyError as error:
        return (), str(error.what)


def _cluster(api: FlyApi, cluster_id: str) -> dict[str, Any]:
    """Ask Fly for the cluster of Managed Postgres, where the database is in one."""
    if not cluster_id:
        return {"ready": True, "told": ""}
    try:
        found = api.managed_postgres.get(cluster_id)
    except FlyError as error:
        return {"ready": False, "told": f"{cluster_id}: {error.what}"}
    told = f"{found.name} ({found.id}): {found.status}, {found.plan}, {found.disk_size_gb} GB"
    return {"ready": found.status == READY, "told": told}


def _readiness(url: str, *, database: bool) -> dict[str, Any]:
    """Ask the gateway itself; its word about a database counts only where it is to have one."""
    with proof.gateway_client(url, timeout_s=READINESS_TIMEOUT_S) as client:
        try:
            found = GatewayClient(client, "").readiness()
        except GatewayError as error:
            return {"ready": False, "told": error.problems[0].value}
    told = found.status or f"HTTP {found.status_code}"
    return {"ready": found.ready, "told": f"{told}, database: {found.db}" if database else told}
