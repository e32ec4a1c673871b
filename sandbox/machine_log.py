"""A machine's log: what its process writes, kept below a size."""

import os
import shutil
from pathlib import Path
from typing import IO

LIMIT_BYTES = 8 * 1024 * 1024  # one older piece of the same size is kept as `log.1`


def open_log(path: Path) -> IO[bytes]:
    """Open for appending, 0600: each write goes to the end, wherever that is after a rotation."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "wb", buffering=0)


def rotate(path: Path, limit: int = LIMIT_BYTES) -> bool:
    """Move a log over the limit to `log.1` and empty it; blocking. Return whether it did.

    The process keeps its open file, so the text is copied; what is written between the copy and
    the cut is lost.
    """
    try:
        if path.stat().st_size <= limit:
            return False
        older = path.with_name(path.name + ".1")
        older.unlink(missing_ok=True)
        older.touch(mode=0o600)
        shutil.copyfile(path, older)
        os.truncate(path, 0)
    except FileNotFoundError:
        return False  # the machine was removed meanwhile
    return True
