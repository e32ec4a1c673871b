"""The calls about what surrounds machines: apps, addresses, secrets, volumes."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from fly.calls import Call, Connection, nothing
from fly.errors import FlyAmbiguous, FlyNameTaken, FlyNotFound
from fly.replies import App, Ip, IpType, Secret, SecretsUpdate, Volume

T = TypeVar("T")
CREATE_ATTEMPTS = 3  # of a create whose outcome stays unknown
LOOKS = 3  # for what a create may have made, with back-off between them: Fly's lists lag


def resolved(connection: Connection, create: Callable[[], T], look: Callable[[], T | None]) -> T:
    """Create something exactly once, also when a reply is lost.

    `look` finds what an earlier attempt made, or answers None. After an attempt with an unknown
    outcome it is asked a few times, and only then is the create sent again. Raises `FlyAmbiguous`
    once all attempts have an unknown outcome and nothing is found.
    """
    for attempt in range(CREATE_ATTEMPTS):
        try:
            return create()
        except FlyAmbiguous:
            for tries in range(LOOKS):
                connection.sleep(connection.backoff_s(tries))
                found = look()
                if found is not None:
                    return found
            if attempt == CREATE_ATTEMPTS - 1:
                raise
    raise AssertionError  # the last attempt returns or raises


class Apps:
    """Apps of an organisation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> App:
        """Return the app; raises `FlyNotFound`, and `FlyUnauthorized` for another's app."""
        return self._connection.send(Call("GET", _app(name), "app.get", name), App.parse)

    def find(self, name: str) -> App | None:
        """Return the app, or None when there is none of this name."""
        try:
            return self.get(name)
        except FlyNotFound:
            return None

    def list(self, org_slug: str) -> tuple[App, ...]:
        """Return the organisation's apps."""
        call = Call("GET", "/apps", "app.list", org_slug, query={"org_slug": org_slug})
        return self._connection.send(call, lambda answer: _each(answer, "apps", App.parse))

    def create(self, name: str, *, org_slug: str, network: str | None = None) -> App:
        """Create the app and return it as Fly shows it.

        Raises `FlyNameTaken` when the name was taken before this call; an app that this very call
        made behind a lost reply is found and returned.
        """
        body = {"app_name": name, "name": name, "org_slug": org_slug}
        if network:
            body["network"] = network
        call = Call("POST", "/apps", "app.create", name, body=body, repeatable=False)
        unknown_before = False

        def create() -> App:
            nonlocal unknown_before
            try:
                self._connection.send(call, nothing)
            except FlyAmbiguous:
                unknown_before = True
                raise
            except FlyNameTaken:
                ours = look() if unknown_before else None
                if ours is None:
                    raise
                return ours
            return self._fresh(name)

        def look() -> App | None:
            app = self.find(name)
            return app if app is not None and app.organization in {"", org_slug} else None

        return resolved(self._connection, create, look)

    def _fresh(self, name: str) -> App:
        """Return an app that was just made: Fly may need a moment to show it."""
        for attempt in range(LOOKS):
            app = self.find(name)
            if app is not None:
                return app
            self._connection.sleep(self._connection.backoff_s(attempt))
        return self.get(name)

    def delete(self, name: str) -> None:
        """Delete the app with all that it holds; one that is gone is fine."""
        _delete(self._connection, Call("DELETE", _app(name), "app.delete", name))


class Ips:
    """Addresses of apps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, app: str) -> tuple[Ip, ...]:
        """Return the app's addresses, public and private."""
        call = Call("GET", f"{_app(app)}/ip_assignments", "ip.list", app)
        return self._connection.send(call, lambda answer: _each(answer, "ips", Ip.parse))

    def create(
        self,
        app: str,
        kind: IpType | str,
        *,
        org_slug: str = "",
        region: str = "",
        network: str = "",
        service_name: str = "",
    ) -> Ip:
        """Assign an address of this kind.

        After a lost reply an address of the kind that the app now has is taken for ours: ask for
        a second one of a kind only when it may also be the first.
        """
        kind = IpType(kind)
        body = {
            "type": str(kind),
            "org_slug": org_slug,
            "region": region,
            "network": network,
            "service_name": service_name,
        }
        path = f"{_app(app)}/ip_assignments"
        call = Call("POST", path, "ip.create", app, body=body, repeatable=False)
        return resolved(
            self._connection,
            lambda: self._connection.send(call, Ip.parse),
            lambda: next((ip for ip in self.list(app) if ip.type == kind), None),
        )

    def delete(self, app: str, address: str) -> None:
        """Give the address back; one that is gone is fine."""
        path = f"{_app(app)}/ip_assignments/{quote(address, safe='')}"
        _delete(self._connection, Call("DELETE", path, "ip.delete", app))


