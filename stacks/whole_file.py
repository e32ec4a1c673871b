"""How a file is replaced: as a whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file anew, with the permissions that it has; a link stays one.

    Who reads it meanwhile sees the old text or the new one.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        written.chmod(target.stat().st_mode & 0o7777)
        written.replace(target)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
