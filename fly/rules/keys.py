"""Which keys flyctl reads in each table of a fly.toml; any other it drops in silence."""

import difflib
from collections.abc import Iterator, Mapping

from fly.rules.reading import (
    CONFIG_GO,
    CONTRACT,
    METRICS_KEYS,
    VM_KEYS,
    Placed,
    Table,
    services,
    table,
    tables,
    tables_in,
    toml_of,
)
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


TOP = _keys(
    "app primary_region kill_signal kill_timeout swap_size_mb console_command experimental build"
    " deploy env processes mount mounts http_service services checks files host_dedication_id"
    " machine_config container machine_checks restart vm compute computes statics metric metrics"
)
BUILD = _keys(
    "builder args buildpacks image settings builtin dockerfile ignorefile build-target build_target"
    " compose compression compression_level"
)
DEPLOY = _keys(
    "strategy max_unavailable wait_timeout release_command release_command_timeout"
    " release_command_vm seed_command"
)
# The last five are of the time before machines: flyctl still finds them in old files.
EXPERIMENTAL = _keys(
    "cmd entrypoint exec auto_rollback enable_consul enable_etcd lazy_load_images attached"
    " machine_config kill_timeout metrics_port metrics_path allowed_public_ports private_network"
)
SERVICE = _keys(
    "internal_port auto_stop_machines auto_start_machines min_machines_running processes"
    " concurrency machine_checks"
)
HTTP_SERVICE = SERVICE | _keys("force_https tls_options http_options checks")
OTHER_SERVICE = SERVICE | _keys("protocol ports tcp_checks http_checks script_checks")
CONCURRENCY = _keys("type hard_limit soft_limit")
HTTP_CHECK = _keys(
    "interval timeout grace_period method path protocol tls_skip_verify tls_server_name headers"
)
TCP_CHECK = _keys("interval timeout grace_period")
TOP_CHECK = HTTP_CHECK | _keys("name port type processes")
PORT = _keys(
    "port start_port end_port handlers force_https tls_options http_options proxy_proto_options"
)
VM = _keys(
    "size memory cpu_kind cpus memory_mb max_memory_mb gpus gpu_kind host_dedication_id"
    " persist_rootfs kernel_args processes"
)
METRICS = _keys("port path https processes")
FILE = _keys("guest_path local_path secret_name raw_value processes")
RESTART = _keys("policy retries processes")
MOUNT = _keys(
    "source destination initial_size snapshot_retention scheduled_snapshots processes"
    " auto_extend_size_threshold auto_extend_size_increment auto_extend_size_limit"
)
LIKE_ONE = 0.7  # of difflib's likeness: `memry` is `memory`, `name` is nothing


def _known(toml: Table) -> Iterator[tuple[Placed, frozenset[str]]]:
    """Yield every table with the keys that flyctl reads in it."""
    yield (("fly",), toml), TOP
    for key, keys in (("build", BUILD), ("deploy", DEPLOY), ("experimental", EXPERIMENTAL)):
        yield (("fly", key), table(toml.get(key))), keys
    for key, keys in (("files", FILE), ("restart", RESTART)):
        yield from ((placed, keys) for placed in tables(toml, key))
    yield from ((placed, VM) for placed in tables(toml, *VM_KEYS))
    yield from ((placed, METRICS) for placed in tables(toml, *METRICS_KEYS))
    yield from ((placed, MOUNT) for placed in tables(toml, "mounts", "mount"))
    checks = toml.get("checks")
    if isinstance(checks, Mapping):
        for name, check in checks.items():
            yield (("fly", "checks", str(name)), table(check)), TOP_CHECK
    for path, service in services(toml):
        http = path == ("fly", "http_service")
        yield (path, service), HTTP_SERVICE if http else OTHER_SERVICE
        yield ((*path, "concurrency"), table(service.get("concurrency"))), CONCURRENCY
        for key, keys in (("checks", HTTP_CHECK), ("http_checks", HTTP_CHECK)):
            yield from ((placed, keys) for placed in tables_in(service.get(key), (*path, key)))
        for key, keys in (("tcp_checks", TCP_CHECK), ("ports", PORT)):
            yield from ((placed, keys) for placed in tables_in(service.get(key), (*path, key)))


def _unknown(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    for (path, entries), keys in _known(toml):
        for key in entries:
            name = str(key)
            if name.lower() in keys:
                continue
            near = difflib.get_close_matches(name.lower(), keys, n=1, cutoff=LIKE_ONE)
            section = ".".join(str(part) for part in path[1:]) or "the top of the file"
            yield Finding(
                (*path, name),
                "",
                f"flyctl reads no such key in {section}, and drops it in silence",
                f'did you mean "{near[0]}"?' if near else "remove it, or move it to its table",
            )


RULES = (
    Rule(
        id="F055",
        title="flyctl does not read a key",
        severity=Severity.WARNING,
        about="any key of the file",
        evidence=(CONFIG_GO, CONTRACT),
        remedy="Correct its name, or move it to the table that has it.",
        failing=Example(fly='kil_signal = "SIGTERM"\n'),
        passing=Example(fly='kill_signal = "SIGTERM"\n'),
        find=_unknown,
    ),
)
