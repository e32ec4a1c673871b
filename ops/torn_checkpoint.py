"""Whether a killed engine left half a file of its state in a file backend, and how it is mended."""

import json
import shutil
from pathlib import Path


def mend_checkpoint(backend: Path, project: str, stack: str) -> bool:
    """Make a stack's checkpoint readable again; True when something had to be done.

    An engine that is killed while it writes leaves one of two things, and says "failed to load
    checkpoint: EOF" of both. Attributes (`<stack>.json.attrs`) that end too soon beside a whole
    checkpoint: they are removed, for the backend does without. A checkpoint that ends too soon:
    the one before it, which lies beside it, takes its place. What was made since is found again
    by the next `up`, as after any kill.
    """
    checkpoint = backend / ".pulumi" / "stacks" / project / f"{stack}.json"
    before = checkpoint.with_name(f"{checkpoint.name}.bak")
    mended = False
    for path in (checkpoint, before):
        attributes = path.with_name(f"{path.name}.attrs")
        if attributes.exists() and not _is_whole(attributes):
            attributes.unlink()
            mended = True
    if not checkpoint.exists() or _is_whole(checkpoint) or not _is_whole(before):
        return mended
    partial = checkpoint.with_name(f"{checkpoint.name}.mending")
    shutil.copyfile(before, partial)
    partial.replace(checkpoint)
    # They hold the digest of the text that they were written for.
    checkpoint.with_name(f"{checkpoint.name}.attrs").unlink(missing_ok=True)
    return True


def _is_whole(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
