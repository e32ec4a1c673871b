"""How a scale plan is said: the formula with its numbers and sources, the plan, what to change."""

from collections.abc import Iterator
from typing import Any

from fly.prices import AS_OF, FIRST_SAVED_S, MARKUPS, PRICES, PROCESSORS, SUSTAINED
from fly.retries import release_least_s
from gateway.budget import RESERVED
from gateway.scale import (
    BOOT_CORE_S,
    CHAT_MS,
    METRICS_MB,
    REDIS_POOL,
    RESCUE_MS,
    STREAM_MS,
    SUPERVISOR_MB,
    SYSTEM_MB,
    WORKER_MB,
)
from ops.output import Output
from ops.plan_scale import Answer, Plan
from ops.plan_scale_postgres import managed_cluster
from stacks.settings import Settings

SHOWN = 6  # sizes
MEASURED = "measured on LiteLLM 1.106.2, docs/scale.md"
COLUMNS = (
    "size", ">memory MB", ">workers", ">cores for good", ">requests/s each", ">machines",
    "regions", ">USD a month",
)  # fmt: skip


def show(environment: str, settings: Settings, answer: Answer, output: Output) -> None:
    """Show the answer to a reader."""
    for line in formula(settings, answer):
        output.show(line)
    output.show("")
    rows = [("now", *_row(answer.present))]
    rows += [(_mark(plan, answer), *_row(plan)) for plan in answer.options[:SHOWN]]
    output.table(("", *COLUMNS), rows)
    output.show("")
    output.facts(consequences(settings, answer))
    output.show("")
    if not answer.findings:
        output.show(f"{environment} carries this load as it is")
        return
    output.show(f"{environment} does not carry this load:")
    for finding in answer.findings:
        output.show(f"  {finding.setting} = {finding.value}: {finding.why}")
    output.show("what would (nothing was changed):")
    for change in answer.changes:
        output.show(f"  {change.place} = {change.after} (now {change.before})")
    if settings.promotion is not None and any("stacks/" in c.place for c in answer.changes):
        source = settings.promotion.source
        output.show(
            f"  server.workers is part of the bundle: deploy {source},"
            f" then `gateway promote {source} {environment}`"
        )


def formula(settings: Settings, answer: Answer) -> Iterator[str]:
    """Yield the formula, line by line, each number with where it comes from."""
    asked, load, plan = answer.asked, answer.asked.load, answer.chosen
    if load.cpu_ms is None:
        yield (
            f"processor a request   {load.request_cpu_ms:.1f} ms ="
            f" {1 - load.streamed:.0%} x {CHAT_MS:g} + {load.streamed:.0%} streamed x {STREAM_MS:g}"
            f" + {load.rescued:.0%} rescued x {RESCUE_MS:g} ({MEASURED})"
        )
    else:
        yield f"processor a request   {load.cpu_ms:g} ms (--cpu-ms)"
    soft_limit = settings.fly.concurrency.soft_limit
    yield (
        f"one machine           {plan.each_rps:.2f} requests/s = the least of min(cores, workers)"
        f" {plan.cores:g} x {asked.utilization:.0%} x 1000 / {load.request_cpu_ms:.1f} ms and"
        f" soft_limit {soft_limit} x {asked.utilization:.0%} / {load.request_s:g} s a request"
    )
    yield (
        f"cores for good        shared vCPU {SUSTAINED['shared']:.2%}, performance vCPU"
        f" {SUSTAINED['performance']:.0%} ({PROCESSORS}, {AS_OF})"
    )
    for region, share in asked.shares.items():
        rps = load.rps * share
        yield (
            f"{region:<22}{plan.regions.get(region, 0)} machines; {load.rps:g} x {share:.0%} ="
            f" {rps:g} requests/s / {plan.each_rps:.2f}, rounded up, and {asked.spare} to lose"
        )
    metrics = f" + metrics {METRICS_MB}" if settings.metrics is not None else ""
    supervisor = f" + parent {SUPERVISOR_MB}" if plan.workers > 1 else ""
    yield (
        f"memory                {plan.workers} x {WORKER_MB} MB a worker{supervisor}{metrics}"
        f" ({MEASURED}) + {SYSTEM_MB} assumed; the machine has {plan.memory_mb} MB"
    )


