"""Leases: who may change a machine now, waiting for one's turn, and not losing it half-way."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from fly.calls import Call, Connection, nothing
from fly.errors import FlyAmbiguous, FlyError, FlyLeaseHeld, FlyNotFound
from fly.replies import Lease

TTL_S = 150  # two slices of a wait and room: a crashed holder blocks its successor no longer
PATIENCE_S = 320.0  # flyctl's first deploy, when cut, leaves a lease for 300 s
POLL_S = 5.0  # between looks at a lease that another client holds


class HeldLease:
    """A lease that we hold; `keep` is for one thread at a time.

    `over` is set by who destroyed the machine: the lease went with it.
    """

    def __init__(
        self, leases: "Leases", app: str, machine_id: str, lease: Lease, *, ttl_s: int, since: float
    ) -> None:
        self.machine_id = machine_id
        self.nonce = lease.nonce
        self.over = False
        self._leases = leases
        self._app = app
        self._ttl_s = ttl_s
        self._since = since

    def keep(self) -> None:
        """Refresh the lease when less than half of its time is left, else do nothing.

        Call it before each change and while waiting. Raises `FlyLeaseHeld` or `FlyNotFound`
        when the lease was lost.
        """
        now = self._leases.clock()
        if now - self._since < self._ttl_s / 2:
            return
        lease = self._leases.refresh(self._app, self.machine_id, self.nonce, ttl_s=self._ttl_s)
        self.nonce = lease.nonce or self.nonce
        self._since = now


class Leases:
    """Leases of machines."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.clock = connection.clock

    def view(self, app: str, machine_id: str) -> Lease | None:
        """Return the lease that is held on the machine, or None."""
        call = Call("GET", _path(app, machine_id), "lease.view", machine_id)
        try:
            lease = self._connection.send(call, Lease.parse)
        except FlyNotFound:
            return None
        return lease if lease.nonce or lease.owner or lease.expires_at is not None else None

    def acquire(self, app: str, machine_id: str, *, ttl_s: int, description: str = "") -> Lease:
        """Take the lease; raises `FlyLeaseHeld`.

        With a `description` that nobody else uses, a lease that we got behind a lost reply is
        recognised and returned.
        """
        call = self._call(app, machine_id, ttl_s, description=description)
        try:
            return self._connection.send(call, Lease.parse)
        except (FlyAmbiguous, FlyLeaseHeld):
            held = self.view(app, machine_id) if description else None
            if held is not None and held.description == description and held.nonce:
                return held
            raise

    def refresh(self, app: str, machine_id: str, nonce: str, *, ttl_s: int) -> Lease:
        """Let the lease that has this nonce run for another `ttl_s`."""
        return self._connection.send(self._call(app, machine_id, ttl_s, nonce=nonce), Lease.parse)

    def release(self, app: str, machine_id: str, nonce: str) -> None:
        """Give the lease back; one that is gone, or whose machine is gone, is fine."""
        path = _path(app, machine_id)
        call = Call("DELETE", path, "lease.release", machine_id, nonce=nonce)
        try:
            self._connection.send(call, nothing)
        except FlyNotFound:
            return

    @contextmanager
    def held(
        self,
        app: str,
        machine_id: str,
        *,
        description: str = "",
        ttl_s: int = TTL_S,
        patience_s: float = PATIENCE_S,
        progress: Callable[[str], None] | None = None,
    ) -> Iterator[HeldLease]:
        """Hold the lease for the length of a block, waiting out another holder first.

        By `description` our own lease is recognised after a lost reply, and that of an earlier run
        with the same description is taken over: name who we are, or leave it to chance. Raises
        `FlyLeaseHeld` after `patience_s`. At the end the lease is given back; where that does not
        work it simply runs out.
        """
        since = self.clock()
        description = description or f"gateway {uuid.uuid4().hex}"
        lease = self._patiently(
            app, machine_id, ttl_s, description, since + patience_s, progress or (lambda _: None)
        )
        held = HeldLease(self, app, machine_id, lease, ttl_s=ttl_s, since=self.clock())
        try:
            yield held
        finally:
            if not held.over:
                self._give_back(app, held, progress)

    def _give_back(self, app: str, held: HeldLease, progress: Callable[[str], None] | None) -> None:
        try:
            self.release(app, held.machine_id, held.nonce)
        except FlyError as error:
            if progress is not None:
                progress(f"machine {held.machine_id}: its lease stays until it ends ({error.id})")

    def _patiently(
        self,
        app: str,
        machine_id: str,
        ttl_s: int,
        description: str,
        deadline: float,
        progress: Callable[[str], None],
    ) -> Lease:
        while True:
            try:
                return self.acquire(app, machine_id, ttl_s=ttl_s, description=description)
            except (FlyLeaseHeld, FlyAmbiguous):
                left = deadline - self.clock()
                if left <= 0:
                    raise
            held = self.view(app, machine_id)
            progress(f"machine {machine_id}: {self._described(held)}")
            self._connection.sleep(min(left, self._until_over_s(held)))

    def _until_over_s(self, lease: Lease | None) -> float:
        """Return how long to wait for the next try: until the lease ends, if that is soon."""
        if lease is None or lease.expires_at is None:
            return POLL_S
        return min(POLL_S, max(1.0, lease.expires_at - self._connection.now()))

    def _described(self, lease: Lease | None) -> str:
        if lease is None:
            return "waiting for its lease"
        owner = f" by {lease.owner}" if lease.owner else " by another client"
        if lease.expires_at is None:
            return f"leased{owner}"
        return f"leased{owner} for {max(0.0, lease.expires_at - self._connection.now()):.0f} s more"

    def _call(
        self,
        app: str,
        machine_id: str,
        ttl_s: int,
        *,
        description: str = "",
        nonce: str | None = None,
    ) -> Call:
        return Call(
            "POST",
            _path(app, machine_id),
            "lease.take",  # taking and refreshing are one endpoint, and so one limit
            machine_id,
            query={"ttl": str(ttl_s)},
            body={"ttl": ttl_s, "description": description} if nonce is None else {"ttl": ttl_s},
            nonce=nonce,
            repeatable=nonce is not None,
        )


def _path(app: str, machine_id: str) -> str:
    return f"/apps/{quote(app, safe='')}/machines/{quote(machine_id, safe='')}/lease"
