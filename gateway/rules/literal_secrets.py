"""Which written texts are secrets; none of them is ever quoted."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
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
# No text without one of these has the form of a secret: most texts are let go here.
_HINTS = re.compile(
    r"@|sk-|xai-|ph[cx]_|AIza|ya29|fo1_|fm\d|gh[pousr]_|pul-|eyJ|PRIVATE|private_key|hooks\."
    r"|A[KS]IA|gsk_|hf_|pplx-|xox"
)
_MADE_UP = re.compile(
    r"fake|dummy|example|placeholder|your|change[-_]?me|none|null|empty|needed|required|xxx|\.\.\."
    r"|anything|unused|no[-_]key|mock|ollama|lm[-_]studio|1234|redacted|secret[-_]?here|\*\*\*|<|\$",
    re.IGNORECASE,
)


def secrets_in(value: Mapping[str, Any], path: Path) -> Iterator[Path]:
    """Yield the place of every secret that is written out below `path`.

    What stands in several places, as an anchor of YAML lets it, is looked at in the first.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, Path]] = [(dict(value), path)]  # dicts and lists: what parsers make
    while waiting:
        part, here = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        keyed = isinstance(part, dict)
        for key, inner in part.items() if keyed else enumerate(part):
            if isinstance(inner, str):
                if is_secret(str(key) if keyed else "", inner):
                    yield (*here, str(key) if keyed else key)
            elif isinstance(inner, dict | list | tuple):
                waiting.append((inner, (*here, str(key) if keyed else key)))


def is_secret(name: str, text: str) -> bool:
    """Tell whether a text is a secret: by its own form, or by its name unless it is made up."""
    named = _names_secret(name)
    formed = _HINTS.search(text) is not None
    if not named and not formed:
        return False
    if len(text) < 2 or reference(text) is not None:  # noqa: PLR2004 - one letter hides nothing
        return False
    head = text[:SEARCHED]
    if "PRIVATE KEY" in head:
        return "..." not in head and "<" not in head
    if is_made_up(head):
        return False
    if formed and (looks_like_secret(head) or _OTHER_FORMS.search(head) is not None):
        return True
    return named and _is_random(name, text)


def is_made_up(text: str) -> bool:
    """Tell whether a text only stands where a program wants something."""
    return len(set(text)) <= FEW_SIGNS or _MADE_UP.search(text) is not None


@lru_cache(maxsize=1024)
def _names_secret(name: str) -> bool:
    return _NAMES.search(name) is not None and _HARMLESS.search(name) is None


def _is_random(name: str, text: str) -> bool:
    if "://" in text:
        return False
    mixed = any(sign.isdigit() for sign in text) and any(sign.isalpha() for sign in text)
    return _PASSWORDS.search(name) is not None or (len(text) >= LEAST_OF_A_KEY and mixed)
