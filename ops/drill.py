"""`gateway drill`: faults of providers against a local gateway, and the card of what came."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

from components.bundle import make_bundle
from components.configuration import configuration_of
from gateway.drill.assignment import Group, Run, assigned
from gateway.drill.card import Result, rows
from gateway.drill.catalogue import BY_ID, FAULTS
from gateway.drill.fault import Fault
from gateway.drill.promise import Promises
from gateway.drill.published import published_config
from gateway.drill.scoring import Score
from gateway.drill.seen import Form
from gateway.own_variables import vertex_variables
from ops.deployed import Deployed
from ops.drill_ask import Asker
from ops.drill_card import Drilled, show
from ops.drill_guard import guarded
from ops.drill_run import Drill
from ops.exit_codes import ExitCode
from ops.faults import deployments
from ops.local_state import local_state
from ops.output import Output
from ops.project import is_local, project_root
from ops.running_sandbox import RunningSandbox
from ops.sandbox_client import SandboxClient
from ops.second_gateway import second_gateway
from ops.settings import checked_settings
from ops.stack import open_stack
from stacks.configuration import Configuration
from stacks.problem import Problem, ProblemError
from stacks.settings import Settings

LEAST_LIMIT_S = 45.0  # Failover Bench's own
BEYOND_S = 5.0  # what a caller waits beyond the longest time-out that is declared
LONGEST_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for: faults by their ids (all if empty), the other settings too or not."""

    environment: str
    faults: tuple[str, ...] = ()
    compare: bool = False
    limit_s: float | None = None


def drill(request: Request, *, output: Output) -> ExitCode:
    """Drill a local gateway and show the card; nothing is broken afterwards.

    Ends with FINDING when a fault is scored fail for which no known limit of LiteLLM accounts,
    with FAILED when a fault never reached a request.
    """
    began = time.monotonic()
    chosen = [BY_ID[name] for name in _known(request.faults)] if request.faults else FAULTS
    here = _here(request.environment, output)
    with (
        SandboxClient.of(here.sandbox) as sandbox,
        guarded(sandbox, local_state(os.environ), output),
    ):
        found, other, limit_s = _drilled_both(request, here, chosen, sandbox, output)
    show(found, other, limit_s=limit_s, took_s=time.monotonic() - began, output=output)
    return exit_code(found.results)


def _drilled_both(
    request: Request,
    here: "_Here",
    chosen: Sequence[Fault],
    sandbox: SandboxClient,
    output: Output,
) -> tuple[Drilled, Drilled | None, float]:
    theirs = Promises(_published(here.settings)) if request.compare else None
    groups = drilled_groups(here.settings, here.promises, theirs)
    runs = assigned(chosen, groups)
    if not runs:
        raise ProblemError([_nowhere(", ".join(request.faults))])
    limit_s = request.limit_s or client_limit_s(here.promises, groups)
    output.say(f"drill: {len(runs)} runs of {len(chosen)} faults, {limit_s:g} s at most for each")
    met = {run.fault.id for run in runs}
    if left_out := ", ".join(fault.id for fault in chosen if fault.id not in met):
        output.say(f"drill: without {left_out}: no group of their providers has a fallback")
    url, key = here.deployed.url, here.deployed.key
    with _drill(url, key, limit_s, here.promises, sandbox, output) as ours:
        found = _drilled("these settings", ours, runs, groups, speed=not request.faults)
    if theirs is None:
        return found, None, limit_s
    output.say("drill: booting a second LiteLLM with the published settings")
    with (
        _second(here) as url,
        _drill(url, key, limit_s, theirs, sandbox, output) as others,
    ):
        other = _drilled("published settings", others, runs, groups, speed=False)
    return found, other, limit_s


def exit_code(results: Sequence[Result]) -> ExitCode:
    """Return what the card says to a script: a failure that no known limit accounts for is one."""
    card = rows(results)
    if any(row.score is Score.FAIL and not row.excused for row in card):
        return ExitCode.FINDING
    return ExitCode.FAILED if any(row.score is Score.UNMET for row in card) else ExitCode.OK


def drilled_groups(
    settings: Settings, ours: Promises, theirs: Promises | None = None
) -> tuple[Group, ...]:
    """Return the groups of one deployment; those that both settings rescue with their targets."""
    names = [model.name for model in settings.models]
    single = [name for name in names if names.count(name) == 1]
    targets = {name: ours.targets(name) for name in single}
    aimed_at = {found[0] for found in targets.values() if found}
    return tuple(
        Group(
            name,
            *deployments(settings, name)[0],
            targets[name] if theirs is None or theirs.targets(name) else (),
            name in aimed_at,
        )
        for name in single
    )


