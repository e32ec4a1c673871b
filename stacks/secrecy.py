"""What must never be echoed: how a value or the name of its key gives away that it is a secret."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from stacks.paths import Part, Path

_KNOWN_FORMS = re.compile(
    r"""(?:^|[\s"'=:])(?:
        sk-(?:ant-|proj-)?[A-Za-z0-9_-]{8,}      # OpenAI, Anthropic, LiteLLM's master key
      | xai-[A-Za-z0-9_-]{8,}
      | ph[cx]_[A-Za-z0-9]{8,}                   # PostHog
      | AIza[A-Za-z0-9_-]{20,}                   # Google
      | ya29\.[A-Za-z0-9_-]{8,}
      | (?:fo1|fm1r|fm1a|fm2)_[A-Za-z0-9_+/=-]{8,}   # Fly.io
      | gh[pousr]_[A-Za-z0-9]{20,}
      | pul-[0-9a-f]{16,}
      | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}  # a JSON web token
    )
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | "private_key"\s*:
    | [a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@    # an address with a password
    """,
    re.VERBOSE,
)
_TELLING_KEY = re.compile(
    r"(?i)password|passphrase|secret|token|credential|(?:api|master|salt)_?key"
)
_LONG = 24  # characters: shorter random words are hard to tell from names
_BITS = 3.5  # entropy per character above which an unbroken word is taken for random
_SHOWN = 80  # characters of a value that are quoted


def looks_like_secret(value: str) -> bool:
    """Say whether `value` has the form of a known kind of key, or an address with a password."""
    return _KNOWN_FORMS.search(value) is not None


def may_be_secret(path: Path, value: str) -> bool:
    """Say whether `value` had better not be echoed: its form, its key or its randomness tells."""
    return (
        looks_like_secret(value)
        or any(isinstance(part, str) and _TELLING_KEY.search(part) for part in path)
        or any(_random(word) for word in re.split(r"[\s/:@,;=&?.]+", value))
    )


def shown(path: Path, value: Any) -> str:
    """Return `value` quoted for a message, shortened, or a remark in its place."""
    if isinstance(value, Mapping):
        return "(a mapping)"
    if isinstance(value, list | tuple):
        return "(a list)"
    if isinstance(value, str) and may_be_secret(path, value):
        return "(not shown: it may be a secret)"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def secrets_in_plain(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of every text in `tree` that has the form of a secret."""
    if isinstance(tree, str):
        if looks_like_secret(tree):
            yield path
        return
    children: list[tuple[Part, Any]] = []
    if isinstance(tree, Mapping):
        children = [(str(key), item) for key, item in tree.items()]
    elif isinstance(tree, list | tuple):
        children = list(enumerate(tree))
    for part, item in children:
        yield from secrets_in_plain(item, (*path, part))


def _random(word: str) -> bool:
    if len(word) < _LONG or not re.search(r"\d", word):
        return False
    counts = Counter(word)
    bits = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    return bits >= _BITS
