"""Running one command to its end, with its output cut at a limit."""

import asyncio
import os

from sandbox.interfaces import ExecResult, ProcessSpec
from sandbox.processes import spawn
from sandbox.restart import exit_detail

OUTPUT_BYTES = 64 * 1024  # of each stream
_READ = 16 * 1024
_LINGER_S = 1.0  # for output still under way when the command has ended


async def run_command(spec: ProcessSpec, timeout_s: float) -> ExecResult:
    """Run a command; what it leaves running in its process group is killed.

    Each stream is cut after 64 KiB without a mark; what follows is read and dropped. Raises
    `TimeoutError` (the group was killed) and `OSError` when the program cannot be executed.
    """
    if spec.prepare is not None:
        await asyncio.to_thread(spec.prepare)
    out, stdout = await _pipe()
    err, stderr = await _pipe()
    try:
        try:
            process = spawn(spec, stdout=stdout, stderr=stderr)
        finally:
            os.close(stdout)
            os.close(stderr)
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ended}, timeout=timeout_s)
            if not ended.done():
                raise TimeoutError(f"the command was still running after {timeout_s:g} s")
        finally:
            process.kill_group()
            code = await ended
        await asyncio.wait({out.done, err.done}, timeout=_LINGER_S)
        return ExecResult(exit_detail(code)["exit_code"], out.text(), err.text())
    finally:
        out.close()
        err.close()


class _Output(asyncio.Protocol):
    """The first bytes of a stream; the rest is dropped."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept = bytearray()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._kept += data[: OUTPUT_BYTES - len(self._kept)]

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the end is the end
        if not self.done.done():
            self.done.set_result(None)

    def text(self) -> str:
        return self._kept.decode(errors="replace")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _pipe() -> tuple[_Output, int]:
    """Return what collects the output and the descriptor to be written to."""
    reading, writing = os.pipe()
    _, output = await asyncio.get_running_loop().connect_read_pipe(
        _Output, os.fdopen(reading, "rb", buffering=0)
    )
    return output, writing
