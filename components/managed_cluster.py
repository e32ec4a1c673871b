"""A cluster of Fly's Managed Postgres as a Pulumi resource: made once, awaited, never changed."""

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import DiffResult, Resource

from components.provider import FlyProvider, Made, Properties, Seen, report
from fly.errors import FlyNotFound
from fly.managed_postgres import READY, Cluster, ManagedPostgresError
from stacks.managed_plans import MOST_DISK_AT_CREATION_GB
from stacks.settings import Settings

if TYPE_CHECKING:
    from fly.api import FlyApi

DASHBOARD = "https://fly.io/dashboard"


class ManagedClusterProvider(FlyProvider):
    """Creates a cluster once per organisation and name, and reads how it is now.

    Fly's API has no call that changes a cluster. What the settings want otherwise is therefore
    refused with the way to do it, and nothing but the resource's record is touched: a disk that is
    to shrink before anything else of the program, all else when its turn comes, which is before
    any machine of the gateway. A disk that grew at Fly is shown as drift and accepted: only what an
    earlier run asked for can be asked back.
    """

    computed: ClassVar[tuple[str, ...]] = (
        "cluster_id",
        "pooled_host",
        "pooled_port",
        "direct_host",
        "direct_port",
        "asked_disk_size_gb",
    )
    replaced_by: ClassVar[tuple[str, ...]] = ("organization", "name", "region")

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Create the cluster and wait until it is ready, or take up the one of this name."""
        clusters, name = api.managed_postgres, inputs["name"]
        cluster = clusters.find(inputs["organization"], name)
        if cluster is None:
            _creatable(inputs)
            report(
                f"creating cluster {name} ({inputs['plan']}, {inputs['disk_size_gb']} GB, "
                f"{inputs['region']}): Fly takes some minutes"
            )
            cluster = clusters.create(
                inputs["organization"],
                name=name,
                region=inputs["region"],
                plan=inputs["plan"],
                disk_size_gb=inputs["disk_size_gb"],
                pg_major_version=inputs["pg_major_version"],
                pool_mode=inputs["pool_mode"],
            )
        elif cluster.status != READY:
            report(f"taking cluster {name} up again: it is {cluster.status}")
        ready = clusters.await_ready(cluster.id, progress=report)
        _agreeing(ready, inputs, region=True)
        return _made(ready, inputs)

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Take over what was changed at Fly meanwhile; refuse what would have to change there."""
        cluster = api.managed_postgres.get(id_)
        _not_smaller(before, inputs)
        _agreeing(cluster, inputs, region=False)
        if cluster.disk_size_gb > inputs["disk_size_gb"]:
            report(
                f"cluster {inputs['name']}: its disk has {cluster.disk_size_gb} GB and stays so; "
                f"set postgres.managed.disk_size_gb to it"
            )
        if inputs["pool_mode"] != before.get("pool_mode"):
            report(
                f"cluster {inputs['name']}: set its pool mode to {inputs['pool_mode']} in Fly's "
                "dashboard too (Connect, Pooler Settings): Fly's API neither shows nor changes it"
            )
        return _made(cluster, inputs)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Read plan, disk and version; the pool mode cannot be read.

        Fly answers "not found" also to a token of another organisation: a cluster counts as gone
        only for a token that can list the organisation's clusters.
        """
        try:
            cluster = api.managed_postgres.get(id_)
        except FlyNotFound:
            api.managed_postgres.list(outputs["organization"])
            return None
        if cluster.leaving:
            return None
        seen = {
            "name": cluster.name,
            "region": cluster.region,
            "plan": cluster.plan,
            "disk_size_gb": cluster.disk_size_gb,
            "pg_major_version": cluster.pg_major_version,
        }
        return Seen(seen, _endpoints(cluster) if cluster.pooler.host else {})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Delete the cluster with its data; Fly keeps backups for a while."""
        api.managed_postgres.delete(id_)

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> DiffResult:
        """Refuse a smaller disk already in a preview."""
        _not_smaller(_olds, _news)
        return super().diff(_id, _olds, _news)


