"""One look at Fly from many sides: each list is asked for once, whoever needs it."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fly.certificates import Certificate
from fly.managed_postgres import Cluster, User
from fly.replies import App, ExecResult, Ip, Machine, Secret, Volume

if TYPE_CHECKING:
    from fly.api import FlyApi

T = TypeVar("T")


class SharedLook:
    """Answers the reading calls of a `FlyApi` from lists that are asked for once per app.

    Threads may share one. What it answers is of one moment: make a new one for another look. It
    has no call that changes anything; `machines.exec` is the only one that is sent each time.
    """

    def __init__(self, api: "FlyApi") -> None:
        self._api = api
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], Future[Any]] = {}
        self.apps = _Apps(self)
        self.ips = _Ips(self)
        self.certificates = _Certificates(self)
        self.secrets = _Secrets(self)
        self.volumes = _Volumes(self)
        self.machines = _Machines(self)
        self.managed_postgres = _ManagedPostgres(self)

    def as_api(self) -> "FlyApi":
        """Return this for code that only reads and is written for a `FlyApi`."""
        return cast("FlyApi", self)

    def once(self, what: str, name: str, ask: Callable[["FlyApi"], T]) -> T:
        """Return the one answer; an error is everybody's, too."""
        with self._lock:
            answer = self._asked.get((what, name))
            mine = answer is None
            if answer is None:
                answer = self._asked[what, name] = Future()
        if mine:
            try:
                answer.set_result(ask(self._api))
            except BaseException as error:  # noqa: BLE001 - each who waits gets it raised
                answer.set_exception(error)
        found: T = answer.result()
        return found

    def exec(
        self,
        app: str,
        machine_id: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        hidden: Sequence[str] = (),
    ) -> ExecResult:
        """Run a command inside a machine."""
        return self._api.machines.exec(app, machine_id, command, timeout_s=timeout_s, hidden=hidden)


class _Part:
    def __init__(self, look: SharedLook) -> None:
        self._look = look


class _Apps(_Part):
    def find(self, name: str) -> App | None:
        return self._look.once("app", name, lambda api: api.apps.find(name))

    def list(self, org_slug: str) -> tuple[App, ...]:
        return self._look.once("apps", org_slug, lambda api: api.apps.list(org_slug))


class _Ips(_Part):
    def list(self, app: str) -> tuple[Ip, ...]:
        return self._look.once("ips", app, lambda api: api.ips.list(app))


class _Certificates(_Part):
    def list(self, app: str) -> tuple[Certificate, ...]:
        return self._look.once("certificates", app, lambda api: api.certificates.list(app))

    def find(self, app: str, hostname: str) -> Certificate | None:
        what = ("certificate", f"{app}/{hostname}")
        return self._look.once(*what, lambda api: api.certificates.find(app, hostname))


class _Secrets(_Part):
    def list(self, app: str) -> tuple[Secret, ...]:
        return self._look.once("secrets", app, lambda api: api.secrets.list(app))


class _Volumes(_Part):
    def list(self, app: str) -> tuple[Volume, ...]:
        return self._look.once("volumes", app, lambda api: api.volumes.list(app))


class _Machines(_Part):
    def list(self, app: str) -> tuple[Machine, ...]:
        return self._look.once("machines", app, lambda api: api.machines.list(app))

    def find(self, app: str, machine_id: str) -> Machine | None:
        return next((m for m in self.list(app) if m.id == machine_id), None)

    def exec(
        self,
        app: str,
        machine_id: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        hidden: Sequence[str] = (),
    ) -> ExecResult:
        return self._look.exec(app, machine_id, command, timeout_s=timeout_s, hidden=hidden)


class _ManagedPostgres(_Part):
    def list(self, org_slug: str) -> tuple[Cluster, ...]:
        return self._look.once(
            "clusters", org_slug, lambda api: api.managed_postgres.list(org_slug)
        )

    def get(self, cluster_id: str) -> Cluster:
        return self._look.once(
            "cluster", cluster_id, lambda api: api.managed_postgres.get(cluster_id)
        )

    def databases(self, cluster_id: str) -> tuple[str, ...]:
        return self._look.once(
            "databases", cluster_id, lambda api: api.managed_postgres.databases(cluster_id)
        )

    def find_user(self, cluster_id: str, username: str) -> User | None:
        users = self._look.once(
            "users", cluster_id, lambda api: api.managed_postgres.users(cluster_id)
        )
        return next((user for user in users if user.username == username), None)

    def password(self, cluster_id: str, username: str) -> str:
        return self._look.once(
            "password",
            f"{cluster_id}/{username}",
            lambda api: api.managed_postgres.password(cluster_id, username),
        )
