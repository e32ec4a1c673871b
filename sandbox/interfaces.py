"""What the parts of the sandbox promise each other: records, images and the machine runtime."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sandbox.registry.published import Tags


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything an image needs to turn a machine configuration into a process.

    `address` is the machine's own loopback address. `rootfs` is an existing private directory
    that stands for the machine's file system: a guest path `/app/x` lives at `rootfs/app/x`.
    `environment` is complete (config.env, secrets, FLY_* variables) with addresses already
    substituted; `command` is `init.exec`, or else `init.entrypoint` + `init.cmd`, substituted
    likewise. `ports` are the internal ports that the machine's services and metrics name.
    `volume` is the directory of the mounted volume and `volume_path` its guest path.
    """

    machine_id: str
    address: str
    rootfs: Path
    environment: Mapping[str, str]
    command: tuple[str, ...]
    ports: tuple[int, ...] = ()
    volume: Path | None = None
    volume_path: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A command that the supervisor runs as the machine's process.

    `argv[0]` is absolute. `environment` is the whole environment of the process: nothing is
    inherited. `prepare` runs before each start, in a worker thread, and may raise
    `ImageError`; it must be idempotent (initdb, for example).
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    prepare: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class ImageReference:
    """An image as Fly reports it in `image_ref`."""

    registry: str
    repository: str
    tag: str
    digest: str  # "sha256:" and 64 hexadecimal digits


class ImageError(Exception):
    """An image cannot run here; the text says why and what to do."""


class Image(Protocol):
    """One runnable thing behind an image reference: litellm, postgres, valkey, stub."""

    reference: ImageReference

    def process(self, launch: Launch) -> ProcessSpec:
        """Say how the machine's main process is started."""
        ...

    def exec_process(self, launch: Launch, command: tuple[str, ...]) -> ProcessSpec:
        """Say how `command` runs inside the machine (PATH and interpreter of the image)."""
        ...


class ImageCatalogue(Protocol):
    """Resolves what stands in `config.image`."""

    def resolve(self, reference: str) -> Image:
        """Return the image; raise `ImageError` when the sandbox knows none by this name."""
        ...


class PublishedImages(ImageCatalogue, Protocol):
    """A catalogue whose images are in a registry too."""

    tags: Tags

    def is_published(self, repository: str, tag: str) -> bool:
        """Tell whether the registry has an image by this tag."""
        ...

    def known_tags(self, repository: str) -> Iterable[str]:
        """Return the tags of a repository that are known; one may come twice."""
        ...

    def note(self, repository: str, tag: str) -> None:
        """Note that a tag was asked for."""
        ...


@dataclass(slots=True)
class MachineRecord:
    """A machine as the stand-in keeps it; `config` is the whole configuration as it was sent."""

    id: str
    app: str
    name: str
    region: str
    config: dict[str, Any]
    instance_id: str
    state: str  # created starting started stopping stopped replacing destroying destroyed failed
    created_at: str
    updated_at: str
    address: str
    image: ImageReference
    cordoned: bool = False
    host_status: str = "ok"  # of the host it runs on: ok, unreachable or unknown
    events: list[dict[str, Any]] = field(default_factory=list)  # newest first, as Fly's
    secrets_version: int = 0
    pid: int | None = None
    pid_started: float | None = None  # the process' start time, so that a reused pid is noticed


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What `exec` answers; the streams are text, cut at the sandbox's documented limit."""

    exit_code: int
    stdout: str
    stderr: str


class MachineRuntime(Protocol):
    """Runs machines as processes; the API layer owns the records, the runtime owns processes.

    The runtime reports what happens by calling the `on_event` given to its constructor as
    `on_event(machine_id, kind, detail)`: kinds `started`, `exited` (detail: exit_code,
    requested_stop, restarting), `failed` (detail: error).
    """

    async def start(self, machine: MachineRecord, secrets: Mapping[str, str]) -> None:
        """Start the process; returns once it was spawned (or `failed` was reported)."""
        ...

    async def stop(self, machine_id: str, *, signal: str, timeout_s: float) -> None:
        """Send the signal, wait, then SIGKILL the process group. No error when not running."""
        ...

    async def forget(self, machine_id: str) -> None:
        """Kill what is left of the machine and remove its directories (not its volume)."""
        ...

    async def adopt(self, machine: MachineRecord) -> bool:
        """After a restart of the sandbox: take over a process that still runs, else False."""
        ...

    async def exec(
        self,
        machine: MachineRecord,
        command: tuple[str, ...],
        timeout_s: float,
        secrets: Mapping[str, str],
    ) -> ExecResult:
        """Run a command with the machine's environment; raises TimeoutError."""
        ...

    def checks(self, machine_id: str) -> list[dict[str, Any]]:
        """Answer `[{name, status, output, updated_at}]`, one row a configured check."""
        ...

    async def processes(self, machine_id: str) -> list[dict[str, Any]]:
        """List what runs, as Fly's `ps` does; empty when nothing does."""
        ...

    def routable(self, machine_id: str) -> bool:
        """Say whether the process runs and every service check passes."""
        ...