class ManagedCluster(Resource, module="fly", name="ManagedCluster"):
    """A cluster; `disk_size_gb` is of one node, `plan` and `pool_mode` in Fly's words."""

    cluster_id: pulumi.Output[str]
    pooled_host: pulumi.Output[str]
    pooled_port: pulumi.Output[int]
    direct_host: pulumi.Output[str]
    direct_port: pulumi.Output[int]

    def __init__(
        self, resource_name: str, settings: Settings, opts: pulumi.ResourceOptions
    ) -> None:
        if settings.postgres is None:
            raise ValueError("settings.postgres is None: there is nothing to provision")
        cluster = settings.postgres.managed
        properties: dict[str, Any] = {
            "organization": settings.fly.organization,
            "name": settings.postgres_cluster,
            "region": cluster.region or settings.fly.primary_region,
            "plan": cluster.plan.value,
            "disk_size_gb": cluster.disk_size_gb,
            "pg_major_version": cluster.pg_major_version,
            "pool_mode": cluster.pool_mode.value,
            **dict.fromkeys(ManagedClusterProvider.computed),
        }
        super().__init__(ManagedClusterProvider(), resource_name, properties, opts)


def _made(cluster: Cluster, inputs: Properties) -> Made:
    computed = {"asked_disk_size_gb": inputs["disk_size_gb"], **_endpoints(cluster)}
    return Made(cluster.id, computed)


def _endpoints(cluster: Cluster) -> Properties:
    return {
        "cluster_id": cluster.id,
        "pooled_host": cluster.pooler.host,
        "pooled_port": cluster.pooler.port,
        "direct_host": cluster.direct.host,
        "direct_port": cluster.direct.port,
    }


def _creatable(inputs: Properties) -> None:
    if inputs["disk_size_gb"] > MOST_DISK_AT_CREATION_GB:
        raise ManagedPostgresError(
            f"cluster {inputs['name']}: postgres.managed.disk_size_gb = {inputs['disk_size_gb']}\n"
            f"  Fly makes a cluster with at most {MOST_DISK_AT_CREATION_GB} GB; none was made\n"
            f"  set {MOST_DISK_AT_CREATION_GB}; its disk can be made larger afterwards"
        )


def _not_smaller(before: Properties, inputs: Properties) -> None:
    asked, wanted = before.get("asked_disk_size_gb"), inputs.get("disk_size_gb")
    if isinstance(asked, int | float) and isinstance(wanted, int | float) and wanted < asked:
        raise ManagedPostgresError(
            f"cluster {inputs['name']}: postgres.managed.disk_size_gb = {wanted:.0f}, was "
            f"{asked:.0f}\n"
            "  a disk of Managed Postgres only grows; nothing was changed\n"
            f"  set {asked:.0f} again; a smaller one takes a new cluster and a dump of the data"
        )


def _agreeing(cluster: Cluster, inputs: Properties, *, region: bool) -> None:
    """Raise for all that the settings want otherwise than it is, except a disk that grew."""
    wrong = []
    if cluster.plan != inputs["plan"]:
        wrong.append(
            f"postgres.managed.plan = {inputs['plan']}, is {cluster.plan}: change it in the "
            f"dashboard (Settings), or set {cluster.plan}"
        )
    if cluster.disk_size_gb < inputs["disk_size_gb"]:
        wrong.append(
            f"postgres.managed.disk_size_gb = {inputs['disk_size_gb']}, is "
            f"{cluster.disk_size_gb}: make it larger in the dashboard, or set "
            f"{cluster.disk_size_gb}"
        )
    if cluster.pg_major_version != inputs["pg_major_version"]:
        wrong.append(
            f"postgres.managed.pg_major_version = {inputs['pg_major_version']}, is "
            f"{cluster.pg_major_version}: another version takes a new cluster and a dump of the "
            f"data; set {cluster.pg_major_version}"
        )
    if region and cluster.region != inputs["region"]:
        wrong.append(
            f"postgres.managed.region = {inputs['region']}, is {cluster.region}: set "
            f"{cluster.region}, or give the new cluster another name"
        )
    if wrong:
        listed = "\n".join(f"  {line}" for line in wrong)
        raise ManagedPostgresError(
            f"cluster {cluster.name} ({cluster.id}) is not what the settings say\n{listed}\n"
            "  Fly's API has no call that changes a cluster; nothing was changed\n"
            f"  dashboard: {DASHBOARD}; then run `pulumi up` again, which finds no difference"
        )