class Secrets:
    """Secrets of apps. Values go into request bodies and nowhere else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, app: str) -> tuple[Secret, ...]:
        """Return names and digests, sorted by name."""
        call = Call("GET", f"{_app(app)}/secrets", "secret.list", app)
        secrets = self._connection.send(call, lambda answer: _each(answer, "secrets", Secret.parse))
        return tuple(sorted(secrets, key=lambda secret: secret.name))

    def update(self, app: str, values: Mapping[str, str | None]) -> SecretsUpdate:
        """Set the values given and unset the names whose value is None, in one step.

        Running machines keep what they have: the next create or update of a machine sees them.
        """
        hidden = tuple(value for value in values.values() if value)
        path = f"{_app(app)}/secrets"
        body = {"values": dict(values)}
        call = Call("POST", path, "secret.update", app, body=body, hidden=hidden)
        return self._connection.send(call, SecretsUpdate.parse)


class Volumes:
    """Volumes of apps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, app: str) -> tuple[Volume, ...]:
        """Return the app's volumes without those that are being destroyed."""
        call = Call("GET", f"{_app(app)}/volumes", "volume.list", app)
        volumes = self._connection.send(call, lambda answer: _each(answer, None, Volume.parse))
        return tuple(volume for volume in volumes if not volume.leaving)

    def get(self, app: str, volume_id: str) -> Volume:
        """Return the volume, also while it is being destroyed; raises `FlyNotFound`."""
        call = Call("GET", f"{_app(app)}/volumes/{quote(volume_id)}", "volume.get", volume_id)
        return self._connection.send(call, Volume.parse)

    def find(self, app: str, volume_id: str) -> Volume | None:
        """Return the volume, or None when it is gone or on its way out."""
        try:
            volume = self.get(app, volume_id)
        except FlyNotFound:
            return None
        return None if volume.leaving else volume

    def create(
        self,
        app: str,
        *,
        name: str,
        region: str,
        size_gb: int,
        encrypted: bool = True,
        snapshot_retention_days: int | None = None,
    ) -> Volume:
        """Create a volume.

        Fly lets several volumes have one name. Give each a name of its own: after a lost reply
        a volume of this name, in this region and held by no machine, is taken for ours.
        """
        body: dict[str, Any] = {
            "name": name,
            "region": region,
            "size_gb": size_gb,
            "encrypted": encrypted,
        }
        if snapshot_retention_days is not None:
            body["snapshot_retention"] = snapshot_retention_days
        path = f"{_app(app)}/volumes"
        call = Call("POST", path, "volume.create", app, body=body, repeatable=False)

        def look() -> Volume | None:
            ours = (
                volume
                for volume in self.list(app)
                if (volume.name, volume.region) == (name, region)
                and volume.attached_machine_id is None
            )
            return next(ours, None)

        return resolved(self._connection, lambda: self._connection.send(call, Volume.parse), look)

    def delete(self, app: str, volume_id: str) -> None:
        """Destroy the volume; one that is gone is fine. Fly refuses while a machine holds it."""
        path = f"{_app(app)}/volumes/{quote(volume_id)}"
        _delete(self._connection, Call("DELETE", path, "volume.delete", volume_id))


def _app(name: str) -> str:
    return f"/apps/{quote(name, safe='')}"


def _delete(connection: Connection, call: Call) -> None:
    try:
        connection.send(call, nothing)
    except FlyNotFound:
        return


def _each(answer: Any, key: str | None, parse: Callable[[Any], T]) -> tuple[T, ...]:
    """Read a list that stands under a key, or at the top when `key` is None; null is empty."""
    rows = answer if key is None or not answer else answer.get(key)
    return tuple(parse(row) for row in rows or ())
