"""The calls about an app's host names: certificates, and the DNS records that they wait for.

The shapes are those of superfly/fly-go v0.9.2 (flaps/flaps_certificates.go, types.go), which has no
list of the values of `status`: only `configured` is acted on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fly.calls import Call, Connection, nothing
from fly.errors import FlyNotFound
from fly.provisions import resolved

PAGE = 100  # certificates asked for at a time


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A record that the owner of a host name sets; `why` says what for."""

    type: str
    name: str
    value: str
    why: str

    def as_json(self) -> dict[str, str]:
        """Return the record as fields."""
        return {"type": self.type, "name": self.name, "value": self.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A host name of an app as Fly shows it.

    `configured`: its DNS leads to the app and a certificate serves. `problems` are Fly's own words
    about what keeps it from that. `records` are those of a single certificate, not of a list.
    """

    hostname: str
    status: str
    configured: bool
    records: tuple[DnsRecord, ...] = ()
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, answer: Any) -> "Certificate":
        """Read a certificate, alone or in a list."""
        hostname = str(answer["hostname"])
        return cls(
            hostname=hostname,
            status=str(answer.get("status") or ""),
            configured=bool(answer.get("configured")),
            records=tuple(_records(hostname, answer.get("dns_requirements") or {})),
            problems=tuple(
                " ".join(
                    filter(None, (str(e.get("message") or ""), str(e.get("remediation") or "")))
                )
                for e in answer.get("validation_errors") or ()
            ),
        )


class Certificates:
    """Host names of apps, each with a certificate that Fly obtains and renews."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, app: str) -> tuple[Certificate, ...]:
        """Return the app's host names, sorted; without their DNS records."""
        found: list[Certificate] = []
        cursor = ""
        while True:
            query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            call = Call("GET", _path(app), "certificate.list", app, query=query)
            page, cursor = self._connection.send(call, _page)
            found += page
            if not cursor or not page:
                return tuple(sorted(found, key=lambda each: each.hostname))

    def find(self, app: str, hostname: str) -> Certificate | None:
        """Return the host name with the DNS records that it needs; None if the app has it not."""
        path = f"{_path(app)}/{quote(hostname, safe='')}"
        try:
            call = Call("GET", path, "certificate.get", f"{app}/{hostname}")
            return self._connection.send(call, Certificate.parse)
        except FlyNotFound:
            return None

    def create(self, app: str, hostname: str) -> Certificate:
        """Add the host name and begin to obtain a certificate, which waits for its DNS records.

        After a lost reply the one that the app has by then is ours.
        """
        path, body = f"{_path(app)}/acme", {"hostname": hostname}
        call = Call("POST", path, "certificate.create", app, body=body, repeatable=False)
        return resolved(
            self._connection,
            lambda: self._connection.send(call, Certificate.parse),
            lambda: self.find(app, hostname),
        )

    def delete(self, app: str, hostname: str) -> None:
        """Remove the host name and its certificates; one that is gone is fine."""
        path = f"{_path(app)}/{quote(hostname, safe='')}"
        call = Call("DELETE", path, "certificate.delete", f"{app}/{hostname}")
        try:
            self._connection.send(call, nothing)
        except FlyNotFound:
            return


def _path(app: str) -> str:
    return f"/apps/{quote(app, safe='')}/certificates"


def _page(answer: Any) -> tuple[list[Certificate], str]:
    rows = (answer or {}).get("certificates") or ()
    return [Certificate.parse(row) for row in rows], str((answer or {}).get("next_cursor") or "")


def _records(hostname: str, needed: Any) -> Iterator[DnsRecord]:
    """Yield the records in the order in which they are best set: ownership first, traffic last.

    A CNAME and the two addresses are alternatives; a name at the top of its zone can have no CNAME.
    """
    ownership = needed.get("ownership") or {}
    if ownership.get("name") and ownership.get("app_value"):
        value = str(ownership["app_value"])
        yield DnsRecord("TXT", str(ownership["name"]), value, "shows Fly that the name is yours")
    challenge = needed.get("acme_challenge") or {}
    if challenge.get("name") and challenge.get("target"):
        why = "lets Fly obtain the certificate before traffic moves"
        yield DnsRecord("CNAME", str(challenge["name"]), str(challenge["target"]), why)
    traffic = "leads users here"
    for address in needed.get("a") or ():
        yield DnsRecord("A", hostname, str(address), traffic)
    for address in needed.get("aaaa") or ():
        yield DnsRecord("AAAA", hostname, str(address), traffic)
    if needed.get("cname"):
        why = f"{traffic}, instead of A and AAAA"
        yield DnsRecord("CNAME", hostname, str(needed["cname"]), why)
