"""A machine without the sandbox around it: an image's process, started, awaited and stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sandbox.interfaces import Image, Launch, ProcessSpec

STOP_S = 30


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], deadline_s: float, what: str) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.02)  # the only pause: between two looks


def listens(address: str, port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


def launch(
    rootfs: Path,
    *command: str,
    address: str,
    environment: Mapping[str, str] | None = None,
    volume: tuple[Path, str] | None = None,
) -> Launch:
    rootfs.mkdir(parents=True, exist_ok=True)
    return Launch(
        machine_id=f"m{os.getpid()}",
        address=address,
        rootfs=rootfs,
        environment=environment or {},
        command=command,
        volume=volume[0] if volume else None,
        volume_path=volume[1] if volume else None,
    )


def start(spec: ProcessSpec, log: Path) -> subprocess.Popen[bytes]:
    if spec.prepare:
        spec.prepare()
    with log.open("ab") as output:
        return subprocess.Popen(
            spec.argv,
            env=dict(spec.environment),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(STOP_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def running(
    image: Image, at: Launch, port: int, deadline_s: float = 30
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the image's process until the block ends; it listens on `port` when the block begins."""
    log = at.rootfs / "log"
    process = start(image.process(at), log)
    try:
        wait_until(
            lambda: listens(at.address, port) or process.poll() is not None,
            deadline_s,
            f"a listener; log: {log.read_text()[-1500:]}",
        )
        assert process.poll() is None, log.read_text()[-1500:]
        yield process
    finally:
        stop(process)


def execute(image: Image, at: Launch, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command inside the machine, as `exec` does."""
    spec = image.exec_process(at, command)
    if spec.prepare:
        spec.prepare()
    return subprocess.run(
        spec.argv,
        env=dict(spec.environment),
        cwd=spec.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
