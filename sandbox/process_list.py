"""Which processes a machine runs, and on which addresses they listen (Linux)."""

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LISTEN = "0A"  # the state in /proc/net/tcp
_PARENT, _GROUP, _USER_TIME, _SYSTEM_TIME, _START, _PAGES = 1, 2, 11, 12, 19, 21
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")
IPV4 = 4
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what an answer says; nothing is bound


def processes_of(leader: int, address: str) -> list[dict[str, Any]]:
    """List the processes of a machine as Fly's `ps` does; empty when its leader is gone.

    `address` is the machine's own, on which its services listen here; it goes out as 0.0.0.0,
    which is where they listen on Fly.
    """
    sockets = dict(_listening())
    rows = []
    for pid, stat in _group(leader):
        try:
            folder = PROC / str(pid)
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            directory = str((folder / "cwd").readlink())
            listens = [sockets[inode] for inode in _inodes(folder) if inode in sockets]
        except OSError:
            continue  # it ended meanwhile
        rows.append(
            {
                "pid": pid,
                "stime": int(stat[_SYSTEM_TIME]),
                "rtime": int(stat[_START]),
                "command": command,
                "directory": directory,
                "cpu": int(stat[_USER_TIME]) + int(stat[_SYSTEM_TIME]),
                "rss": int(stat[_PAGES]) * _PAGE_BYTES,
                "listen_sockets": [
                    {"proto": "tcp", "address": f"{EVERYWHERE if ip == address else ip}:{port}"}
                    for ip, port in listens
                ],
            }
        )
    return rows


def _group(leader: int) -> Iterator[tuple[int, list[str]]]:
    """Give the processes of the leader's group and all they started, with their stat fields."""
    stats: dict[int, list[str]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        stats[int(folder.name)] = text.rpartition(")")[2].split()
    return ((pid, stat) for pid, stat in sorted(stats.items()) if _belongs(pid, leader, stats))


def _belongs(pid: int, leader: int, stats: Mapping[int, list[str]]) -> bool:
    if leader not in stats:
        return False
    while pid in stats:
        if pid == leader or int(stats[pid][_GROUP]) == leader:
            return True
        pid = int(stats[pid][_PARENT])
    return False


def _inodes(folder: Path) -> Iterator[int]:
    for descriptor in (folder / "fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            yield int(target[len("socket:[") : -1])


def _listening() -> Iterator[tuple[int, tuple[str, int]]]:
    """Give inode, address and port of every TCP socket that listens."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                yield int(fields[9]), (_address(address), int(port, 16))


def _address(text: str) -> str:
    """Read an address as /proc/net/tcp writes it: words of 32 bits in the computer's order."""
    words = [text[at : at + 8] for at in range(0, len(text), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    ip = ipaddress.ip_address(packed)
    return str(ip) if ip.version == IPV4 else f"[{ip}]"
