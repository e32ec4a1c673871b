"""`gateway plan-scale`: which machines carry a load, what they cost, and whether these ones do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fly.guests import MEMORY_STEP_MB, SIZES, Size
from fly.prices import (
    MARKUPS,
    VOLUME_USD_PER_GB_MONTH,
    burst_s,
    machine_month_usd,
    ordinary_sizes,
    sustained_cores,
    work_s,
)
from gateway.budget import ConnectionBudget, budget_of
from gateway.scale import (
    Machine,
    boot_core_s,
    machine_rps,
    machines_for,
    memory_needed_mb,
    redis_connections,
    usable_cores,
)
from ops.exit_codes import ExitCode
from ops.output import Output
from ops.plan_scale_input import Asked, read
from ops.plan_scale_postgres import bounding_setting, bounding_value, managed_usd
from ops.settings import plain_settings
from stacks.places import configuration_file
from stacks.settings import Settings
from stacks.values import Strategy

IAD = "iad"
LONG_S = 24 * 3600  # a burst that lasts so long is none


@dataclass(frozen=True, slots=True)
class Plan:
    """Machines of one size for a load; `regions` counts them, `usd` is a month of all of them."""

    size: str
    memory_mb: int
    workers: int
    cores: float
    each_rps: float
    boot_s: float
    regions: Mapping[str, int]
    usd: float | None
    compared_usd: float
    """The price by which plans are compared: regions without a published one cost as in iad."""
    connections: ConnectionBudget | None
    redis_connections: int

    @property
    def machines(self) -> int:
        """Machines in all regions together."""
        return sum(self.regions.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """Why the present settings do not carry the load: which key, what it says, what really is."""

    setting: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """One setting to change: where it is, what it says now and what it should say."""

    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the command says."""

    asked: Asked
    present: Plan
    findings: tuple[Finding, ...]
    chosen: Plan
    options: tuple[Plan, ...]
    changes: tuple[Change, ...]
    data_usd: Mapping[str, float | None] = field(default_factory=dict)


def plan_scale(root: Path, environment: str, asked: Asked, *, output: Output) -> ExitCode:
    """Show the plan. Ends with FINDING when the environment's settings do not carry the load."""
    from ops.plan_scale_text import as_json, show  # noqa: PLC0415 - it loads the tables

    settings = plain_settings(root, environment)
    answer = answered(environment, settings, read(asked, settings))
    show(environment, settings, answer, output)
    output.answer(as_json(environment, answer))
    return ExitCode.FINDING if answer.findings else ExitCode.OK


def answered(environment: str, settings: Settings, asked: Asked) -> Answer:
    """Compare the settings with the load, and choose what would carry it."""
    present = present_plan(settings, asked)
    findings = tuple(_findings(settings, asked, present))
    wanted = [SIZES[asked.size]] if asked.size else ordinary_sizes()
    plans = [plan for size in wanted if (plan := sized_plan(settings, asked, size))]
    options = tuple(sorted(plans, key=lambda plan: (plan.compared_usd, plan.machines)))
    chosen = options[0] if findings and options else present
    return Answer(
        asked,
        present,
        findings,
        chosen,
        options,
        tuple(_changes(environment, settings, chosen)),
        _data_usd(settings, asked),
    )


def present_plan(settings: Settings, asked: Asked) -> Plan:
    """Return the machines that the settings declare."""
    fly = settings.fly
    plan = _plan(settings, asked, SIZES[fly.size], fly.memory_mb, settings.server.workers)
    return _counted(settings, asked, plan, dict(fly.regions))


