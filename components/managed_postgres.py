"""The gateway's database and user in a cluster of Managed Postgres, and the two addresses of it."""

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import Resource

from components.declared import DECLARED, declared
from components.managed_cluster import ManagedCluster
from components.provider import FlyProvider, Made, Properties, Seen, report
from gateway.database_url import Address, database_url, direct_url
from gateway.secret_names import digest_of
from stacks.settings import Settings

if TYPE_CHECKING:
    from fly.api import FlyApi

ROLE = "schema_admin"  # migrations make tables, and LiteLLM makes views as it starts


class ManagedDatabaseProvider(FlyProvider):
    """Creates a database in a cluster; deleting it does nothing, data go with their cluster.

    A preview does not know the id of a cluster that is to be changed: the cluster's name, not its
    id, says that it is another one.
    """

    replaced_by: ClassVar[tuple[str, ...]] = ("cluster", "name")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the database unless it is there."""
        report(f"creating database {inputs['name']}")
        api.managed_postgres.ensure_database(inputs["cluster_id"], inputs["name"])
        return Made(f"{inputs['cluster']}/{inputs['name']}", {})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Do the same again."""
        return self.make(api, inputs)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Look for the database among the cluster's."""
        names = api.managed_postgres.databases(outputs["cluster_id"])
        return Seen({"name": outputs["name"]}, {}) if outputs["name"] in names else None

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Keep the data."""


class ManagedDatabase(Resource, module="fly", name="ManagedDatabase"):
    """A database of a cluster."""

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: str,
        cluster_id: pulumi.Input[str],
        name: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {"cluster": cluster, "cluster_id": cluster_id, "name": name}
        super().__init__(ManagedDatabaseProvider(), resource_name, properties, opts)


class ManagedUserProvider(FlyProvider):
    """Creates a user whose password Fly makes, and notices when somebody had it made anew.

    The password is a secret output. `login` says "as declared" while Fly still has it: after
    a rotation in the dashboard the next `pulumi up` takes the new one, and so do the machines.
    """

    computed: ClassVar[tuple[str, ...]] = ("password", "password_digest")
    replaced_by: ClassVar[tuple[str, ...]] = ("cluster", "username")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the user, or give the one there is its role, and read the password."""
        cluster_id, username = inputs["cluster_id"], inputs["username"]
        report(f"creating user {username}")
        api.managed_postgres.ensure_user(cluster_id, username, inputs["role"])
        password = api.managed_postgres.password(cluster_id, username)
        computed = {"password": password, "password_digest": _digest(password)}
        return Made(f"{inputs['cluster']}/{username}", computed)

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Do the same again."""
        return self.make(api, inputs)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Read the role, and whether the password is the one that was read last."""
        cluster_id, username = outputs["cluster_id"], outputs["username"]
        user = api.managed_postgres.find_user(cluster_id, username)
        if user is None:
            return None
        digest = _digest(api.managed_postgres.password(cluster_id, username))
        login = declared(outputs.get("password_digest"), digest)
        return Seen({"role": user.role, "login": login}, {})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Delete the user."""
        api.managed_postgres.delete_user(outputs["cluster_id"], outputs["username"])


class ManagedUser(Resource, module="fly", name="ManagedUser"):
    """A user of a cluster with one of Fly's roles: schema_admin, writer, reader."""

    password: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: str,
        cluster_id: pulumi.Input[str],
        username: str,
        role: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "cluster": cluster,
            "cluster_id": cluster_id,
            "username": username,
            "role": role,
            "login": DECLARED,
            "password": None,
            "password_digest": None,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["password"])
        merged = pulumi.ResourceOptions.merge(opts, secret)
        super().__init__(ManagedUserProvider(), resource_name, properties, merged)


class ManagedPostgres(pulumi.ComponentResource):
    """Postgres kind `managed`: cluster, database, user, and the two addresses of the database.

    Does not manage plan, disk and pool mode after the creation (Fly's API cannot), nor backups,
    replicas, extensions and the attachment that Fly's dashboard shows. Where `protect` is set,
    nothing of it can be deleted and the data are kept.
    """

    database_url: pulumi.Output[str]
    direct_url: pulumi.Output[str]
    cluster_id: pulumi.Output[str]
    connected: pulumi.Output[str]

    def __init__(
        self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        kind = {"cluster": settings.postgres_cluster}
        super().__init__("gateway:data:ManagedPostgres", name, kind, opts)
        postgres = settings.postgres
        if postgres is None:
            raise ValueError("settings.postgres is None: there is nothing to provision")
        guarded = pulumi.ResourceOptions(
            parent=self, protect=postgres.protect, retain_on_delete=postgres.protect
        )
        patient = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="45m"))
        cluster = ManagedCluster(
            f"{name}-cluster", settings, pulumi.ResourceOptions.merge(guarded, patient)
        )
        database = ManagedDatabase(
            f"{name}-database",
            cluster=settings.postgres_cluster,
            cluster_id=cluster.cluster_id,
            name=postgres.database,
            opts=guarded,
        )
        user = ManagedUser(
            f"{name}-user",
            cluster=settings.postgres_cluster,
            cluster_id=cluster.cluster_id,
            username=postgres.role,
            role=ROLE,
            opts=guarded,
        )
        self.database_url = pulumi.Output.all(
            user.password, cluster.pooled_host, cluster.pooled_port
        ).apply(lambda known: database_url(settings, known[0], _address(known[1:])))
        self.direct_url = pulumi.Output.all(
            user.password, cluster.direct_host, cluster.direct_port
        ).apply(lambda known: direct_url(settings, known[0], _address(known[1:])))
        self.cluster_id = cluster.cluster_id
        self.connected = pulumi.Output.all(cluster.cluster_id, database.id, user.id).apply(
            lambda made: (
                f"user {postgres.role}, database {postgres.database} in cluster "
                f"{settings.postgres_cluster} ({made[0]})"
            )
        )
        self.register_outputs({"cluster_id": self.cluster_id})


def _address(known: list[Any]) -> Address:
    host, port = known
    return Address(str(host), int(port))


def _digest(password: str) -> str:
    """Return what tells one password of Fly's, which is long and random, from another."""
    return digest_of("database password", password)
