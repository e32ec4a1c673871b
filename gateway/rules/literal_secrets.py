"""Which written texts are secrets; none of them is ever quoted."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.subject import reference
from stacks.paths import Path
from stacks.secrecy import looks_like_secret

LEAST_OF_A_KEY = 16  # shorter `api_key`s are made up: a local server wants something there
SEARCHED = 2000  # letters of a text; a form of secrets shows at its beginning
FEW_SIGNS = 3  # different characters of a text such as `aaaa` or `0000-0000`

_NAMES = re.compile(
    r"(?:^|_|-)(?:api_?key|password|passwd|secret|secret_key|access_key|access_token|"
    r"auth_token|session_token|bot_token|token|private_key|master_key|salt_key)$",
    re.IGNORECASE,
)
_PASSWORDS = re.compile(r"(?:password|passwd)$", re.IGNORECASE)
_HARMLESS = re.compile(r"(?:per_token|max_token|public_key|key_name|token_name)$", re.IGNORECASE)
_OTHER_FORMS = re.compile(
    r"https://hooks\.slack\.com/services/\w+/\w+/\w{8,}"
    r"|(?<![A-Za-z0-9])(?:A[KS]IA[0-9A-Z]{16}|gsk_[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|pplx-[A-Za-z0-9]{20,}|xox[abpr]-[A-Za-z0-9-]{20,})"
)
_MADE_UP = re.compile(
    r"fake|dummy|example|placeholder|your|change[-_]?me|none|null|empty|needed|required|xxx|\.\.\."
    r"|anything|unused|no[-_]key|mock|ollama|lm[-_]studio|1234|redacted|secret[-_]?here|\*\*\*|<|\$",
    re.IGNORECASE,
)


def secrets_in(value: Any, path: Path) -> Iterator[Path]:
    """Yield the place of every secret that is written out below `path`, in the text's order.

    What stands in several places, as an anchor of YAML lets it, is looked at in the first.
    """
    seen: set[int] = set()
    waiting: list[tuple[Path, str, Any]] = [(path, "", value)]
    while waiting:
        here, name, inner = waiting.pop()
        if isinstance(inner, str):
            if is_secret(name, inner):
                yield here
        elif isinstance(inner, Mapping | list | tuple) and id(inner) not in seen:
            seen.add(id(inner))
            waiting += reversed(list(_parts(inner, here)))


def _parts(value: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(value, Mapping):
        yield from (((*path, str(key)), str(key), inner) for key, inner in value.items())
    else:
        yield from (((*path, index), "", inner) for index, inner in enumerate(value))


def is_secret(name: str, text: str) -> bool:
    """Tell whether a text is a secret: by its own form, or by its name unless it is made up."""
    if len(text) < 2 or reference(text) is not None:  # noqa: PLR2004 - one letter hides nothing
        return False
    head = text[:SEARCHED]
    if "PRIVATE KEY" in head:
        return "..." not in head and "<" not in head
    if is_made_up(head):
        return False
    formed = looks_like_secret(head) or _OTHER_FORMS.search(head) is not None
    return formed or _is_named_secret(name, text)


def is_made_up(text: str) -> bool:
    """Tell whether a text only stands where a program wants something."""
    return len(set(text)) <= FEW_SIGNS or _MADE_UP.search(text) is not None


def _is_named_secret(name: str, text: str) -> bool:
    if "://" in text or not _NAMES.search(name) or _HARMLESS.search(name):
        return False
    mixed = any(sign.isdigit() for sign in text) and any(sign.isalpha() for sign in text)
    return _PASSWORDS.search(name) is not None or (len(text) >= LEAST_OF_A_KEY and mixed)
