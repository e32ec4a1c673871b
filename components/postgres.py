"""The gateway's Postgres on one Fly machine: app, private address, volume, machine, database."""

from typing import Any

import pulumi

from components.app import App, IpAssignment
from components.data_machine import DataMachine
from components.database import Database
from components.secrets import GeneratedSecret, Secrets
from components.volume import Volume
from fly.canonical import canonical
from fly.guests import guest
from gateway.database_url import database_url, for_libpq, without_password
from stacks.settings import Settings

DATA_PATH = "/var/lib/postgresql"
PGDATA = f"{DATA_PATH}/18/docker"  # where the official image of Postgres 18 expects it
PORT = 5432


class Postgres(pulumi.ComponentResource):
    """Postgres kind `single`: the official image, one volume, reachable on flycast only.

    Does not manage backups beyond Fly's daily volume snapshots, replicas, or upgrades between
    major versions. Where `protect` is set, nothing of it can be deleted and the data are kept.
    """

    role_password: pulumi.Output[str]
    connected: pulumi.Output[str]
    address: pulumi.Output[str]

    def __init__(
        self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gateway:data:Postgres", name, {"app": settings.postgres_app}, opts)
        postgres = settings.postgres
        if postgres is None:
            raise ValueError("settings.postgres is None: there is nothing to provision")
        guarded = pulumi.ResourceOptions(
            parent=self, protect=postgres.protect, retain_on_delete=postgres.protect
        )
        child = pulumi.ResourceOptions(parent=self)
        region = postgres.machine.region or settings.fly.primary_region
        superuser = GeneratedSecret(f"{name}-superuser", opts=guarded)
        role = GeneratedSecret(f"{name}-role", opts=guarded)
        app = App(
            f"{name}-app",
            name=settings.postgres_app,
            organization=settings.fly.organization,
            opts=guarded,
        )
        ip = IpAssignment(f"{name}-flycast", app=app.name, type="private_v6", opts=child)
        secrets = Secrets(
            f"{name}-secrets",
            app=app.name,
            values={"POSTGRES_PASSWORD": superuser.value, "POSTGRES_ROLE_PASSWORD": role.value},
            opts=child,
        )
        volume = Volume(
            f"{name}-volume",
            app=app.name,
            name="postgres",
            region=region,
            size_gb=postgres.machine.volume_gb,
            opts=guarded,
        )
        machine = DataMachine(
            f"{name}-machine",
            app=app.name,
            name="postgres",
            region=region,
            config=volume.volume_id.apply(lambda id_: _config(settings, id_)),
            secrets_version=secrets.version,
            opts=guarded,
        )
        database = Database(
            f"{name}-database",
            app=app.name,
            machine_id=machine.machine_id,
            secrets_version=secrets.version,
            superuser=postgres.superuser,
            role=postgres.role,
            database=postgres.database,
            uri=without_password(for_libpq(database_url(settings, ""))),
            opts=pulumi.ResourceOptions.merge(
                guarded, pulumi.ResourceOptions(depends_on=[ip, machine])
            ),
        )
        self.role_password = role.value
        self.connected = database.connected
        self.address = ip.address
        self.register_outputs({"connected": self.connected, "address": self.address})


def _config(settings: Settings, volume_id: str) -> dict[str, Any]:
    postgres = settings.postgres
    if postgres is None:
        raise ValueError("settings.postgres is None: there is nothing to configure")
    return canonical(
        {
            "image": postgres.image,
            "env": {"PGDATA": PGDATA, "POSTGRES_USER": postgres.superuser},
            "init": {"cmd": ["postgres", "-c", f"max_connections={postgres.max_connections}"]},
            "guest": guest(postgres.machine.size, postgres.machine.memory_mb),
            "mounts": [{"volume": volume_id, "path": DATA_PATH}],
            "services": [
                {
                    "protocol": "tcp",
                    "internal_port": PORT,
                    "autostop": "off",
                    "ports": [{"port": PORT}],
                    "checks": [
                        {"type": "tcp", "interval": "15s", "timeout": "2s", "grace_period": "30s"}
                    ],
                }
            ],
            "restart": {"policy": "always"},
            # SIGINT is Postgres' fast shutdown: sessions end, nothing is lost.
            "stop_config": {"signal": "SIGINT", "timeout": "1m0s"},
            "metadata": {"fly_platform_version": "v2", "fly_process_group": "postgres"},
        }
    )
