"""What of typed settings Fly would refuse or do badly, and no rule about a fly.toml can see.

What stands in the rendered fly.toml is looked at there, by `fly.rules`: the size of the gateway's
machines, limits, signals, the strategy.
"""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fly.addresses import is_loopback
from fly.gates import EXEC_MARGIN_S, MOST_EXEC_S
from fly.guests import guest_problems
from fly.postgres_checks import postgres_problems
from fly.regions import region_problems
from fly.toml import extras_clashes
from stacks.paths import spell
from stacks.problem import Problem, Severity
from stacks.settings import Settings

if TYPE_CHECKING:
    from stacks.fly import DataMachine
    from stacks.stores import Redis

LEAST_CHECK_INTERVAL_S = 2  # flyctl-contract.md: top-level checks refuse less, services' raise it
MOST_CHECK_TIMEOUT_S = 60
MOST_APP_NAME = 63
FLY_DOMAIN = "fly.dev"

Place = Callable[[str], str]


def problems(settings: Settings, place: Place) -> Iterator[Problem]:
    """Yield what is wrong with the Fly side of an environment, all of it.

    `place` says where a setting was written, for a path such as `fly.memory_mb`.
    """
    yield from _regions(settings, place)
    yield from _check(settings, place)
    yield from _exec(settings, place)
    yield from _stores(settings, place)
    yield from _names(settings, place)
    yield from _api(settings, place)
    yield from _hostnames(settings, place)
    yield from _extras(settings, place)


def _extras(settings: Settings, place: Place) -> Iterator[Problem]:
    for path in extras_clashes(settings):
        yield Problem(
            place(spell(path)),
            "fly.extras",
            "",
            "fly.toml's key is rendered from another setting already",
            "change that setting (docs/settings.md lists them), and remove this",
        )


def _guest(size: str, memory_mb: int, table: str, place: Place) -> Iterator[Problem]:
    for problem in guest_problems(size, memory_mb, table):
        yield problem._replace(place=place(problem.place))


def _regions(settings: Settings, place: Place) -> Iterator[Problem]:
    fly = settings.fly
    for code in fly.regions:
        yield from region_problems(code, place(spell(("fly", "regions", code))))
    if fly.primary is not None and fly.primary not in fly.regions:
        yield Problem(
            place("fly.primary"),
            "fly.region",
            json.dumps(fly.primary),
            f"the primary region must have machines; regions: {', '.join(fly.regions)}",
            f"set {min(fly.regions)}, or add {fly.primary} to gateway:fly.regions",
        )
    if fly.primary is None and len(fly.regions) > 1:
        yield Problem(
            place("fly.primary"),
            "fly.region",
            "",
            f"with several regions ({', '.join(fly.regions)}) the primary one must be named:"
            " Pulumi does not keep the order in which they are written",
            f"pulumi config set -s {settings.environment} --path gateway:fly.primary"
            f" {min(fly.regions)}",
        )


def _check(settings: Settings, place: Place) -> Iterator[Problem]:
    check = settings.fly.check
    if check.interval_s < LEAST_CHECK_INTERVAL_S:
        yield Problem(
            place("fly.check.interval_s"),
            "fly.check",
            str(check.interval_s),
            f"Fly checks every {LEAST_CHECK_INTERVAL_S} seconds at most",
            "set 15",
        )
    most = min(MOST_CHECK_TIMEOUT_S, check.interval_s)
    if check.timeout_s > most:
        yield Problem(
            place("fly.check.timeout_s"),
            "fly.check",
            str(check.timeout_s),
            f"a check must end before the next begins (gateway:fly.check.interval_s ="
            f" {check.interval_s}), and within {MOST_CHECK_TIMEOUT_S} seconds",
            f"set {min(5, most)}",
        )


def _exec(settings: Settings, place: Place) -> Iterator[Problem]:
    given, most = settings.proof.total_timeout_s, MOST_EXEC_S - EXEC_MARGIN_S
    if given > most:
        yield Problem(
            place("proof.total_timeout_s"),
            "fly.exec",
            str(given),
            f"gate 1 runs inside a machine, where Fly ends a command after {MOST_EXEC_S} s;"
            f" starting and answering take up to {EXEC_MARGIN_S} s of them",
            f"set {most} or less",
        )


def _stores(settings: Settings, place: Place) -> Iterator[Problem]:
    postgres, redis = settings.postgres, settings.redis
    yield from postgres_problems(settings, place)
    if postgres is not None and postgres.kind == "single":
        yield from _data_machine(postgres.machine, "postgres.machine", place)
    if redis is not None and redis.kind == "app":
        yield from _data_machine(redis.machine, "redis.machine", place)
        yield from _redis_room(redis, place)