def told_boot(plan: Plan) -> str:
    """Say how long a machine boots, and why longer on shared processors."""
    return (
        f"{plan.boot_s:.0f} s: {BOOT_CORE_S:g} s of one core for each worker and their parent"
        f" ({MEASURED}); a shared vCPU has {FIRST_SAVED_S:g} s to begin with"
    )


def consequences(settings: Settings, answer: Answer) -> list[tuple[str, str]]:
    """Return what follows from the chosen machines."""
    plan = answer.chosen
    workers = f"{plan.workers} worker{'s' if plan.workers > 1 else ''}"
    rows = [("machines", f"{plan.machines} of {plan.size}, each {plan.memory_mb} MB and {workers}")]
    rows.append(("boot", told_boot(plan)))
    if plan.connections is not None:
        most = plan.connections.available + RESERVED
        cluster = managed_cluster(settings)
        what = "max_connections" if cluster is None else f"plan {cluster.plan} with its"
        rows.append(
            (
                "Postgres",
                f"{plan.connections.steady} connections, {plan.connections.worst} while a"
                f" {settings.fly.strategy} release overlaps; {what} {most} leaves"
                f" {plan.connections.available} (gateway/budget.py)",
            )
        )
    if plan.redis_connections:
        each = f"{REDIS_POOL} a pool of each worker at most, redis-py's default"
        rows.append(("Redis", f"up to {plan.redis_connections} connections: {each}"))
    rows.append(("gateway", f"{_usd(plan.usd)} a month ({PRICES}, {AS_OF}; no reservations)"))
    for name, usd in answer.data_usd.items():
        managed = name == "postgres" and managed_cluster(settings) is not None
        of = "plan and disk" if managed else "machine and volume"
        rows.append((name, f"{_usd(usd)} a month, {of}"))
    unknown = [r for r in plan.regions if r not in {**MARKUPS, **answer.asked.markups}]
    if unknown:
        known = ", ".join(f"--markup {region}=FACTOR" for region in unknown)
        rows.append(("price", f"Fly publishes none for {', '.join(unknown)}: {known}, over iad's"))
    rows.append(("not in it", "traffic, dedicated IPv4 addresses, databases that are not ours"))
    least = release_least_s(plan.machines)
    rows.append(
        ("a release", f"{least:.0f} s at least by Fly's limits, and boot and proof of the last one")
    )
    return rows


def as_json(environment: str, answer: Answer) -> dict[str, Any]:
    """Return the answer as fields."""
    asked, load = answer.asked, answer.asked.load
    return {
        "environment": environment,
        "carries": not answer.findings,
        "load": {
            "rps": load.rps,
            "streamed": load.streamed,
            "rescued": load.rescued,
            "request_s": load.request_s,
            "request_cpu_ms": load.request_cpu_ms,
            "shares": dict(asked.shares),
        },
        "utilization": asked.utilization,
        "spare": asked.spare,
        "prices_as_of": AS_OF,
        "present": _plan_json(answer.present),
        "chosen": _plan_json(answer.chosen),
        "options": [_plan_json(plan) for plan in answer.options],
        "data_usd_month": dict(answer.data_usd),
        "release_least_s": release_least_s(answer.chosen.machines),
        "findings": [
            {"setting": f.setting, "value": f.value, "why": f.why} for f in answer.findings
        ],
        "changes": [
            {"place": c.place, "before": c.before, "after": c.after} for c in answer.changes
        ],
    }


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "size": plan.size,
        "memory_mb": plan.memory_mb,
        "workers": plan.workers,
        "cores": plan.cores,
        "machine_rps": plan.each_rps,
        "boot_s": plan.boot_s,
        "regions": dict(plan.regions),
        "machines": plan.machines,
        "usd_month": plan.usd,
        "postgres_connections": None if plan.connections is None else plan.connections._asdict(),
        "redis_connections": plan.redis_connections,
    }


def _row(plan: Plan) -> tuple[str, ...]:
    regions = " ".join(f"{region}={count}" for region, count in plan.regions.items())
    return (
        plan.size,
        str(plan.memory_mb),
        str(plan.workers),
        f"{plan.cores:g}",
        f"{plan.each_rps:.2f}",
        str(plan.machines),
        regions,
        _usd(plan.usd),
    )


def _mark(plan: Plan, answer: Answer) -> str:
    return "plan" if plan is answer.chosen else ""


def _usd(amount: float | None) -> str:
    return "unknown" if amount is None else f"${amount:,.2f}"
