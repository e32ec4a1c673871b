"""What Fly's API tells us, as values: apps, addresses, secrets, volumes, machines, leases.

Every `parse` raises KeyError, TypeError or ValueError for an answer that cannot be read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

PROCESS_GROUP = "fly_process_group"  # metadata key

# A volume in one of these states is on its way out: it keeps its id, and no machine gets it.
LEAVING_VOLUME_STATES = frozenset(
    {
        "scheduling_destroy",
        "fork_cleanup",
        "waiting_for_detach",
        "pending_destroy",
        "destroying",
        "destroyed",
    }
)


class IpType(StrEnum):
    """The kinds of address an app can have."""

    SHARED_V4 = "shared_v4"  # free, HTTP and TLS only
    V4 = "v4"  # dedicated, costs money
    V6 = "v6"  # dedicated, free
    PRIVATE_V6 = "private_v6"  # Flycast: reached only from the organisation's private network


@dataclass(frozen=True, slots=True)
class App:
    """An app; `organization` is the slug, "" when Fly does not say."""

    id: str
    name: str
    status: str = ""
    organization: str = ""
    network: str = ""

    @classmethod
    def parse(cls, answer: Any) -> "App":
        """Read an app; `name` may be missing from the answer to a create."""
        raw = _mapping(answer)
        organization = raw.get("organization")
        slug = _text(organization, "slug") if isinstance(organization, Mapping) else ""
        return cls(
            id=_text(raw, "id"),
            name=_text(raw, "name"),
            status=_text(raw, "status"),
            organization=slug,
            network=_text(raw, "network"),
        )


@dataclass(frozen=True, slots=True)
class Ip:
    """An address of an app."""

    address: str
    type: IpType
    region: str = ""
    service_name: str = ""

    @classmethod
    def parse(cls, answer: Any) -> "Ip":
        """Read an address; its type is seen from the address itself, as Fly leaves it out."""
        raw = _mapping(answer)
        address = str(raw["ip"])
        if address.startswith("fdaa:"):
            kind = IpType.PRIVATE_V6
        elif ":" in address:
            kind = IpType.V6
        else:
            kind = IpType.SHARED_V4 if raw.get("shared") else IpType.V4
        return cls(address, kind, _text(raw, "region"), _text(raw, "service_name"))


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as Fly shows it: never its value; how the digest is made is not published."""

    name: str
    digest: str
    created_at: str = ""
    updated_at: str = ""

    @classmethod
    def parse(cls, answer: Any) -> "Secret":
        """Read a secret; an answer that holds its value has the value dropped here."""
        raw = _mapping(answer)
        return cls(
            name=str(raw["name"]),
            digest=_text(raw, "digest"),
            created_at=_text(raw, "created_at"),
            updated_at=_text(raw, "updated_at"),
        )


