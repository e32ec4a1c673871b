"""Sizes of machines: their names, processors and how much memory each may have."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from stacks.problem import Problem

MEMORY_STEP_MB = 256
DEFAULT_SIZE = "shared-cpu-1x"
DEFAULT_GPU_SIZE = "performance-8x"

_SHARED_MB_PER_CPU = (256, 2048)  # least, most
_PERFORMANCE_MB_PER_CPU = (2048, 8192)


@dataclass(frozen=True, slots=True)
class Size:
    """A named size; `memory_mb` is what it has when nothing else is asked."""

    name: str
    cpu_kind: str
    cpus: int
    memory_mb: int
    least_memory_mb: int
    most_memory_mb: int
    gpu_kind: str = ""


def _sizes() -> Mapping[str, Size]:
    rows = []
    for kind, prefix, counts, (least, most) in (
        ("shared", "shared-cpu-", (1, 2, 4, 6, 8), _SHARED_MB_PER_CPU),
        ("performance", "performance-", (1, 2, 4, 6, 8, 10, 12, 14, 16), _PERFORMANCE_MB_PER_CPU),
    ):
        rows += [Size(f"{prefix}{n}x", kind, n, n * least, n * least, n * most) for n in counts]
    for name, gpu in (
        ("a10", "a10"),
        ("a100-40gb", "a100-pcie-40gb"),
        ("a100-80gb", "a100-sxm4-80gb"),
        ("l40s", "l40s"),
    ):
        rows.append(Size(name, "performance", 8, 32768, 8 * 2048, 8 * 8192, gpu))
    return MappingProxyType({size.name: size for size in rows})


SIZES = _sizes()

_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kmgtp])i?b?|b)?", re.IGNORECASE | re.ASCII)
_MIB = 1024 * 1024


def memory_mb(text: str | int) -> int:
    """Read a memory size as flyctl does: "4gb", "8192mb", 2048; a bare number counts MiB.

    Every unit is a power of 1024. Raises ValueError.
    """
    if isinstance(text, int) or re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    match = _MEMORY.fullmatch(text)
    if match is None:
        msg = f"{text!r} is no memory size"
        raise ValueError(msg)
    number, unit = match.groups()
    power = " kmgtp".index((unit or " ").lower())
    return int(float(number) * 1024**power) // _MIB


def guest(size: str, memory_mb: int | None = None) -> dict[str, Any]:
    """Return the guest of a machine configuration; raises KeyError for an unknown size."""
    known = SIZES[size]
    made: dict[str, Any] = {
        "cpu_kind": known.cpu_kind,
        "cpus": known.cpus,
        "memory_mb": known.memory_mb if memory_mb is None else memory_mb,
    }
    if known.gpu_kind:
        made |= {"gpus": 1, "gpu_kind": known.gpu_kind}
    return made


def guest_problems(size: str, memory_mb: int | None, place: str) -> tuple[Problem, ...]:
    """Say what is wrong with a size and its memory; None asks for the size's own memory.

    `place` is the file and key of the table that has both (`Pulumi.dev.yaml: gateway:fly`).
    """
    known = SIZES.get(size)
    if known is None:
        return (unknown_size(size, f"{place}.size"),)
    if memory_mb is None:
        return ()
    least, most = known.least_memory_mb, known.most_memory_mb
    if least <= memory_mb <= most and memory_mb % MEMORY_STEP_MB == 0:
        return ()
    nearest = min(max(least, round(memory_mb / MEMORY_STEP_MB) * MEMORY_STEP_MB), most)
    step = f"set {nearest}"
    if memory_mb > most:
        larger = min(
            (s for s in SIZES.values() if s.most_memory_mb >= memory_mb and not s.gpu_kind),
            key=lambda s: (s.cpu_kind != known.cpu_kind, s.most_memory_mb),
            default=None,
        )
        step += f", or a larger size such as {larger.name}" if larger else ""
    return (
        Problem(
            place=f"{place}.memory_mb",
            id="fly.memory",
            value=str(memory_mb),
            expected=f"{size} takes {least} to {most} MB in steps of {MEMORY_STEP_MB}",
            next_step=step,
        ),
    )


def unknown_size(size: str, place: str) -> Problem:
    """State that Fly has no size of this name."""
    near = difflib.get_close_matches(size, SIZES, n=1)
    names = ", ".join(name for name, known in SIZES.items() if not known.gpu_kind)
    return Problem(
        place=place,
        id="fly.size",
        value=f'"{size}"',
        expected=f"Fly's sizes are {names}",
        next_step=f'did you mean "{near[0]}"?' if near else f'set "{DEFAULT_SIZE}" or another',
    )
