"""Which host names are this machine's own."""

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Tell whether requests to the host never leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
