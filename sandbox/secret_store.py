"""The secrets of every app: values, digests and versions, kept apart from other records."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

DIGEST_LENGTH = 16  # hexadecimal digits, the length Fly shows


@dataclass(slots=True)
class SecretEntry:
    """One secret. The value never leaves this machine's 0600 file by the API."""

    value: str = field(repr=False)
    digest: str
    created_at: str
    updated_at: str


@dataclass(slots=True)
class SecretBag:
    """The secrets of one app; `history` holds the values of each version that is still needed."""

    version: int = 0
    entries: dict[str, SecretEntry] = field(default_factory=dict)
    history: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)


class SecretStore:
    """All bags.

    A digest depends on a salt of this store and on the app's name: a client cannot compute it
    and must keep what the API returned, as with Fly, whose algorithm is not published.
    """

    def __init__(self, salt: str, bags: dict[str, SecretBag] | None = None) -> None:
        self._salt = salt
        self._bags = bags if bags is not None else {}

    def bag(self, app: str) -> SecretBag:
        """Return the app's bag; an app without secrets has an empty one of version 0."""
        return self._bags.get(app) or SecretBag()

    def values(self, app: str, version: int) -> dict[str, str]:
        """Return the values as they were at `version`; empty for a version that is not kept."""
        return dict(self.bag(app).history.get(version, {}))

    def change(self, app: str, values: Mapping[str, str | None], now: str) -> int:
        """Set the values, remove those that are None, and return the new version."""
        bag = self._bags.setdefault(app, SecretBag())
        for name, value in values.items():
            if value is None:
                bag.entries.pop(name, None)
                continue
            known = bag.entries.get(name)
            created_at = known.created_at if known else now
            bag.entries[name] = SecretEntry(value, self._digest(app, name, value), created_at, now)
        bag.version += 1
        bag.history[bag.version] = {name: entry.value for name, entry in bag.entries.items()}
        return bag.version

    def prune(self, app: str, needed: Iterable[int]) -> None:
        """Forget the values of versions that no machine and no later start needs."""
        bag = self._bags.get(app)
        if bag:
            keep = {*needed, bag.version}
            bag.history = {version: row for version, row in bag.history.items() if version in keep}

    def forget(self, app: str) -> None:
        """Drop everything the app had."""
        self._bags.pop(app, None)

    def to_json(self) -> dict[str, Any]:
        """Give the store as plain JSON values, secrets included."""
        return {"salt": self._salt, "apps": {app: asdict(bag) for app, bag in self._bags.items()}}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        """Undo `to_json`."""
        bags = {
            app: SecretBag(
                bag["version"],
                {name: SecretEntry(**entry) for name, entry in bag["entries"].items()},
                {int(version): values for version, values in bag["history"].items()},
            )
            for app, bag in row["apps"].items()
        }
        return cls(row["salt"], bags)

    def _digest(self, app: str, name: str, value: str) -> str:
        text = "\0".join((app, name, value)).encode()
        return hmac.new(self._salt.encode(), text, hashlib.sha256).hexdigest()[:DIGEST_LENGTH]
