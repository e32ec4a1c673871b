"""The files on the machines: what is on each disk against what the machine was given."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from components.actual import Running
from fly.canonical import canonical
from fly.differences import property_path
from fly.errors import FlyError
from fly.shared import SharedLook
from gateway.changes import text_changes
from gateway.render import PATH_IN_MACHINE as YAML_IN_MACHINE
from ops.drift_findings import Finding, Handle, Layer, Moved, Part, Verdict
from ops.drift_values import file_bytes, file_text
from stacks.problem import Problem

EXEC_TIMEOUT_S = 20
SHOWN_CHANGES = 20  # of one file
LONGEST_TEXT = 60_000  # bytes: what `exec` answers is cut after 64 KiB

# One line a file, in the order asked, also when one of them is missing. The paths are arguments;
# their contents stay in the machine.
_DIGESTS = """for file in "$@"; do
  if [ -f "$file" ]; then sha256sum < "$file" | cut -d " " -f 1; else echo missing; fi
done"""


def look_at_disks(
    environment: str,
    running: Sequence[Running],
    look: SharedLook,
    pool: Executor,
    *,
    probe_prefix: str = "proof",
) -> Part:
    """Ask every started machine that has files for their digests, one `exec` each, in parallel."""
    jobs = [
        pool.submit(_disk, environment, each, _files(each), look, probe_prefix)
        for each in running
        if _files(each)
    ]
    found = [job.result() for job in jobs]
    return Part(
        tuple(finding for disk in found for finding in disk.findings),
        tuple(problem for disk in found for problem in disk.problems),
        tuple(note for disk in found for note in disk.notes),
    )


def file_changes(
    path: str, before: Any, after: Any, probe_prefix: str = "proof"
) -> tuple[str, ...]:
    """Say what differs between two contents of LiteLLM's file; nothing of any other file."""
    old, new = file_bytes(before), file_bytes(after)
    if path != YAML_IN_MACHINE or old is None or new is None:
        return ()
    texts = (content.decode(errors="replace") for content in (old, new))
    found = text_changes(*texts, probe_prefix=probe_prefix)
    said = tuple(change.sentence for change in found)
    if len(said) > SHOWN_CHANGES:
        return (*said[:SHOWN_CHANGES], f"and {len(said) - SHOWN_CHANGES} more")
    return said or ("the same settings, written in another way",)


def _files(running: Running) -> dict[str, Any]:
    """Return the files that a machine was given, by path, without those that are secrets."""
    files = canonical(running.machine.config).get("files") or {}
    return {path: content for path, content in files.items() if file_bytes(content) is not None}


def _disk(
    environment: str, running: Running, files: dict[str, Any], look: SharedLook, probe_prefix: str
) -> Part:
    machine = running.machine
    name = running.slot or running.resource
    if machine.state != "started":
        return Part(notes=(_not_looked_at(name, machine.id, machine.state),))
    quick = ("sha256sum", *files)
    careful = ("sh", "-c", _DIGESTS, "gateway-drift", *files)
    try:
        answer = look.exec(running.app, machine.id, quick, timeout_s=EXEC_TIMEOUT_S)
        if answer.exit_code != 0:
            answer = look.exec(running.app, machine.id, careful, timeout_s=EXEC_TIMEOUT_S)
    except FlyError as error:
        return Part(problems=(error.problem,))
    lines = [line.split()[0] for line in answer.stdout.splitlines() if line.strip()]
    if answer.exit_code != 0 or len(lines) != len(files):
        return Part(problems=(_unreadable(running, answer.stderr),))
    found = zip(files.items(), lines, strict=True)
    return Part(tuple(_compared(environment, running, found, look, probe_prefix)))


def _compared(
    environment: str, running: Running, found: Any, look: SharedLook, probe_prefix: str
) -> Iterator[Finding]:
    for (path, content), digest in found:
        raw = file_bytes(content) or b""
        if hashlib.sha256(raw).hexdigest() == digest:
            continue
        gone = digest == "missing"
        steps = ("disk", path) if not running.slot else ("machines", running.slot, "disk", path)
        yield Finding(
            layer=Layer.FILES,
            resource=running.resource,
            path=property_path(steps),
            verdict=Verdict.MISSING if gone else Verdict.DRIFTED,
            moved=Moved.REALITY,
            recorded=file_text(content),
            actual=None if gone else f"sha256:{digest[:12]}",
            desired=file_text(content),
            remedy=f"gateway drift {environment} --heal",
            details=() if gone else _changes_on_disk(running, path, raw, look, probe_prefix),
            machine=running.machine.id,
            handle=Handle(kind="disk", app=running.app, id=running.machine.id),
        )


def _changes_on_disk(
    running: Running, path: str, raw: bytes, look: SharedLook, probe_prefix: str
) -> tuple[str, ...]:
    """Fetch a text that differs and say in what; the process may not have read it yet."""
    if path != YAML_IN_MACHINE:
        return ()
    try:
        answer = look.exec(running.app, running.machine.id, ("cat", path), timeout_s=EXEC_TIMEOUT_S)
    except FlyError:
        return ()
    if answer.exit_code != 0 or len(answer.stdout.encode()) > LONGEST_TEXT:
        return ()
    return file_changes(path, raw.decode(errors="replace"), answer.stdout, probe_prefix)


def _not_looked_at(name: str, machine_id: str, state: str) -> str:
    return (
        f"{name} ({machine_id}) is {state}: what is on its disk was not looked at;"
        " it is written anew when it starts"
    )


def _unreadable(running: Running, said: str) -> Problem:
    return Problem(
        f"app {running.app}, machine {running.machine.id} ({running.machine.region})",
        "drift.disk",
        "",
        f"its files' digests could not be read: {' '.join(said.split())[:200] or 'no answer'}",
        f"fly ssh console -a {running.app} --machine {running.machine.id}",
    )
