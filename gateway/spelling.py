"""Which known name a misspelt one was probably meant to be."""

# ruff: noqa: PLC0415 - most checks find no misspelt name, and load nothing to compare names with

from collections.abc import Iterable

LIKENESS = 0.75  # of SequenceMatcher.ratio; `anthropic/claude-sonet` and its model have 0.97
COMPARED = 12  # names compared in full for one lookup: SequenceMatcher takes 30-100 us each
LOOKUPS = 20  # names that one speller corrects; a file with more misspelt ones has another problem


class Speller:
    """Corrects names by a list of known ones, in time linear in the list for each lookup.

    After `LOOKUPS` lookups it has no more suggestions: 10,000 unknown names would otherwise be
    compared with 10,000 known ones.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(known)
        self._left = LOOKUPS
        self._found: dict[str, str | None] = {}

    def nearest(self, name: str) -> str | None:
        """Return the known name that `name` resembles most, None where none does."""
        if name not in self._found:
            self._left -= 1
            self._found[name] = nearest(name, self._known) if self._left >= 0 else None
        return self._found[name]


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `name` resembles most, None where none does; case counts little."""
    plain = _plain(name)
    if not plain:
        return None
    slack = max(2, int(len(plain) * 0.35))
    near = [c for c in candidates if c != name and abs(len(c) - len(name)) <= slack]
    if len(near) > COMPARED:
        near = sorted(near, key=lambda candidate: _ends(plain, _plain(candidate)))[:COMPARED]
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(b=plain, autojunk=False)
    best, likeness = None, LIKENESS
    for candidate in near:
        matcher.set_seq1(_plain(candidate))
        if matcher.quick_ratio() >= likeness and (ratio := matcher.ratio()) >= likeness:
            best, likeness = candidate, max(ratio, likeness + 1e-9)
    return best


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")[:200]


def _ends(one: str, other: str) -> int:
    """Return minus the number of letters that both begin and end with: more alike sorts first."""
    begin = _common(one, other)
    return -(begin + _common(one[begin:][::-1], other[begin:][::-1]))


def _common(one: str, other: str) -> int:
    count = 0
    for letter, beside in zip(one, other, strict=False):
        if letter != beside:
            break
        count += 1
    return count
