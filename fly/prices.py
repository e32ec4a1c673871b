"""What Fly's machines cost and how much processor they may use for good, as Fly publishes both.

Prices: fly.io/docs/about/pricing, its table "Started Fly Machines" (RegionPricingSelector), in US
dollars without reservations or allowances. Processor: fly.io/docs/machines/cpu-performance, which
adds "we might change these specific numbers over time". Both as they were on `AS_OF`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from fly.guests import SIZES, Size

AS_OF = "2026-11-28"
PRICES = "fly.io/docs/about/pricing"
PROCESSORS = "fly.io/docs/machines/cpu-performance"
MONTH_S = 30 * 24 * 3600  # Fly's month: 30 days

# Of each second, for one vCPU with the memory that comes with it, and for each GB beyond; in iad.
VCPU_USD_PER_S: Mapping[str, float] = MappingProxyType(
    {"shared": 0.0000008465, "performance": 0.000012732}
)
INCLUDED_MB_PER_VCPU: Mapping[str, int] = MappingProxyType({"shared": 256, "performance": 2048})
MEMORY_USD_PER_GB_S = 0.000002316
VOLUME_USD_PER_GB_MONTH = 0.15

# A region's price over that of iad. Regions of `fly.regions` that are not here have no published
# price.
MARKUPS: Mapping[str, float] = MappingProxyType(
    {
        "ams": 1.038461538,
        "arn": 1.038461538,
        "cdg": 1.134615385,
        "dfw": 1.25,
        "ewr": 1.0,
        "fra": 1.153846154,
        "gru": 1.615384615,
        "iad": 1.0,
        "jnb": 1.302884615,
        "lax": 1.199519231,
        "lhr": 1.134615385,
        "nrt": 1.307692308,
        "ord": 1.25,
        "sin": 1.269230769,
        "sjc": 1.192307692,
        "syd": 1.269230769,
        "yyz": 1.115384615,
    }
)

# The part of each vCPU that a machine may use without end: 5 ms of 80 ms, or all of it. What a
# shared one does not use is saved up, and spent when it works harder.
SUSTAINED: Mapping[str, float] = MappingProxyType({"shared": 5 / 80, "performance": 1.0})
MOST_SAVED_S = 500.0  # vCPU seconds, of each shared vCPU
FIRST_SAVED_S = 5.0  # likewise, which a new machine begins with


def machine_month_usd(size: Size, memory_mb: int, region: str) -> float | None:
    """Return what a machine costs that runs for 30 days; None where no price is published."""
    markup = MARKUPS.get(region)
    if markup is None or size.gpu_kind:
        return None
    beyond_mb = max(0, memory_mb - size.cpus * INCLUDED_MB_PER_VCPU[size.cpu_kind])
    per_s = size.cpus * VCPU_USD_PER_S[size.cpu_kind] + beyond_mb / 1024 * MEMORY_USD_PER_GB_S
    return per_s * MONTH_S * markup


def sustained_cores(size: Size) -> float:
    """Return how many whole cores' worth of time a machine may use without end."""
    return size.cpus * SUSTAINED[size.cpu_kind]


def burst_s(size: Size, cores: float) -> float | None:
    """Return for how long a machine with all that can be saved may use so many cores.

    None when it may do so without end.
    """
    beyond = (cores - sustained_cores(size)) / size.cpus
    return None if beyond <= 0 else MOST_SAVED_S / beyond


def work_s(size: Size, core_s: float, *, threads: int) -> float:
    """Return how long a new machine takes for so many core seconds of work in so many threads.

    A shared one spends first what it begins with, and goes on at what it may use for good.
    """
    at_once = min(threads, size.cpus)
    sustained = sustained_cores(size)
    if sustained >= at_once:
        return core_s / at_once
    full_speed = min(core_s, FIRST_SAVED_S * size.cpus / (1 - sustained / at_once))
    return full_speed / at_once + (core_s - full_speed) / sustained


def ordinary_sizes() -> tuple[Size, ...]:
    """Return the sizes without a GPU, by name as Fly lists them."""
    return tuple(size for size in SIZES.values() if not size.gpu_kind)