def sized_plan(settings: Settings, asked: Asked, size: Size) -> Plan | None:
    """Return how many machines of a size carry the load; None when a worker does not fit in.

    That is in memory, or in the time that a machine has to become healthy.

    A worker for each core that the machine may use without end; memory as they need it.
    """
    workers = max(1, int(sustained_cores(size)))
    needed = memory_needed_mb(workers, metrics=settings.metrics is not None)
    memory_mb = max(size.memory_mb, -(-needed // MEMORY_STEP_MB) * MEMORY_STEP_MB)
    if memory_mb > size.most_memory_mb:
        return None
    plan = _plan(settings, asked, size, memory_mb, workers)
    if plan.boot_s > settings.fly.wait_timeout_s:
        return None
    counts = {
        region: machines_for(asked.load.rps * share, plan.each_rps, spare=asked.spare)
        for region, share in asked.shares.items()
    }
    return _counted(settings, asked, plan, {r: n for r, n in counts.items() if n})


def _plan(settings: Settings, asked: Asked, size: Size, memory_mb: int, workers: int) -> Plan:
    soft_limit = settings.fly.concurrency.soft_limit
    cores = sustained_cores(size)
    machine = Machine(cores, workers, memory_mb, soft_limit)
    each = machine_rps(machine, asked.load, utilization=asked.utilization)
    used = usable_cores(machine)
    boot_s = work_s(size, boot_core_s(workers), threads=workers)
    return Plan(size.name, memory_mb, workers, used, each, boot_s, {}, None, 0.0, None, 0)


def _counted(settings: Settings, asked: Asked, plan: Plan, regions: dict[str, int]) -> Plan:
    """Return the plan with its counts, and what follows from them."""
    size, total = SIZES[plan.size], sum(regions.values())
    iad = machine_month_usd(size, plan.memory_mb, IAD) or 0.0
    markups = {**MARKUPS, **asked.markups}
    costs = [iad * markups[region] * n for region, n in regions.items() if region in markups]
    overlap = settings.fly.strategy is Strategy.BLUEGREEN
    caches = (settings.redis is not None) * (1 + bool(settings.litellm_settings.cache))
    redis = redis_connections(total, plan.workers, caches=caches, overlap=overlap)
    return replace(
        plan,
        regions=regions,
        usd=sum(costs) if len(costs) == len(regions) else None,
        compared_usd=sum(iad * markups.get(region, 1.0) * n for region, n in regions.items()),
        connections=budget_of(settings, machines=max(1, total), workers=plan.workers),
        redis_connections=redis,
    )


def _findings(settings: Settings, asked: Asked, present: Plan) -> list[Finding]:
    """Say what of the settings does not carry the load."""
    found = []
    for region, share in asked.shares.items():
        rps, have = asked.load.rps * share, present.regions.get(region, 0)
        need = machines_for(rps, present.each_rps, spare=asked.spare)
        if have < need:
            why = f"{rps:g} requests a second need {need} machines of {present.size} here"
            found.append(
                Finding(
                    f"gateway:fly.regions.{region}",
                    str(have),
                    why + _burst(asked, rps, have, present),
                )
            )
    needed = memory_needed_mb(present.workers, metrics=settings.metrics is not None)
    if needed > present.memory_mb:
        why = f"{present.workers} workers need {needed} MB"
        found.append(Finding("gateway:fly.memory_mb", str(present.memory_mb), why))
    if present.boot_s > settings.fly.wait_timeout_s:
        why = f"{present.workers} workers boot in {present.boot_s:.0f} s on {present.size}"
        found.append(Finding("gateway:fly.wait_timeout_s", str(settings.fly.wait_timeout_s), why))
    budget = present.connections
    if budget is not None and not budget.fits:
        why = f"a release opens {budget.worst} connections, {budget.available} are free"
        found.append(Finding(*bounding_setting(settings, budget), why))
    return found


def _burst(asked: Asked, rps: float, have: int, present: Plan) -> str:
    """Say how long shared processors carry the load on what they saved."""
    if have == 0:
        return ""
    size = SIZES[present.size]
    cores = rps / have * asked.load.request_cpu_ms / 1000
    if cores > min(size.cpus, present.workers):
        return f"; at full speed these {have} are too few as well"
    seconds = burst_s(size, cores)
    if seconds is None or seconds > LONG_S:
        return ""
    return (
        f"; at full speed these {have} carry them for {seconds / 60:.0f} min, then Fly slows them"
    )


def _changes(environment: str, settings: Settings, chosen: Plan) -> list[Change]:
    """Return the settings that differ from the plan's, in the places where they are changed."""
    file, fly = configuration_file(environment), settings.fly
    rows: list[tuple[str, object, object]] = [
        (f"{file}: gateway:fly.regions.{region}", fly.regions.get(region, 0), count)
        for region, count in chosen.regions.items()
    ]
    rows += [
        (f"{file}: gateway:fly.size", fly.size, chosen.size),
        (f"{file}: gateway:fly.memory_mb", fly.memory_mb, chosen.memory_mb),
    ]
    # Workers are part of the bundle: an environment that takes promotions gets them by one.
    shared = settings.promotion is not None
    place = "stacks/gateway.py: server.workers" if shared else f"{file}: gateway:server.workers"
    rows.append((place, settings.server.workers, chosen.workers))
    budget = chosen.connections
    if budget is not None and not budget.fits:
        setting, now = bounding_setting(settings, budget)
        rows.append((f"{file}: {setting}", now, bounding_value(settings, budget)))
    return [Change(place, str(now), str(then)) for place, now, then in rows if now != then]


def _data_usd(settings: Settings, asked: Asked) -> dict[str, float | None]:
    """Return what a month of Postgres and Redis costs: machine and volume, or plan and disk."""
    markups = {**MARKUPS, **asked.markups}
    found: dict[str, float | None] = {}
    if (managed := managed_usd(settings)) is not None:
        found["postgres"] = managed
    for name, store, kind in (
        ("postgres", settings.postgres, "single"),
        ("redis", settings.redis, "app"),
    ):
        if store is None or store.kind != kind:
            continue
        machine = store.machine
        region = machine.region or settings.fly.primary_region
        base = machine_month_usd(SIZES[machine.size], machine.memory_mb, IAD)
        known = base is not None and region in markups
        usd = (base or 0.0) * markups[region] if known else None
        found[name] = None if usd is None else usd + machine.volume_gb * VOLUME_USD_PER_GB_MONTH
    return found
