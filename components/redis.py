"""The gateway's Redis on one Fly machine: app, private address, volume, password, machine."""

from typing import Any

import pulumi

from components.app import App, IpAssignment
from components.data_machine import DataMachine
from components.secrets import GeneratedSecret, Secrets
from components.volume import Volume
from fly.canonical import canonical
from fly.guests import guest
from stacks.settings import Settings

DATA_PATH = "/data"
PORT = 6379

# The password comes from the environment and goes in through standard input, so that no process
# ever has it among its arguments; `exec` keeps the server the machine's main process.
_START = """exec valkey-server - <<EOF
bind 0.0.0.0
port {port}
dir {data}
appendonly yes
maxmemory {maxmemory_mb}mb
maxmemory-policy {policy}
requirepass $VALKEY_PASSWORD
EOF
"""


class Redis(pulumi.ComponentResource):
    """Redis kind `app`: Valkey with a password and a memory limit, reachable on flycast only.

    Does not manage replicas: what is in it may be lost (cooldowns, cached answers).
    """

    password: pulumi.Output[str]
    address: pulumi.Output[str]

    def __init__(
        self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gateway:data:Redis", name, {"app": settings.redis_app}, opts)
        redis = settings.redis
        if redis is None:
            raise ValueError("settings.redis is None: there is nothing to provision")
        guarded = pulumi.ResourceOptions(
            parent=self, protect=redis.protect, retain_on_delete=redis.protect
        )
        child = pulumi.ResourceOptions(parent=self)
        region = redis.machine.region or settings.fly.primary_region
        password = GeneratedSecret(f"{name}-password", opts=child)
        app = App(
            f"{name}-app",
            name=settings.redis_app,
            organization=settings.fly.organization,
            opts=guarded,
        )
        ip = IpAssignment(f"{name}-flycast", app=app.name, type="private_v6", opts=child)
        secrets = Secrets(
            f"{name}-secrets",
            app=app.name,
            values={"VALKEY_PASSWORD": password.value},
            opts=child,
        )
        volume = Volume(
            f"{name}-volume",
            app=app.name,
            name="redis",
            region=region,
            size_gb=redis.machine.volume_gb,
            opts=guarded,
        )
        DataMachine(
            f"{name}-machine",
            app=app.name,
            name="redis",
            region=region,
            config=volume.volume_id.apply(lambda id_: _config(settings, id_)),
            secrets_version=secrets.version,
            opts=guarded,
        )
        self.password = password.value
        self.address = ip.address
        self.register_outputs({"address": self.address})


def _config(settings: Settings, volume_id: str) -> dict[str, Any]:
    redis = settings.redis
    if redis is None:
        raise ValueError("settings.redis is None: there is nothing to configure")
    start = _START.format(
        port=PORT,
        data=DATA_PATH,
        maxmemory_mb=redis.maxmemory_mb,
        policy=redis.maxmemory_policy,
    )
    return canonical(
        {
            "image": redis.image,
            "init": {"cmd": ["sh", "-c", start]},
            "guest": guest(redis.machine.size, redis.machine.memory_mb),
            "mounts": [{"volume": volume_id, "path": DATA_PATH}],
            "services": [
                {
                    "protocol": "tcp",
                    "internal_port": PORT,
                    "autostop": "off",
                    "ports": [{"port": PORT}],
                    "checks": [
                        {"type": "tcp", "interval": "15s", "timeout": "2s", "grace_period": "10s"}
                    ],
                }
            ],
            "restart": {"policy": "always"},
            "stop_config": {"signal": "SIGTERM", "timeout": "30s"},
            "metadata": {"fly_platform_version": "v2", "fly_process_group": "redis"},
        }
    )
