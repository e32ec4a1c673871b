"""Which machines Fly does not have, and flyctl asks for all the same."""

from collections.abc import Iterator

from fly.guests import SIZES, guest_problems, memory_mb
from fly.rules.reading import (
    CONTRACT,
    VM_KEYS,
    Placed,
    groups,
    named_groups,
    quoted,
    table,
    tables,
    tables_in,
    toml_of,
    whole,
)
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example, Finding, Remove, Rule

CPU_KINDS = ("shared", "performance")
GUESTS = "Fly's list of sizes, as flyctl prints it when a deploy is refused"


def _machines(configuration: Configuration) -> Iterator[Placed]:
    toml = toml_of(configuration)
    yield from tables(toml, *VM_KEYS)
    release = table(toml.get("deploy")).get("release_command_vm")
    yield from tables_in(release, ("fly", "deploy", "release_command_vm"))


def _unknown_size(configuration: Configuration) -> Iterator[Finding]:
    for path, vm in _machines(configuration):
        size = vm.get("size")
        if size is None or size == "" or (isinstance(size, str) and size in SIZES):
            continue
        problem = guest_problems(quoted(size).strip('"'), None, "")[0]
        yield Finding(
            (*path, "size"),
            quoted(size),
            f"{problem.expected}. flyctl's validation passes it; the deploy fails after its "
            "release was made",
            problem.next_step,
        )


def _impossible_memory(configuration: Configuration) -> Iterator[Finding]:
    for path, vm in _machines(configuration):
        for key in ("memory_mb", "memory"):
            value = vm.get(key)
            if value is None or value == "":
                continue
            yield from _memory((*path, key), vm.get("size"), value)
            break  # memory_mb wins


def _memory(path: tuple[str | int, ...], size: object, value: object) -> Iterator[Finding]:
    mebibytes = _mebibytes(value)
    if mebibytes is None:
        yield Finding(
            path, quoted(value), "this is no size of memory", 'write it such as "2gb" or "2048mb"'
        )
        return
    named = size if isinstance(size, str) and size else "shared-cpu-1x"
    if named in SIZES:
        for problem in guest_problems(named, mebibytes, ""):
            yield Finding(
                path,
                quoted(value),
                f"{problem.expected}. flyctl sends any number, and Fly refuses the machine",
                problem.next_step,
            )


def _mebibytes(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return whole(memory_mb(value))
    except (ValueError, ArithmeticError):
        return None


def _memory_twice(configuration: Configuration) -> Iterator[Finding]:
    for path, vm in _machines(configuration):
        if vm.get("memory") and vm.get("memory_mb"):
            yield Finding(
                (*path, "memory"),
                quoted(vm["memory"]),
                f"`memory_mb` = {quoted(vm['memory_mb'])} stands beside it and wins",
                "keep one of the two",
                (Remove((*path, "memory")),),
            )


def _two_sizes(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    seen: set[str] = set()
    for path, vm in tables(toml, *VM_KEYS):
        named = [name for _, name in named_groups(vm)] or ["every group"]
        again = [name for name in named if name in seen]
        if again:
            yield Finding(
                path,
                quoted(vm.get("size") or ""),
                f"another table gives {', '.join(again)} a size already, and one of the two is "
                "dropped in silence",
                "keep one table for each process group",
            )
        seen |= set(named)


def _own_guest(configuration: Configuration) -> Iterator[Finding]:
    counts = sorted({size.cpus for size in SIZES.values()})
    for path, vm in _machines(configuration):
        kind, cpus = vm.get("cpu_kind"), vm.get("cpus")
        if kind is not None and kind not in CPU_KINDS:
            yield Finding(
                (*path, "cpu_kind"),
                quoted(kind),
                "Fly's kinds are shared and performance; flyctl sends any text",
                'set cpu_kind = "shared", or name a `size`',
            )
        if cpus is not None and whole(cpus) not in counts:
            yield Finding(
                (*path, "cpus"),
                quoted(cpus),
                f"Fly's machines have {', '.join(map(str, counts))} processors; flyctl sends any "
                "number",
                "set one of them, or name a `size`",
            )


def _group_of_size(configuration: Configuration) -> Iterator[Finding]:
    toml = toml_of(configuration)
    known = groups(toml)
    for path, vm in tables(toml, *VM_KEYS):
        for position, name in named_groups(vm):
            if name not in known:
                yield Finding(
                    (*path, "processes", position),
                    quoted(name),
                    f"the process groups are {', '.join(known)}: this size is for none of them, "
                    "which get Fly's smallest machine of 256 MB, and flyctl says nothing",
                    "name one of them",
                )


def _vm(text: str) -> Example:
    return Example(fly=f"[[vm]]\n{text}\n")


RULES = (
    Rule(
        id="F001",
        title="A machine's size does not exist",
        severity=Severity.ERROR,
        about="vm.size",
        evidence=(CONTRACT, GUESTS),
        remedy="Name one of Fly's sizes.",
        failing=_vm('size = "shared-cpu-3x"'),
        passing=_vm('size = "shared-cpu-4x"'),
        find=_unknown_size,
    ),
    Rule(
        id="F002",
        title="A machine of this size cannot have this memory",
        severity=Severity.ERROR,
        about="vm.memory",
        evidence=(CONTRACT, "facts on Fly, section 1.4: 256 to 2048 MB for each shared processor"),
        remedy="Choose a memory within the size's bounds, in steps of 256 MB.",
        failing=_vm('size = "shared-cpu-4x"\nmemory = "16gb"'),
        passing=_vm('size = "shared-cpu-4x"\nmemory = "8gb"'),
        find=_impossible_memory,
    ),
    Rule(
        id="F003",
        title="A machine's memory is written twice",
        severity=Severity.WARNING,
        about="vm.memory",
        evidence=("facts on flyctl's contract, section 6 (measured)",),
        remedy="Keep `memory` or `memory_mb`.",
        failing=_vm('size = "shared-cpu-4x"\nmemory = "4gb"\nmemory_mb = 8192'),
        passing=_vm('size = "shared-cpu-4x"\nmemory = "4gb"'),
        find=_memory_twice,
    ),
    Rule(
        id="F004",
        title="Two tables give one process group its size",
        severity=Severity.WARNING,
        about="vm",
        evidence=(CONTRACT,),
        remedy="Keep one `[[vm]]` for each process group.",
        failing=Example(fly='[[vm]]\nsize = "shared-cpu-1x"\n[[vm]]\nsize = "shared-cpu-4x"\n'),
        passing=_vm('size = "shared-cpu-4x"'),
        find=_two_sizes,
    ),
    Rule(
        id="F005",
        title="A machine's kind or number of processors does not exist",
        severity=Severity.ERROR,
        about="vm.cpus",
        evidence=(CONTRACT,),
        remedy="Name a `size`.",
        failing=_vm('cpu_kind = "shared"\ncpus = 3'),
        passing=_vm('cpu_kind = "shared"\ncpus = 4'),
        find=_own_guest,
    ),
    Rule(
        id="F006",
        title="A size is given to a process group that does not exist",
        severity=Severity.ERROR,
        about="vm.processes",
        evidence=(CONTRACT,),
        remedy="Name a group of `[processes]`.",
        failing=Example(
            fly='[processes]\napp = "--port 4000"\n[[vm]]\nsize = "shared-cpu-4x"\n'
            'processes = ["web"]\n'
        ),
        passing=Example(
            fly='[processes]\napp = "--port 4000"\n[[vm]]\nsize = "shared-cpu-4x"\n'
            'processes = ["app"]\n'
        ),
        find=_group_of_size,
    ),
)
