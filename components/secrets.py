"""Fly secrets and generated passwords as Pulumi resources; values only ever in encrypted state."""

import secrets as randomness
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource

from components.adoption import Adoption, AdoptionError
from components.declared import DECLARED, declared
from components.provider import FlyProvider, Made, Properties, Seen, report
from fly.errors import FlyError
from fly.held_values import other_values

if TYPE_CHECKING:
    from fly.api import FlyApi

DATABASE_ADDRESS = ("postgres://", "postgresql://")
OTHER_VALUE = "of another value"  # in place of the digest of a value that was never ours


class SecretsProvider(FlyProvider):
    """Sets an app's secrets in one call and recognises a change by Fly's own digests.

    Values cannot be read back. `digests` are the ones Fly answered when *we* set them; `names`
    says "as declared" while they still hold, so that a preview names each secret that moved.
    Secrets that nobody declared are left alone.
    """

    computed: ClassVar[tuple[str, ...]] = ("digests", "version")
    replaced_by: ClassVar[tuple[str, ...]] = ("app",)

    def make(self, api: "FlyApi", inputs: Properties) -> Made:
        """Set every value."""
        return self._set(api, inputs["app"], inputs["values"], removed=())

    def adopt(self, api: "FlyApi", inputs: Properties, order: Adoption) -> Made:
        """Record the digests that the app has; no value is sent, so no machine has to restart."""
        app = inputs["app"]
        order.need_app(app)
        digests = order.digests(tuple(inputs["values"]), api.secrets.list(app))
        others = _other_addresses(api, app, inputs["values"], order)
        digests |= dict.fromkeys(others, OTHER_VALUE)
        return Made(f"{app}/secrets", {"digests": digests, "version": order.secrets_version})

    def change(self, api: "FlyApi", id_: str, before: Properties, inputs: Properties) -> Made:
        """Set every value again and unset the names that are no longer declared."""
        removed = tuple(sorted(set(before.get("digests") or {}) - set(inputs["values"])))
        return self._set(api, inputs["app"], inputs["values"], removed=removed)

    def look(self, api: "FlyApi", id_: str, outputs: Properties) -> Seen | None:
        """Compare Fly's digests with the recorded ones."""
        now = {secret.name: secret.digest for secret in api.secrets.list(outputs["app"])}
        names = {
            name: declared(digest, now[name])
            for name, digest in (outputs.get("digests") or {}).items()
            if name in now
        }
        return Seen({"names": names}, {})

    def remove(self, api: "FlyApi", id_: str, outputs: Properties) -> None:
        """Unset the secrets that we set."""
        app = outputs["app"]
        held = {secret.name for secret in api.secrets.list(app)}
        gone: Mapping[str, None] = dict.fromkeys(sorted(held & set(outputs["digests"])))
        if gone:
            api.secrets.update(app, gone)

    def _set(
        self, api: "FlyApi", app: str, values: Mapping[str, str], *, removed: tuple[str, ...]
    ) -> Made:
        answer = api.secrets.update(app, {**values, **dict.fromkeys(removed)})
        held = {secret.name: secret.digest for secret in api.secrets.list(app)}
        digests = {name: held[name] for name in sorted(values)}
        return Made(f"{app}/secrets", {"digests": digests, "version": answer.version or 0})


def _other_addresses(
    api: "FlyApi", app: str, values: Mapping[str, str], order: Adoption
) -> tuple[str, ...]:
    """Return the database addresses that the app has in another form than the one given here.

    Those are put together from settings, and a team's own says the same in other words. Any other
    value that is not the machines' is refused: the next change of a secret would set it.
    """
    try:
        machine = next(iter(order.machines))
        moved = other_values(api, app, machine, values, salt=randomness.token_hex(16))
    except (FlyError, ValueError, StopIteration) as error:
        report(f"the values of secrets could not be compared with the machines': {error}")
        return ()
    refused = [name for name in moved if not values[name].startswith(DATABASE_ADDRESS)]
    if refused:
        raise AdoptionError(
            f"adopt: app {app} has other values of {', '.join(refused)} than those given here "
            "(neither is shown)\n"
            "  the next change of any secret would set the ones given here; nothing was touched\n"
            "  give the values that the app has: `pulumi config set --secret gateway:NAME`"
        )
    for name in moved:
        report(f"{name} is another address than the settings say: the next deployment sets it")
    return moved


class Secrets(Resource, module="fly", name="Secrets"):
    """The secrets of one app; machines see them after their next update."""

    version: pulumi.Output[int]
    digests: pulumi.Output[dict[str, str]]

    def __init__(
        self,
        resource_name: str,
        *,
        app: pulumi.Input[str],
        values: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, Any] = {
            "app": app,
            "names": dict.fromkeys(sorted(values), DECLARED),
            "values": pulumi.Output.secret(dict(sorted(values.items()))),
            "digests": None,
            "version": None,
        }
        super().__init__(SecretsProvider(), resource_name, properties, opts)


class GeneratedSecretProvider(FlyProvider):
    """Makes a random value once; it lives in the stack's encrypted state only."""

    computed: ClassVar[tuple[str, ...]] = ("value",)
    replaced_by: ClassVar[tuple[str, ...]] = ("prefix", "length")

    def create(self, props: Properties) -> CreateResult:
        """Draw the value; needs no API."""
        length = int(props["length"])
        value = props["prefix"] + randomness.token_hex(length)[:length]
        return CreateResult(
            "generated", {"prefix": props["prefix"], "length": length, "value": value}
        )

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Answer what the state holds: no platform knows this value."""
        outputs = {key: props[key] for key in ("prefix", "length", "value")}
        return ReadResult(
            id_, outputs, inputs={"prefix": props["prefix"], "length": props["length"]}
        )

    def delete(self, _id: str, _props: Properties) -> None:
        """Forget it."""


class GeneratedSecret(Resource, module="fly", name="GeneratedSecret"):
    """A random password of `length` hexadecimal digits behind `prefix`."""

    value: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        prefix: str = "",
        length: int = 48,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        properties: dict[str, Any] = {"prefix": prefix, "length": length, "value": None}
        super().__init__(
            GeneratedSecretProvider(),
            resource_name,
            properties,
            pulumi.ResourceOptions.merge(opts, secret),
        )