@dataclass(frozen=True, slots=True)
class SecretsUpdate:
    """What a change of secrets leads to; `version` is for `min_secrets_version`."""

    version: int | None
    secrets: tuple[Secret, ...]

    @classmethod
    def parse(cls, answer: Any) -> "SecretsUpdate":
        """Read the answer; an empty one is legal."""
        raw = _mapping(answer or {})
        version = raw.get("version")
        return cls(
            version=None if version is None else int(version),
            secrets=tuple(Secret.parse(secret) for secret in raw.get("secrets") or ()),
        )


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume; `attached_machine_id` is None when no machine has it."""

    id: str
    name: str
    region: str
    size_gb: int
    state: str = ""
    attached_machine_id: str | None = None
    encrypted: bool = True
    created_at: str = ""

    @property
    def leaving(self) -> bool:
        """True once it is being destroyed."""
        return self.state in LEAVING_VOLUME_STATES

    @classmethod
    def parse(cls, answer: Any) -> "Volume":
        """Read a volume."""
        raw = _mapping(answer)
        return cls(
            id=str(raw["id"]),
            name=_text(raw, "name"),
            region=_text(raw, "region"),
            size_gb=int(raw.get("size_gb") or 0),
            state=_text(raw, "state"),
            attached_machine_id=_text(raw, "attached_machine_id") or None,
            encrypted=bool(raw.get("encrypted", True)),
            created_at=_text(raw, "created_at"),
        )


@dataclass(frozen=True, slots=True)
class Check:
    """The last result of a health check: passing, warning or critical."""

    name: str
    status: str
    output: str = ""

    @property
    def passing(self) -> bool:
        """True when the check says that all is well."""
        return self.status == "passing"


@dataclass(frozen=True, slots=True)
class ImageRef:
    """The image that a machine really runs."""

    registry: str = ""
    repository: str = ""
    tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine; `instance_id` changes with every update.

    `nonce` is the lease that a create with `lease_ttl` gave us. `cordoned` is None when the
    answer does not say. `events` stand newest first.
    """

    id: str
    name: str
    state: str
    region: str
    instance_id: str
    config: Mapping[str, Any] = field(repr=False)
    image: ImageRef = field(default_factory=ImageRef)
    checks: tuple[Check, ...] = ()
    events: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    host_status: str = ""
    nonce: str | None = field(default=None, repr=False)
    cordoned: bool | None = None
    private_ip: str = ""
    created_at: str = ""
    updated_at: str = ""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata of the configuration."""
        return self.config.get("metadata") or {}

    @property
    def group(self) -> str:
        """The process group, "" for a machine that no deployment made."""
        return self.metadata.get(PROCESS_GROUP, "")

    @classmethod
    def parse(cls, answer: Any) -> "Machine":
        """Read a machine; while its host is unreachable Fly calls what it knows incomplete."""
        raw = _mapping(answer)
        image = _mapping(raw.get("image_ref") or {})
        return cls(
            id=str(raw["id"]),
            name=_text(raw, "name"),
            state=_text(raw, "state"),
            region=_text(raw, "region"),
            instance_id=_text(raw, "instance_id"),
            config=_mapping(raw.get("config") or raw.get("incomplete_config") or {}),
            image=ImageRef(*(_text(image, k) for k in ("registry", "repository", "tag", "digest"))),
            checks=_checks(raw.get("checks") or ()),
            events=tuple(_mapping(event) for event in raw.get("events") or ()),
            host_status=_text(raw, "host_status"),
            nonce=_text(raw, "nonce") or None,
            cordoned=raw.get("cordoned"),
            private_ip=_text(raw, "private_ip"),
            created_at=_text(raw, "created_at"),
            updated_at=_text(raw, "updated_at"),
        )


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command inside a machine answered."""

    exit_code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)

    @classmethod
    def parse(cls, answer: Any) -> "ExecResult":
        """Read the answer; a key that is left out is zero or empty."""
        raw = _mapping(answer)
        code = int(raw.get("exit_code") or 0)
        return cls(code, _text(raw, "stdout"), _text(raw, "stderr"))


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease on a machine; `expires_at` counts seconds since 1970, None when not told."""

    nonce: str = field(repr=False)
    expires_at: float | None = None
    owner: str = ""
    description: str = ""

    @classmethod
    def parse(cls, answer: Any) -> "Lease":
        """Read a lease; one that is not ours may come without its nonce."""
        raw = _mapping(answer)
        data = _mapping(raw.get("data") or raw)
        return cls(
            nonce=_text(data, "nonce"),
            expires_at=_seconds(data.get("expires_at")),
            owner=_text(data, "owner"),
            description=_text(data, "description"),
        )


def _checks(raw: Iterable[Any]) -> tuple[Check, ...]:
    rows = [_mapping(row) for row in raw]
    return tuple(
        Check(_text(row, "name"), _text(row, "status"), _text(row, "output")) for row in rows
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        msg = f"an object was expected, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return "" if value is None else str(value)


def _seconds(value: Any) -> float | None:
    """Read a point in time: seconds since 1970, or an ISO date."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    return None if value is None else float(value)
