"""The API without sockets or processes."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.unit.sandbox.fakes import Sandbox


@pytest.fixture
async def fly(tmp_path: Path) -> AsyncGenerator[Sandbox]:
    """An empty sandbox."""
    sandbox = Sandbox(tmp_path / "home")
    yield sandbox
    await sandbox.http.aclose()
    await sandbox.lifecycle.shutdown()
