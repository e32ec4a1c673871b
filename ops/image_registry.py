"""Which registry is asked about an environment's images: their own, or the sandbox's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.image.registry import TIMEOUT_S, Registry
from ops.local_state import local_state
from ops.project import is_local
from ops.running_sandbox import RunningSandbox, need_sandbox


def sandbox_of(root: Path, environment: str) -> RunningSandbox | None:
    """Return the sandbox that a local environment lives in; it must run. None for those on Fly."""
    return need_sandbox(local_state(os.environ)) if is_local(root, environment) else None


@contextmanager
def registry_for(sandbox: RunningSandbox | None) -> Iterator[Registry]:
    """Give the registry to ask.

    Only a local environment's is another than the images' names say, and it is on this machine:
    the sandbox's address comes from the file that the sandbox wrote, from no setting.
    """
    timeout = httpx.Timeout(TIMEOUT_S)
    with httpx.Client(timeout=timeout, trust_env=sandbox is None) as client:
        yield Registry(client, at=sandbox.api_url if sandbox else "")
