"""What the stand-in remembers about apps, addresses, volumes, leases and releases."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sandbox.interfaces import ImageReference, MachineRecord

PUBLIC_IP_TYPES = frozenset({"v4", "v6", "shared_v4"})


@dataclass(slots=True)
class IpRecord:
    """An address of an app; `type` is v4, v6, shared_v4 or private_v6."""

    ip: str
    type: str
    region: str
    created_at: str
    service_name: str = ""
    network: str = ""


@dataclass(slots=True)
class CertificateRecord:
    """A host name of an app; `configured` once its certificate serves."""

    hostname: str
    created_at: str
    configured: bool = False


@dataclass(slots=True)
class AppRecord:
    """An app; `number` is the third octet of its loopback addresses."""

    id: str
    name: str
    organization: str
    network: str
    number: int
    address: str
    created_at: str
    next_host: int = 0
    ips: list[IpRecord] = field(default_factory=list)
    certificates: list[CertificateRecord] = field(default_factory=list)

    @property
    def has_public_ip(self) -> bool:
        """True when the edge may route to the app."""
        return any(ip.type in PUBLIC_IP_TYPES for ip in self.ips)

    @property
    def has_private_ip(self) -> bool:
        """True when the app's flycast address serves."""
        return any(ip.type == "private_v6" for ip in self.ips)


@dataclass(slots=True)
class VolumeRecord:
    """A volume; it outlives its machine, and stays listed as `pending_destroy` once deleted."""

    id: str
    app: str
    name: str
    region: str
    size_gb: int
    created_at: str
    encrypted: bool = True
    state: str = "created"
    attached_machine: str | None = None
    snapshot_retention: int = 5
    auto_backup_enabled: bool = True
    fstype: str = "ext4"

    @property
    def usable(self) -> bool:
        """True until the volume was deleted."""
        return self.state == "created"


@dataclass(slots=True)
class ReleaseRecord:
    """A release as flyctl records one; `definition` is the app's configuration, as JSON."""

    id: str
    app: str
    version: int
    image: str
    strategy: str
    definition: dict[str, Any]
    created_at: str
    status: str = "pending"  # pending running complete failed interrupted
    metadata: dict[str, Any] | None = None

    @property
    def stable(self) -> bool:
        """True when the release was carried out to its end."""
        return self.status == "complete"

    @property
    def in_progress(self) -> bool:
        """True until flyctl has said how the release ended."""
        return self.status in {"pending", "running"}


@dataclass(slots=True)
class LeaseRecord:
    """A client's exclusive right to change a machine; `expires_at` is in Unix seconds."""

    machine: str
    nonce: str
    owner: str
    description: str
    expires_at: float
    version: str


def app_to_json(app: AppRecord) -> dict[str, Any]:
    """Give the app as plain JSON values."""
    return asdict(app)


def app_from_json(row: dict[str, Any]) -> AppRecord:
    """Undo `app_to_json`."""
    return AppRecord(
        **{
            **row,
            "ips": [IpRecord(**ip) for ip in row["ips"]],
            "certificates": [CertificateRecord(**each) for each in row.get("certificates", ())],
        }
    )


def machine_to_json(machine: MachineRecord) -> dict[str, Any]:
    """Give the machine as plain JSON values, which are the record's own: dump them at once."""
    row = {field.name: getattr(machine, field.name) for field in fields(machine)}
    return {**row, "image": asdict(machine.image)}


def machine_from_json(row: dict[str, Any], files: Mapping[str, Any]) -> MachineRecord:
    """Undo `machine_to_json`; `files` are those that a row's `files` names, if it has any."""
    config, image = row["config"], ImageReference(**row["image"])
    if key := row.get("files"):
        config = {**config, "files": files[key]}
    rest = {name: value for name, value in row.items() if name != "files"}
    return MachineRecord(**{**rest, "config": config, "image": image})
