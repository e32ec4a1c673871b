"""The whole gateway of one environment: data stores, app, addresses, secrets, proven release."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.app import App, IpAssignment
from components.bundle import Bundle, make_bundle
from components.certificate import Certificate
from components.flyctl import FlyctlDeployment, deployment_fields
from components.image_signature import image_signature
from components.machine_config import gateway_machine_config
from components.redis import Redis
from components.release import Release
from components.secrets import GeneratedSecret, Secrets
from components.stores import provide_postgres
from gateway.proof_plan import proof_command
from gateway.secret_names import key_digest, provider_keys, query_key_name, required_secrets
from gateway.server import migration_arguments, migration_entrypoint, migration_environment
from stacks.settings import Settings
from stacks.values import Deployer, SecretSource, Store

SecretValue = Callable[[str], pulumi.Output[str]]
MASTER_KEY_PREFIX = "sk-"  # LiteLLM refuses a master key that begins otherwise
QUERY_KEY_PREFIX = "phx_"  # as PostHog's own; one that is generated opens the sandbox's alone


class Gateway(pulumi.ComponentResource):
    """One gateway, from settings to a release that proved every declared fallback.

    `secret_value` answers the values of secrets whose source is `config` or `environment`; the
    caller has checked that every one is there. Does not manage DNS records or the organisation.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        secret_value: SecretValue,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        bundle = make_bundle(settings)
        super().__init__("gateway:index:Gateway", name, {"bundle": bundle.digest}, opts)
        self._name = name
        self._settings = settings
        self._secret_value = secret_value
        self._child = pulumi.ResourceOptions(parent=self)
        self._outputs: dict[str, pulumi.Input[Any]] = {}
        self._stores: list[pulumi.Resource] = []
        verified = image_signature(f"{name}-image-signature", settings, self._child)
        self._verified = [verified] if verified is not None else []
        values = self._provided_by_stores()
        values.update(self._declared(missing_from=values))
        app = App(
            f"{name}-app",
            name=settings.fly.app,
            organization=settings.fly.organization,
            opts=self._child,
        )
        addresses = [
            IpAssignment(f"{name}-{kind}", app=app.name, type=kind, opts=self._child)
            for kind in ("v6", "shared_v4")
        ]
        self._certificates(app, addresses)
        secrets = Secrets(f"{name}-secrets", app=app.name, values=values, opts=self._child)
        release = self._release(bundle, app, secrets, values, addresses)
        self._publish(bundle, release, addresses)
        self._outputs["key_digests"] = self._key_digests(values)
        self.outputs: Mapping[str, pulumi.Input[Any]] = self._outputs
        self.register_outputs(dict(self._outputs))

    def _certificates(self, app: App, addresses: list[IpAssignment]) -> None:
        """Add the environment's own host names; what their owner sets in DNS is an output."""
        # The addresses first: they are what the DNS records name.
        after = pulumi.ResourceOptions(parent=self, depends_on=addresses)
        made = {
            hostname: Certificate(
                f"{self._name}-certificate-{hostname}", app=app.name, hostname=hostname, opts=after
            )
            for hostname in self._settings.fly.hostnames
        }
        if made:
            self._outputs["dns_records"] = {name: each.dns_records for name, each in made.items()}

    def _provided_by_stores(self) -> dict[str, pulumi.Input[str]]:
        """Provision Postgres and Redis and return the secrets that come from them."""
        settings = self._settings
        values: dict[str, pulumi.Input[str]] = {}
        needed = {secret.name for secret in required_secrets(settings)}
        if settings.redis is not None and settings.redis.kind == "app":
            redis = Redis(f"{self._name}-redis", settings, self._child)
            values[settings.redis.password] = redis.password
            self._stores.append(redis)
            self._outputs["redis_address"] = redis.address
        postgres = provide_postgres(
            f"{self._name}-postgres", settings, self._role_password, self._child
        )
        values.update(postgres.secrets)
        self._outputs |= postgres.outputs
        self._stores += postgres.resources
        return {name: value for name, value in values.items() if name in needed}

    def _role_password(self) -> pulumi.Output[str]:
        """Return the password of an existing cluster's role."""
        postgres = self._settings.postgres
        return self._value(postgres.role_password if postgres else "", "")

    def _declared(self, *, missing_from: Mapping[str, Any]) -> dict[str, pulumi.Input[str]]:
        """Return the secrets whose values are configured or generated."""
        values: dict[str, pulumi.Input[str]] = {}
        for secret in required_secrets(self._settings):
            if secret.name in missing_from:
                continue
            master = secret.name == self._settings.general_settings.master_key
            values[secret.name] = self._value(secret.name, MASTER_KEY_PREFIX if master else "")
        return values

    def _value(self, name: str, prefix: str) -> pulumi.Output[str]:
        """Return a secret's value; one that is generated begins with the prefix."""
        source = self._settings.secrets.get(name, SecretSource.CONFIG)
        if source is not SecretSource.GENERATED:
            return self._secret_value(name)
        resource = f"{self._name}-{name.lower().replace('_', '-')}"
        return GeneratedSecret(resource, prefix=prefix, opts=self._child).value

    def _events_key(self) -> pulumi.Input[str]:
        """Return the key by which a proof's events are read; kept for `gateway prove` too."""
        name = query_key_name(self._settings)
        if name is None:
            return ""
        self._outputs["events_key"] = pulumi.Output.secret(self._value(name, QUERY_KEY_PREFIX))
        return self._outputs["events_key"]

    def _release(
        self,
        bundle: Bundle,
        app: App,
        secrets: Secrets,
        values: Mapping[str, pulumi.Input[str]],
        addresses: list[IpAssignment],
    ) -> Release:
        settings = self._settings
        master_key = values[settings.general_settings.master_key or "LITELLM_MASTER_KEY"]
        self._outputs["master_key"] = pulumi.Output.secret(master_key)
        deployed = self._deployed_by_flyctl(bundle, app, secrets, addresses)
        return Release(
            f"{self._name}-release",
            environment=settings.environment,
            app=app.name,
            bundle=bundle.digest,
            config=gateway_machine_config(settings, bundle),
            counts=settings.fly.regions,
            primary_region=settings.fly.primary_region,
            strategy=settings.fly.strategy.value,
            wait_timeout_s=settings.fly.wait_timeout_s,
            secrets_version=secrets.version,
            migration=_migration(settings),
            proof_plan=bundle.proof_plan,
            proof_command=proof_command(settings),
            public_url=settings.fly.url,
            gate_key=master_key,
            contents={
                "image": bundle.image,
                "config_digest": bundle.yaml_digest,
                "toml_digest": bundle.toml_digest,
            },
            keep_evidence=settings.proof.keep_evidence,
            events=_events(settings),
            events_key=self._events_key(),
            flyctl_toml=bundle.fly_toml if deployed else "",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self._stores, *addresses, *self._verified, *deployed],
                custom_timeouts=pulumi.CustomTimeouts(create="60m", update="60m", delete="20m"),
            ),
        )

    def _deployed_by_flyctl(
        self, bundle: Bundle, app: App, secrets: Secrets, addresses: list[IpAssignment]
    ) -> list[pulumi.Resource]:
        """Have flyctl deploy before the Release judges; nothing where the Release deploys."""
        if self._settings.fly.deployer is not Deployer.FLYCTL:
            return []
        deployment = FlyctlDeployment(
            f"{self._name}-flyctl",
            deployment=deployment_fields(
                self._settings,
                bundle,
                app=app.name,
                secrets_version=secrets.version,
                migration=_migration(self._settings),
            ),
            triggers=[bundle.digest, bundle.toml_digest, secrets.version],
            depends_on=[*self._stores, *addresses, *self._verified],
            opts=self._child,
        )
        return [deployment]

    def _key_digests(self, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[Any]:
        """Return the digests of providers' keys, by which a promotion sees that two share one."""
        names = provider_keys(self._settings) & values.keys()
        keys = pulumi.Output.all(**{name: values[name] for name in sorted(names)})
        found = keys.apply(lambda known: {name: key_digest(known[name]) for name in sorted(known)})
        return pulumi.Output.unsecret(found)

    def _publish(self, bundle: Bundle, release: Release, addresses: list[IpAssignment]) -> None:
        self._outputs |= {
            "url": self._settings.fly.url,
            "app": self._settings.fly.app,
            "addresses": [address.address for address in addresses],
            "release": {
                "bundle": bundle.digest,
                "image": bundle.image,
                "image_digest": release.image_digest,
                "yaml_digest": bundle.yaml_digest,
                "toml_digest": bundle.toml_digest,
                "verdict": release.verdict,
                "proven_at": release.proven_at,
                "evidence_digest": release.evidence_digest,
                "evidence_file": release.evidence_file,
                "edges": release.edges,
                "machines": release.machine_ids,
            },
        }


def _events(settings: Settings) -> dict[str, Any]:
    query = settings.posthog.query if settings.posthog else None
    return query.model_dump(exclude={"api_key"}) if query else {}


def _migration(settings: Settings) -> dict[str, Any]:
    if settings.store is not Store.DATABASE:
        return {}
    migration: dict[str, Any] = {
        "command": list(migration_arguments(settings)),
        "environment": migration_environment(settings),
    }
    entrypoint = migration_entrypoint(settings)
    return migration | ({"entrypoint": list(entrypoint)} if entrypoint else {})
