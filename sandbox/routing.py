"""Where a request or connection goes: which app a host names, which machine takes it. Pure."""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PUBLIC_SUFFIX = ".fly.dev"
_PREFERRED_PORTS = (443, 80)  # of several services behind HTTP handlers


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service inside a machine: its internal port, and how much the proxies give it at once."""

    port: int
    soft_limit: int | None = None
    hard_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine that may take what comes next; `last_used` grows with each use of any machine."""

    machine_id: str
    address: str
    region: str
    endpoint: Endpoint
    in_flight: int = 0
    last_used: int = 0

    @property
    def full(self) -> bool:
        """True when the hard limit is reached."""
        limit = self.endpoint.hard_limit
        return limit is not None and self.in_flight >= limit

    @property
    def loaded(self) -> bool:
        """True when the soft limit is reached."""
        limit = self.endpoint.soft_limit
        return limit is not None and self.in_flight >= limit


def choose(candidates: Iterable[Candidate]) -> Candidate | None:
    """Choose below the soft limit if any is, then the least in flight, then the longest idle.

    None when every candidate is at its hard limit, or there is none.
    """
    open_ = [candidate for candidate in candidates if not candidate.full]
    return min(open_, key=lambda c: (c.loaded, c.in_flight, c.last_used), default=None)


def app_of_host(host: str, public: Collection[str]) -> str | None:
    """Return the app that a Host header names; the port does not matter.

    `public` holds the apps with a public address. `NAME.fly.dev` names one; an address or
    `localhost` stands for the only one there is.
    """
    name = _without_port(host).lower().rstrip(".")
    if name.endswith(PUBLIC_SUFFIX):
        app = name.removesuffix(PUBLIC_SUFFIX)
        return app if app in public else None
    if (name == "localhost" or _is_address(name)) and len(public) == 1:
        return next(iter(public))
    return None


def http_endpoint(config: Mapping[str, Any]) -> Endpoint | None:
    """Return the service that Fly's public side reaches: one with an `http` handler.

    The one on port 443 comes first, then 80, then any.
    """
    found: dict[int, Endpoint] = {}
    for service in config.get("services") or []:
        for port in service.get("ports") or []:
            if "http" in (port.get("handlers") or []) and service.get("internal_port"):
                found.setdefault(int(port.get("port") or 0), _endpoint(service))
    for preferred in _PREFERRED_PORTS:
        if preferred in found:
            return found[preferred]
    return next(iter(found.values()), None)


def endpoint_at(config: Mapping[str, Any], external_port: int) -> Endpoint | None:
    """Return the TCP service that listens on an external port."""
    for service in config.get("services") or []:
        if external_port in _external_ports(service):
            return _endpoint(service)
    return None


def external_ports(config: Mapping[str, Any]) -> frozenset[int]:
    """Return the external ports of all TCP services; ranges (`start_port`) are not served."""
    services = config.get("services") or []
    return frozenset(port for service in services for port in _external_ports(service))


def _external_ports(service: Mapping[str, Any]) -> list[int]:
    if service.get("protocol", "tcp") != "tcp" or not service.get("internal_port"):
        return []
    return [int(port["port"]) for port in service.get("ports") or [] if port.get("port")]


def _endpoint(service: Mapping[str, Any]) -> Endpoint:
    limits = service.get("concurrency") or {}
    return Endpoint(
        port=int(service["internal_port"]),
        soft_limit=limits.get("soft_limit") or None,
        hard_limit=limits.get("hard_limit") or None,
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
