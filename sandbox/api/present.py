"""How the records look in the API's answers."""

import copy
import hashlib
from typing import Any

from sandbox.api.context import Context
from sandbox.interfaces import MachineRecord
from sandbox.records import AppRecord, IpRecord, LeaseRecord, VolumeRecord
from sandbox.state import GONE

LEFT_OUT_OF_A_SUMMARY = ("config", "checks", "events", "host_status", "incomplete_config")


def app_json(context: Context, app: AppRecord) -> dict[str, Any]:
    """Show an app."""
    machines = context.state.machines_of(app.name, destroyed=True)
    alive = [machine for machine in machines if machine.state not in GONE]
    status = "pending"
    if machines:
        running = any(machine.state == "started" for machine in alive)
        status = "deployed" if running else "suspended"
    return {
        "id": app.id,
        "name": app.name,
        "internal_numeric_id": app.number,
        "organization": {
            "name": app.organization,
            "slug": app.organization,
            "internal_numeric_id": _number(app.organization),
        },
        "network": app.network,
        "status": status,
        "machine_count": len(alive),
        "volume_count": sum(v.usable for v in context.state.volumes_of(app.name)),
        "created_at": app.created_at,
    }


def ip_json(ip: IpRecord) -> dict[str, Any]:
    """Show an address; its type is only recognisable from the other fields, as on Fly."""
    private = ip.type == "private_v6"
    return {
        "ip": ip.ip,
        "region": ip.region,
        "service_name": ip.service_name,
        "shared": ip.type == "shared_v4",
        "egress": False,
        "created_at": ip.created_at,
        "network": {"name": ip.network, "org_slug": ""} if private else None,
    }


def volume_json(volume: VolumeRecord) -> dict[str, Any]:
    """Show a volume."""
    return {
        "id": volume.id,
        "name": volume.name,
        "state": volume.state,
        "size_gb": volume.size_gb,
        "region": volume.region,
        "zone": "sandbox",
        "encrypted": volume.encrypted,
        "attached_machine_id": volume.attached_machine,
        "attached_alloc_id": None,
        "created_at": volume.created_at,
        "fstype": volume.fstype,
        "host_dedication_id": "",
        "snapshot_retention": volume.snapshot_retention,
        "auto_backup_enabled": volume.auto_backup_enabled,
        "host_status": "ok",
    }


def machine_json(
    context: Context, machine: MachineRecord, *, summary: bool = False
) -> dict[str, Any]:
    """Show a machine with its whole configuration, or the short form of a list."""
    image = machine.image
    row = {
        "id": machine.id,
        "name": machine.name,
        "state": machine.state,
        "region": machine.region,
        "image_ref": {
            "registry": image.registry,
            "repository": image.repository,
            "tag": image.tag,
            "digest": image.digest,
            "labels": {},
        },
        "instance_id": machine.instance_id,
        "version": machine.instance_id,
        "private_ip": machine.address,
        "created_at": machine.created_at,
        "updated_at": machine.updated_at,
        "config": copy.deepcopy(machine.config),
        "incomplete_config": None,
        "events": copy.deepcopy(machine.events),
        "checks": [],
        "host_status": machine.host_status,
        "cordoned": machine.cordoned,
    }
    if machine.state not in GONE:
        row["checks"] = context.lifecycle.runtime.checks(machine.id)
    if summary:
        for name in LEFT_OUT_OF_A_SUMMARY:
            del row[name]
    return row


def lease_json(lease: LeaseRecord) -> dict[str, Any]:
    """Show a lease."""
    data = {
        "nonce": lease.nonce,
        "expires_at": int(lease.expires_at),
        "owner": lease.owner,
        "description": lease.description,
        "version": lease.version,
    }
    return {"status": "success", "data": data}


def _number(text: str) -> int:
    """Give an organisation a number that stays the same."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:6], 16)
