"""Hypothesis strategies: JSON, machine configurations; and a value with its keys reordered."""

import base64
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
DURATIONS = st.sampled_from(
    ["60s", "1m0s", "1m", "90s", "1.5m", "500ms", "soon", ""]
) | st.integers(0, 10**11)
CHECKS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["http", "tcp"]),
        "interval": DURATIONS,
        "timeout": DURATIONS,
        "grace_period": DURATIONS,
        "method": st.sampled_from(["get", "GET", "post", ""]),
        "path": TEXT,
        "protocol": st.sampled_from(["http", "https"]),
        "tls_skip_verify": st.booleans(),
        "headers": st.lists(
            st.fixed_dictionaries({"name": TEXT, "values": st.lists(TEXT, max_size=2)}), max_size=2
        ),
        "kind": st.sampled_from(["informational", "readiness"]),
        "unknown": JSON,
    },
)
PORTS = st.fixed_dictionaries(
    {},
    optional={
        "port": st.integers(1, 9),
        "handlers": st.lists(st.sampled_from(["http", "tls"]), max_size=2),
        "force_https": st.booleans(),
        "http_options": JSON,
    },
)
SERVICES = st.fixed_dictionaries(
    {},
    optional={
        "protocol": st.just("tcp"),
        "internal_port": st.integers(1, 9),
        "autostop": st.booleans() | st.sampled_from(["off", "stop", "suspend"]),
        "autostart": st.booleans() | st.none(),
        "min_machines_running": st.integers(0, 2),
        "ports": st.lists(PORTS, max_size=3) | st.none(),
        "checks": st.lists(CHECKS, max_size=2) | st.none(),
        "concurrency": st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["connections", "requests"]), "soft_limit": JSON}
        ),
        "force_instance_key": st.none() | TEXT,
    },
)
FILES = st.fixed_dictionaries(
    {"guest_path": TEXT},
    optional={
        "raw_value": st.binary(max_size=4).map(lambda raw: base64.b64encode(raw).decode()) | TEXT,
        "secret_name": TEXT,
        "mode": st.integers(0, 0o777),
    },
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "env": st.dictionaries(TEXT | st.just("PRIMARY_REGION"), TEXT, max_size=3),
        "init": st.fixed_dictionaries({}, optional={"cmd": st.lists(TEXT, max_size=3)}),
        "guest": JSON | st.just({"cpus": 1, "cpu_kind": "shared", "memory_mb": 256, "gpus": 0}),
        "metadata": st.dictionaries(
            st.sampled_from(["fly_process_group", "fly_release_id", "gateway_x", "mine"]), TEXT
        ),
        "mounts": st.lists(
            st.fixed_dictionaries(
                {"path": TEXT},
                optional={"volume": TEXT, "name": TEXT, "size_gb": st.integers(1, 3)},
            ),
            max_size=2,
        ),
        "services": st.lists(SERVICES, max_size=3) | st.none(),
        "checks": st.dictionaries(TEXT, CHECKS, max_size=2),
        "files": st.lists(FILES, max_size=3) | JSON,
        "restart": st.fixed_dictionaries(
            {},
            optional={
                "policy": st.sampled_from(["no", "always", "on-failure"]),
                "max_retries": st.sampled_from([0, 3, 10]),
            },
        ),
        "stop_config": st.fixed_dictionaries({}, optional={"timeout": DURATIONS, "signal": TEXT}),
        "image": TEXT,
        "auto_destroy": st.booleans(),
        "dns": st.fixed_dictionaries({}, optional={"skip_registration": st.booleans()}),
        "metrics": st.fixed_dictionaries({}, optional={"https": st.booleans(), "port": JSON}),
        "unknown": JSON,
    },
)


def reordered(value: Any) -> Any:
    """Return the same value with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reordered(item) for item in value]
    return value
