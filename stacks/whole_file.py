"""How a file is written: as a whole or not at all."""

import os
import tempfile
from pathlib import Path

PARTIAL = ".partial"
READABLE = 0o644  # of a file that was not there: people and version control read it


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file, or write it anew with the permissions that it has; a link stays one.

    Who reads it meanwhile sees the old text or the new one. What a killed run leaves beside it is
    `forget_partial`'s.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(target.stat().st_mode & 0o7777 if target.exists() else READABLE)
        written.replace(target)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def forget_partial(folder: Path, name: str = "*") -> None:
    """Remove what killed runs left of a file, or of every file, in a folder.

    Only where no other process may be writing just now.
    """
    for path in folder.glob(f".{name}.*{PARTIAL}"):
        path.unlink(missing_ok=True)