def client_limit_s(promises: Promises, groups: Sequence[Group]) -> float:
    """Return how long the drill's caller waits: beyond every time-out that is declared."""
    declared = [promises.time_out_s(group.name, form) for group in groups for form in Form]
    return min(max(LEAST_LIMIT_S, max(declared, default=0.0) + BEYOND_S), LONGEST_LIMIT_S)


@dataclass(frozen=True, slots=True)
class _Here:
    """A local environment that serves what its settings say."""

    settings: Settings
    promises: Promises
    deployed: Deployed
    sandbox: RunningSandbox
    vertex_account: Path


def _here(environment: str, output: Output) -> _Here:
    if not is_local(project_root(Path.cwd()), environment):
        raise ProblemError([_not_local(environment)])
    stack = open_stack(environment, say=output.say)
    deployed = Deployed(stack.need_outputs(secrets=True))
    settings = checked_settings(stack.root, environment).settings
    if make_bundle(settings).digest != deployed.digest:
        raise ProblemError([_other_release(environment)])
    sandbox = stack.sandbox
    assert sandbox is not None  # noqa: S101 - a local environment has one
    promises = Promises(configuration_of(settings, secrets=None, today=datetime.now(UTC).date()))
    return _Here(settings, promises, deployed, sandbox, stack.state.vertex_account)


def _second(here: _Here) -> AbstractContextManager[str]:
    """Return the published settings as a gateway of the same version, models and providers."""
    account = here.vertex_account.read_text(encoding="utf-8")
    names = (provider.vertex_credentials for provider in here.settings.providers.values())
    return second_gateway(
        published_config(yaml.safe_load(make_bundle(here.settings).litellm_yaml)),
        version=here.settings.image.version,
        key=here.deployed.key,
        secrets={str(name): account for name in names if name}
        | dict(vertex_variables(here.settings).values()),
    )


@contextmanager
def _drill(
    url: str,
    key: str,
    limit_s: float,
    promises: Promises,
    sandbox: SandboxClient,
    output: Output,
) -> Iterator[Drill]:
    asker = Asker(url, key, limit_s=limit_s)
    drill_here = Drill(asker, sandbox, promises, output.say)
    try:
        yield drill_here
    finally:
        drill_here.close()
        asker.close()


def _drilled(
    name: str, here: Drill, runs: Sequence[Run], groups: Sequence[Group], *, speed: bool
) -> Drilled:
    """Warm a gateway up, run all faults, and with `speed` its rescues once more, one by one."""
    ill = here.healthy(groups)
    if ill:
        raise ProblemError([_ill(name, ill)])
    results = here.run(runs)
    edges = here.rescues([one for one in groups if one.targets], after=runs) if speed else []
    return Drilled(name, tuple(results), tuple(edges))


def _published(settings: Settings) -> Configuration:
    config = published_config(yaml.safe_load(make_bundle(settings).litellm_yaml))
    return Configuration(litellm=config, version=settings.image.version)


def _known(names: Sequence[str]) -> list[str]:
    wanted = [name.upper() for name in names]
    unknown = [name for name in wanted if name not in BY_ID]
    if unknown:
        raise ProblemError([_no_such_fault(", ".join(unknown))])
    return wanted


def _no_such_fault(unknown: str) -> Problem:
    return Problem(
        "gateway drill",
        "drill.fault",
        unknown,
        f"no such fault; there are {', '.join(BY_ID)}",
        "gateway drill local --fault S01",
    )


def _nowhere(faults: str) -> Problem:
    return Problem(
        "gateway drill",
        "drill.nowhere",
        faults,
        "no model group that these faults are about has a fallback; nothing was drilled",
        "gateway drill local, for all faults",
    )


def _not_local(environment: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "drill.local",
        "",
        "real providers are never made to fail: only an environment in the sandbox is drilled;"
        " nothing was sent",
        f"gateway drill local, or for {environment} itself: gateway prove {environment}",
    )


def _other_release(environment: str) -> Problem:
    return Problem(
        f"environment {environment}",
        "drill.release",
        "",
        "the settings here are not those of the release that serves: its promises are not known",
        f"gateway deploy {environment}",
    )


def _ill(name: str, groups: Sequence[str]) -> Problem:
    return Problem(
        f"gateway with {name}",
        "drill.ill",
        ", ".join(groups),
        "without any fault these groups did not answer for themselves; nothing was drilled",
        "gateway sandbox status shows what is told to fail; gateway sandbox logs, what it does",
    )
