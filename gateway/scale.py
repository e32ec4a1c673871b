"""How much processor, memory and how many connections LiteLLM needs for a load.

What a request costs was measured on LiteLLM 1.106.2 with one uvicorn worker, Redis on, providers
that answer at once, on one 2-core machine (docs/scale.md): processor time a request was the
steadiest figure there, 25 to 32 ms over all phases of the machine. The upper ends stand here.
"""

import math
from dataclasses import dataclass

CHAT_MS = 32.0  # of one core, for an answer in one piece
STREAM_MS = 53.0  # for one of 8 chunks; longer streams cost more
RESCUE_MS = 27.0  # more, when the primary fails and a fallback answers (57 in place of 30)

WORKER_MB = 414  # resident, after traffic
SUPERVISOR_MB = 301  # uvicorn's and gunicorn's parent, where there are several workers
METRICS_MB = 187  # the process behind `--prometheus_metrics_port`
SYSTEM_MB = 256  # assumed: kernel, init and room for requests

BOOT_CORE_S = 12.0  # of each worker, and of the parent: nearly all of it imports (11.7 to 12.0)

REDIS_POOL = 50  # redis-py's BlockingConnectionPool, which LiteLLM leaves as it is (_redis.py:930)
REDIS_SYNCHRONOUS = 1  # beside each pool


@dataclass(frozen=True, slots=True)
class Load:
    """What the gateway is asked; shares are from 0 to 1.

    `request_s` is how long one request is under way, nearly all of it the provider's.
    `cpu_ms`, a measurement of one's own, takes the place of ours whatever the mix is.
    """

    rps: float
    streamed: float = 0.0
    rescued: float = 0.0
    request_s: float = 5.0
    cpu_ms: float | None = None

    @property
    def request_cpu_ms(self) -> float:
        """Processor time of the average request, in ms of one core."""
        if self.cpu_ms is not None:
            return self.cpu_ms
        plain = (1 - self.streamed) * CHAT_MS + self.streamed * STREAM_MS
        return plain + self.rescued * RESCUE_MS


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine offers: `cores` for good, workers, memory, and requests at a time."""

    cores: float
    workers: int
    memory_mb: int
    soft_limit: int


def usable_cores(machine: Machine) -> float:
    """Return the cores that its workers can use: a worker never uses more than one."""
    return min(machine.cores, float(machine.workers))


def machine_rps(machine: Machine, load: Load, *, utilization: float) -> float:
    """Return the requests a second that one machine carries with its processor so busy.

    Bound by the processor, or by how many requests Fly sends it at a time (`soft_limit`, of
    which as much is used): by Little's law rate x duration are under way.
    """
    by_processor = usable_cores(machine) * utilization * 1000 / load.request_cpu_ms
    by_concurrency = machine.soft_limit * utilization / load.request_s
    return min(by_processor, by_concurrency)


def machines_for(rps: float, each: float, *, spare: int) -> int:
    """Return how many machines carry a rate when `spare` of them are lost; 0 for no load."""
    return math.ceil(round(rps / each, 9)) + spare if rps > 0 else 0


def memory_needed_mb(workers: int, *, metrics: bool) -> int:
    """Return the memory of one machine with so many workers."""
    needed = workers * WORKER_MB + SYSTEM_MB
    needed += SUPERVISOR_MB if workers > 1 else 0
    return needed + (METRICS_MB if metrics else 0)


def boot_core_s(workers: int) -> float:
    """Return the core seconds until every worker answers; a parent of several imports as well."""
    return BOOT_CORE_S * (workers + (workers > 1))


def redis_connections(machines: int, workers: int, *, caches: int, overlap: bool) -> int:
    """Return how many connections to Redis a release may open at its worst moment.

    `caches` are LiteLLM's users of Redis in each worker: the router, the response cache.
    """
    steady = machines * workers * caches * (REDIS_POOL + REDIS_SYNCHRONOUS)
    return steady * 2 if overlap else steady