def _data_machine(machine: "DataMachine", table: str, place: Place) -> Iterator[Problem]:
    yield from _guest(machine.size, machine.memory_mb, table, place)
    if machine.region is not None:
        yield from region_problems(machine.region, place(f"{table}.region"))


def _redis_room(redis: "Redis", place: Place) -> Iterator[Problem]:
    if redis.maxmemory_mb * 2 > redis.machine.memory_mb:
        yield Problem(
            place("redis.maxmemory_mb"),
            "fly.memory",
            str(redis.maxmemory_mb),
            f"more than half of the machine's {redis.machine.memory_mb} MB: a rewrite of the"
            " append-only file may need as much again",
            f"set {redis.machine.memory_mb // 2}, or more gateway:redis.machine.memory_mb",
            Severity.ERROR if redis.maxmemory_mb >= redis.machine.memory_mb else Severity.WARNING,
        )
    disk_mb = redis.machine.volume_gb * 1024
    if redis.maxmemory_mb * 2 > disk_mb:
        yield Problem(
            place("redis.machine.volume_gb"),
            "fly.volume",
            str(redis.machine.volume_gb),
            f"too small for the append-only file of {redis.maxmemory_mb} MB and its rewrite",
            f"set {-(-redis.maxmemory_mb * 2 // 1024)}",
        )


def _names(settings: Settings, place: Place) -> Iterator[Problem]:
    names = {"fly.app": settings.fly.app}
    if settings.postgres is not None and settings.postgres.kind == "single":
        names["postgres.app"] = settings.postgres_app
    if settings.redis is not None and settings.redis.kind == "app":
        names["redis.app"] = settings.redis_app
    seen: dict[str, str] = {}
    for path, name in names.items():
        if name in seen:
            yield Problem(
                place(path),
                "fly.app",
                json.dumps(name),
                f"gateway:{seen[name]} has this name already, and each needs an app of its own",
                f"remove it, for the default, or choose another: {settings.fly.app}-"
                f"{'db' if path.startswith('postgres') else 'redis'}",
            )
        elif len(name) > MOST_APP_NAME:
            yield Problem(
                place(path),
                "fly.app",
                json.dumps(name),
                f"longer than the {MOST_APP_NAME} characters of a Fly app's name",
                f"pulumi config set -s {settings.environment} --path gateway:{path} SHORTER",
            )
        seen.setdefault(name, path)


def _api(settings: Settings, place: Place) -> Iterator[Problem]:
    url = settings.fly.public_url
    if settings.fly.api == "sandbox" and (url is None or not is_loopback(urlsplit(url).hostname)):
        yield Problem(
            place("fly.public_url"),
            "fly.api",
            json.dumps(url) if url else "",
            "with the sandbox as its API, a gateway is reached on this machine only",
            f"pulumi config set -s {settings.environment} --path gateway:fly.public_url"
            " http://127.0.0.1:4281",
        )
    if settings.fly.api == "fly" and url is not None and url.startswith("http://"):
        yield Problem(
            place("fly.public_url"),
            "fly.api",
            json.dumps(url),
            "keys would travel in the clear",
            "begin it with https://",
        )


def _hostnames(settings: Settings, place: Place) -> Iterator[Problem]:
    fly, seen = settings.fly, set[str]()
    own = f"{fly.app}.{FLY_DOMAIN}"
    for index, hostname in enumerate(fly.hostnames):
        path = f"fly.hostnames[{index}]"
        if hostname.endswith(f".{FLY_DOMAIN}"):
            told = f"Fly gives every app its own name here, {own}, with a certificate"
            yield Problem(place(path), "fly.hostname", hostname, told, "remove it")
        elif hostname in seen:
            yield Problem(place(path), "fly.hostname", hostname, "it is named twice", "remove one")
        seen.add(hostname)
    host = urlsplit(fly.url).hostname or ""
    if fly.api == "fly" and fly.url.startswith("https://") and host not in {own, *fly.hostnames}:
        yield Problem(
            place("fly.public_url"),
            "fly.hostname",
            json.dumps(fly.public_url),
            f"neither {own} nor one of `fly.hostnames`: Fly answers by a name that it has a"
            " certificate for; behind a proxy of your own this is as it should be",
            f"add {host} to `fly.hostnames` in Pulumi.{settings.environment}.yaml",
            Severity.WARNING,
        )
