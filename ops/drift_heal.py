"""`gateway drift --heal`: what drift was found is put right, after it was shown how.

What nobody declared is removed here, each thing shown before; a volume never is. What the program
declares is put right by one `pulumi up`, through the same gates as every release.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fly.api import FlyApi
from fly.health import await_healthy, await_stopped
from fly.release import in_group
from ops.agreeing import agreed
from ops.deploy import clear_stale_locks, not_deployed
from ops.drift_findings import Finding, Report
from ops.drift_text import show, where
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.stack import Stack

HEALTHY_WITHIN_S = 300
UP = ("up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done: `remove` and `restart` here, `deploy` by the engine, the rest by hand.

    `processes` are what LiteLLM itself says: every machine of the gateway starts anew, unless a
    deployment replaces them all the same.
    `blocked`: a `pulumi up` would stop half-way, at a volume that has another size than declared.
    """

    remove: tuple[Finding, ...] = ()
    restart: tuple[Finding, ...] = ()
    processes: tuple[Finding, ...] = ()
    deploy: tuple[Finding, ...] = ()
    by_hand: tuple[Finding, ...] = ()
    blocked: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing of it is done here."""
        return not (self.here or self.deploy)

    @property
    def here(self) -> bool:
        """Whether something is done without the engine."""
        return bool(self.remove or self.restart or self.processes)


def plan_for(report: Report) -> Plan:
    """Sort what moved by who puts it right."""
    environment = report.environment
    remove, restart, processes, deploy, by_hand = [], [], [], [], []
    machines: set[str] = set()
    for finding in report.drift:
        kind = finding.handle.kind
        if kind in {"machine", "address", "secret"}:
            remove.append(finding)
        elif kind == "process":
            processes.append(finding)
        elif kind == "disk":
            if finding.handle.id not in machines:
                restart.append(finding)
            machines.add(finding.handle.id)
        elif finding.remedy == _deploy(environment):
            deploy.append(finding)
        else:
            by_hand.append(finding)
    blocking = [f for f in report.findings if f.handle.steps == ("size_gb",)]
    by_hand += [finding for finding in blocking if finding.pending]
    return Plan(
        tuple(remove),
        tuple(restart),
        tuple(processes),
        tuple(deploy),
        tuple(by_hand),
        blocked=bool(blocking),
    )


def heal(
    stack: Stack, report: Report, again: Callable[[], Report], *, yes: bool, output: Output
) -> ExitCode:
    """Show the plan, ask unless `yes`, carry it out and look `again`; what is left is shown.

    What could not be looked at keeps nothing else from being healed: a gateway that does not
    answer is what one heals.
    Interrupted anywhere, the next run finds what is left and goes on: each step is whole, and a
    `pulumi up` that was ended is finished or undone by the next.
    """
    plan = plan_for(report)
    show(report, output)
    if report.drift:
        tell(plan, report, output)
    if plan.empty or (plan.blocked and not plan.here):
        output.answer({**report.as_json(), "healed": False})
        return report.exit_code()
    if not (yes or agreed("do this?", output)):
        output.say("nothing was changed")
        output.answer({**report.as_json(), "healed": False})
        return ExitCode.FINDING
    with FlyApi.from_environment(stack.environ) as api:
        carry_out(plan, api, output)
    if plan.deploy and not plan.blocked:
        clear_stale_locks(stack, output)
        watched = stack.engine.watch(*UP, attended=False)
        if watched.exit_code != 0:
            return not_deployed(stack, watched, output)
    after = again()
    output.show("")
    show(after, output)
    output.answer({**after.as_json(), "healed": True})
    return after.exit_code()


def tell(plan: Plan, report: Report, output: Output) -> None:
    """Show what will be done, thing by thing."""
    output.show("")
    output.show("to heal it:")
    for finding in plan.remove:
        what = finding.handle
        output.show(f"  remove {what.kind} {what.id} of app {what.app}: {finding.actual}")
    for finding in plan.restart:
        output.show(
            f"  restart machine {finding.handle.id}: its files are written anew;"
            " it serves nothing meanwhile"
        )
    if plan.processes and not plan.deploy:
        output.show("  restart every machine of the gateway, one after the other")
    if plan.deploy and plan.blocked:
        output.show("  no pulumi up: it would stop at the volume below")
    elif plan.deploy:
        count = len(plan.deploy)
        things = "1 thing" if count == 1 else f"{count} things"
        output.show(f"  pulumi up, with its proof: {things} that the program declares")
        if report.pending:
            waiting = len(report.pending)
            changes = "1 pending change" if waiting == 1 else f"{waiting} pending changes"
            output.show(f"  the same pulumi up brings {changes} along")
    for finding in plan.by_hand:
        output.show(f"  not done here: {where(finding)}; {finding.remedy}")


def carry_out(plan: Plan, api: FlyApi, output: Output) -> None:
    """Do what is not the engine's, one thing at a time."""
    for finding in plan.remove:
        _remove(api, finding)
        output.say(f"removed {finding.handle.kind} {finding.handle.id}")
    for finding in plan.restart:
        _restart(api, finding.handle.app, finding.handle.id, output)
    if plan.processes and not plan.deploy:
        app, done = plan.processes[0].handle.app, {f.handle.id for f in plan.restart}
        for machine in in_group(api.machines.list(app)):
            if machine.state == "started" and machine.id not in done:
                _restart(api, app, machine.id, output)


def _remove(api: FlyApi, finding: Finding) -> None:
    what = finding.handle
    if what.kind == "machine":
        with api.leases.held(what.app, what.id, description=_holder()) as lease:
            api.machines.delete(what.app, what.id, nonce=lease.nonce)
    elif what.kind == "address":
        api.ips.delete(what.app, what.id)
    else:
        api.secrets.update(what.app, {what.id: None})


def _restart(api: FlyApi, app: str, machine_id: str, output: Output) -> None:
    output.say(f"restarting machine {machine_id}")
    with api.leases.held(app, machine_id, description=_holder()) as lease:

        def nonce() -> str:
            lease.keep()
            return lease.nonce

        machine = api.machines.get(app, machine_id)
        api.machines.stop(app, machine_id, nonce=lease.nonce)
        await_stopped(api, machine, app, tick=lease.keep, clock=time.monotonic, sleep=time.sleep)
        await_healthy(
            api,
            app,
            machine_id,
            timeout_s=HEALTHY_WITHIN_S,
            nonce=nonce,
            clock=time.monotonic,
            sleep=time.sleep,
        )


def _holder() -> str:
    """Return what the engine's own leases are called: the next run takes over what is left."""
    from components.provider import lease_holder  # noqa: PLC0415 (loads Pulumi)

    return lease_holder()


def _deploy(environment: str) -> str:
    return f"gateway deploy {environment}"
