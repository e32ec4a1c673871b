"""What `gateway status` tells of an environment's own host names: certificates and DNS records."""

from collections.abc import Mapping, Sequence
from typing import Any

from fly.api import FlyApi
from fly.certificates import Certificate
from fly.errors import FlyError
from ops.output import Output

HOSTNAME_COLUMNS = ("host name", "certificate", "Fly says")
RECORD_COLUMNS = ("record", "name", "value", "what for")


def look_at_hostnames(
    api: FlyApi, app: str, hostnames: Sequence[str]
) -> tuple[Mapping[str, Certificate | None], str]:
    """Return each host name as Fly has it, None for one that is gone, or why Fly does not tell."""
    try:
        return {name: api.certificates.find(app, name) for name in hostnames}, ""
    except FlyError as error:
        return {}, str(error.what)


def show_hostnames(found: Mapping[str, Certificate | None], output: Output) -> None:
    """Show the certificates, and the DNS records of those that wait for them."""
    if not found:
        return
    output.show("")
    output.table(HOSTNAME_COLUMNS, [_row(name, each) for name, each in found.items()])
    waiting = [each for each in found.values() if each is not None and not each.configured]
    records = [record for each in waiting for record in each.records]
    if records:
        output.show("")
        output.table(RECORD_COLUMNS, [(r.type, r.name, r.value, r.why) for r in records])


def hostnames_as_json(found: Mapping[str, Certificate | None]) -> list[dict[str, Any]]:
    """Return the host names as fields."""
    return [
        {
            "hostname": name,
            "there": each is not None,
            "configured": each is not None and each.configured,
            "status": "" if each is None else each.status,
            "problems": [] if each is None else list(each.problems),
            "dns_records": [] if each is None else [record.as_json() for record in each.records],
        }
        for name, each in found.items()
    ]


def _row(name: str, found: Certificate | None) -> tuple[str, str, str]:
    if found is None:
        return (name, "gone", "the app has no such host name: gateway deploy adds it again")
    said = "; ".join((found.status, *found.problems))
    return (name, "serves" if found.configured else "waits for its DNS records", said)
