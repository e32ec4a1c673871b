"""Which addresses and paths inside a machine stand for which on this computer."""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

# The app's name is one label: `iad.NAME.internal` and `ID.vm.NAME.internal` are left alone.
_NAME = re.compile(
    r"(?<![A-Za-z0-9._-])([A-Za-z0-9][A-Za-z0-9-]*)\.(?:flycast|internal)(?![A-Za-z0-9_-]|\.\w)"
)
# A cluster of Managed Postgres, its pooler's name or its own.
_CLUSTER = re.compile(
    r"(?<![A-Za-z0-9._-])(?:pgbouncer|direct)\.[A-Za-z0-9-]+\.flympg\.net(?![A-Za-z0-9_-]|\.\w)",
    re.IGNORECASE,
)
# Every address as a whole word or as the host part of one. `0.0.0.0/0` is a network, no host;
# a bare `::` is one only between blanks, quotes or separators (`std::x` and `::1` are not).
_ANY_ADDRESS = re.compile(
    r"(?:(?<=//)0\.0\.0\.0(?![\w.])"
    r"|(?<![\w./-])0\.0\.0\.0(?![\w.]|/\d)"
    r"|\[::\]"
    r"|(?:^|(?<=[\s=,;'\"]))::(?=$|[\s,;'\"]))"
)
_LOOPBACK = r"(?<![\w.-])(?:127\.0\.0\.1|localhost):({ports})(?!\d)"
# A guest path starts where no other path is going on, or after a scheme (`file://`, `sqlite:///`).
_PATH_START = r"(?:(?<![\w./~-])|(?<=://)|(?<=:///))"


def with_app_addresses(text: str, addresses: Mapping[str, str]) -> str:
    """Replace `NAME.flycast` and `NAME.internal` by the address of the app; others stay.

    So are the names of clusters of Managed Postgres, which stand among the addresses in full.
    """

    def address(match: re.Match[str]) -> str:
        return addresses.get(match[1].lower(), match[0])

    def cluster(match: re.Match[str]) -> str:
        return addresses.get(match[0].lower(), match[0])

    return _CLUSTER.sub(cluster, _NAME.sub(address, text))


def with_own_address(text: str, address: str) -> str:
    """Replace `0.0.0.0`, `[::]` and `::` (whole word or host part) by the machine's address.

    Inside a real machine a server may bind every address; here each machine has one of its own.
    """
    return _ANY_ADDRESS.sub(address, text)


def with_own_loopback(text: str, address: str, ports: Collection[int]) -> str:
    """Replace `127.0.0.1:PORT` and `localhost:PORT` by `address:PORT` for the given ports.

    Inside a real machine the loopback is the machine itself; other ports are left alone, since
    they may be anything that runs on this computer.
    """
    if not ports:
        return text
    choice = "|".join(str(port) for port in sorted(set(ports), reverse=True))
    return re.sub(_LOOPBACK.format(ports=choice), rf"{address}:\1", text)


def with_host_paths(
    text: str, rootfs: Path, *, files: Iterable[str], folders: Iterable[str] = ()
) -> str:
    """Replace guest paths by the paths below `rootfs` where they really are.

    `files` match as a whole; `folders` also when something below them is named.
    """
    folded = {posixpath.normpath(folder) for folder in folders} - {"/", "."}
    whole = {posixpath.normpath(file) for file in files} - folded - {"/", "."}
    choices = [(path, r"(?![\w-]|\.\w|/)") for path in whole]
    choices += [(path, r"(?![\w-]|\.\w)") for path in folded]
    if not choices:
        return text
    pattern = "|".join(re.escape(path) + end for path, end in sorted(choices))
    return re.sub(f"{_PATH_START}({pattern})", lambda match: str(below(rootfs, match[1])), text)


def below(rootfs: Path, guest_path: str) -> Path:
    """Return where a guest path lies; one that climbs with `..` stays inside `rootfs`."""
    inside = posixpath.normpath(posixpath.join("/", guest_path)).lstrip("/")
    return rootfs / inside
