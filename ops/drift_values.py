"""How values are shown in findings: short, and never one that may be a secret."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from components.recorded import SECRET
from fly.differences import MISSING, Step
from stacks.secrecy import looks_like_secret, shown

_IMAGE = re.compile(r"[\w./:-]+(?:@sha256:[0-9a-f]{64})?", re.ASCII)
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{16,64}", re.ASCII)
_DIGESTED = frozenset({"bundle", "contents", "image_ref"})  # properties that hold digests
NOT_SHOWN = "(not shown: nobody declared it)"
DIGITS = 12


def value_text(  # noqa: PLR0911 - one line a kind of value
    steps: Sequence[Step], value: Any, *, declared: bool = True
) -> str | None:
    """Return a value for a reader; None when it is not there.

    `declared` False says that neither state nor settings know the property: of such a variable
    nobody can tell whether it is a secret, so its value is not shown.
    """
    if value is MISSING:
        return None
    if value is SECRET:
        return str(SECRET.value)
    if is_file(steps):
        return file_text(value)
    if _is_machine(steps, value):
        return f"a machine, image {value.get('image', '')}"
    if _holds_digest(steps) and isinstance(value, str) and _plain(value):
        return json.dumps(value)
    if not declared and "env" in steps:
        return NOT_SHOWN
    return shown(tuple(steps), value)


def is_file(steps: Sequence[Step]) -> bool:
    """Tell whether the property is a file of a machine."""
    return len(steps) > 1 and steps[-2] == "files"


def file_text(content: Any) -> str:
    """Return a file's digest and size; its content is never quoted here."""
    raw = file_bytes(content)
    if raw is None:
        name = content.get("secret_name") if isinstance(content, Mapping) else None
        return f"the secret {name}" if name else "(not a file)"
    return f"sha256:{hashlib.sha256(raw).hexdigest()[:DIGITS]}, {len(raw)} bytes"


def file_bytes(content: Any) -> bytes | None:
    """Return what a file of a canonical configuration holds; None where that is not known."""
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, Mapping) and isinstance(content.get("base64"), str):
        try:
            return base64.b64decode(content["base64"])
        except ValueError:
            return None
    return None


def _is_machine(steps: Sequence[Step], value: Any) -> bool:
    return len(steps) == 2 and steps[0] == "machines" and isinstance(value, Mapping)  # noqa: PLR2004


def _holds_digest(steps: Sequence[Step]) -> bool:
    return bool(steps) and (steps[-1] == "image" or steps[0] in _DIGESTED)


def _plain(value: str) -> bool:
    fits = _IMAGE.fullmatch(value) or _DIGEST.fullmatch(value)
    return fits is not None and not looks_like_secret(value)
