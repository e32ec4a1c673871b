"""Whether a killed engine left half a checkpoint in a file backend, and the whole one before it."""

import json
import shutil
from pathlib import Path


def mend_checkpoint(backend: Path, project: str, stack: str) -> bool:
    """Put the checkpoint before the last in place of one that cannot be read; True when it did.

    The file backend writes a checkpoint in place: an engine that is killed meanwhile leaves a file
    that ends too soon ("failed to load checkpoint: EOF"). Beside it lies the one before. What was
    made since is found again by the next `up`, as after any kill.
    """
    checkpoint = backend / ".pulumi" / "stacks" / project / f"{stack}.json"
    before = checkpoint.with_name(f"{checkpoint.name}.bak")
    if not checkpoint.exists() or _is_whole(checkpoint) or not _is_whole(before):
        return False
    partial = checkpoint.with_name(f"{checkpoint.name}.mending")
    shutil.copyfile(before, partial)
    partial.replace(checkpoint)
    return True


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
