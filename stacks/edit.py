"""What edits mean for plain data: the tree that a text has to say after them.

Positions in lists are those of the data as given, however many entries are taken out: so the edits
of many findings about one text can be made at once. What an edit empties goes away with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stacks.configuration import Document
from stacks.paths import Part, Path, spell
from stacks.problem import Problem
from stacks.rule import Append, Edit, Move, Put, Remove

REMOVED: Final = object()
"""What stands in a tree where something was taken out."""

_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Moved:
    """A value of a tree that stood at `path`, unchanged, and is to keep its text."""

    path: Path
    value: Any


class EditRefused(Exception):  # noqa: N818 - what happened to the edit, not a fault of ours
    """Raised for an edit that cannot be made in a text without breaking something else."""

    def __init__(self, place: str, why: str) -> None:
        self.problem = Problem(
            place,
            "source.edit",
            "",
            f"{why}; nothing was changed here",
            "make this edit by hand: the finding says which",
        )
        super().__init__(f"{place}: {why}")


class Tree:
    """Plain data that edits are made in; what no edit touches is the same object as before."""

    def __init__(self, data: Mapping[str, Any], document: Document) -> None:
        self.before = data
        self.root: dict[Any, Any] = dict(data)
        self._document = document
        self._own: dict[int, dict[Any, Any] | list[Any]] = {id(self.root): self.root}

    def apply(self, edits: Iterable[Edit]) -> None:
        """Make each edit, one after the other; those whose path does not exist do nothing."""
        for edit in edits:
            if edit.path[:1] != (self._document,):
                continue
            path = edit.path[1:]
            match edit:
                case Remove():
                    self._remove(path)
                case Put(value=value):
                    self._put(path, value)
                case Append(value=value):
                    self._append(path, value)
                case Move(to=to):
                    self._move(path, to)
        self.root = {key: self._settled(value) for key, value in self.root.items()}

    def unchanged(self) -> bool:
        """Tell whether no edit did anything."""
        same = all(self.root.get(key) is value for key, value in self.before.items())
        return same and len(self.root) == len(self.before)

    def moves(self) -> dict[Path, Moved]:
        """Return what was moved, by where its text stands now."""
        containers = (it.values() if isinstance(it, dict) else it for it in self._own.values())
        values = [value for container in containers for value in container]
        return {value.path: value for value in values if isinstance(value, Moved)}

    def _remove(self, path: Path) -> None:
        if path and self._get(path) is not _MISSING:
            container = self._writable(path[:-1])
            container[_key(container, path[-1])] = REMOVED

    def _put(self, path: Path, value: Any) -> None:
        if not path or (isinstance(path[-1], int) and self._get(path) is _MISSING):
            return  # there is no such entry
        container = self._made(path[:-1])
        if isinstance(container, list) and not isinstance(path[-1], int):
            raise EditRefused(spell(path[:-1]), "this is no mapping")
        key = _key(container, path[-1])
        if isinstance(container, list) or not alike(container.get(key, _MISSING), value):
            container[key] = value

    def _append(self, path: Path, value: Any) -> None:
        found = self._get(path)
        if found is _MISSING or found is None:
            self._put(path, [value])
        elif not isinstance(found, list):
            raise EditRefused(spell(path), "this is no list")
        elif value not in found or not any(alike(entry, value) for entry in found):
            self._writable(path).append(value)

    def _move(self, path: Path, to: Path) -> None:
        value = self._get(path)
        if value is _MISSING or not path:
            return
        if to[:1] != (self._document,):
            raise EditRefused(spell(path), f"{spell(to)} is in another file")
        if self._get(to[1:]) is not _MISSING:
            return
        if to[1 : len(path) + 1] == path or isinstance(to[-1], int):
            raise EditRefused(spell(path), f"nothing can be moved to {spell(to[1:])}")
        target = self._made(to[1:-1])
        if isinstance(target, list):
            raise EditRefused(spell(to[1:-1]), "this is no mapping")
        untouched = value is _at(self.before, path)
        target[_key(target, to[-1])] = Moved(self._actual(path), value) if untouched else value
        self._remove(path)

    def _actual(self, path: Path) -> Path:
        """Return a path with its keys as they are: 404 where "404" was written."""
        actual: list[Any] = []
        for part in path:
            actual.append(_key(_at(self.before, tuple(actual)), part))
        return tuple(actual)

    def _get(self, path: Path) -> Any:
        return _at(self.root, path)

    def _writable(self, path: Path) -> Any:
        """Return the container at a path that exists, copied unless it is the tree's own."""
        container: Any = self.root
        for part in path:
            key = _key(container, part)
            inner = container[key]
            if isinstance(inner, Moved):
                inner = inner.value
            if id(inner) not in self._own:
                inner = inner.copy()
                self._own[id(inner)] = inner
            container[key] = inner
            container = inner
        return container

    def _made(self, path: Path) -> Any:
        """Return the mapping at a path, with the missing ones on the way made."""
        for length in range(1, len(path) + 1):
            found = self._get(path[:length])
            if found is _MISSING or found is None:
                container = self._writable(path[: length - 1])
                missing_entry = found is _MISSING and isinstance(path[length - 1], int)
                if missing_entry or not isinstance(container, dict):
                    raise EditRefused(spell(path[:length]), "nothing stands at this position")
                made: dict[Any, Any] = {}
                self._own[id(made)] = made
                container[_key(container, path[length - 1])] = made
            elif not isinstance(found, dict | list):
                raise EditRefused(spell(path[:length]), "this is no mapping")
        return self._writable(path)

    def _settled(self, value: Any) -> Any:
        """Return a value whose emptied containers are REMOVED themselves."""
        if id(value) not in self._own:
            return value
        if isinstance(value, dict):
            for key, inner in value.items():
                value[key] = self._settled(inner)
            entries = list(value.values())
        else:
            value[:] = [self._settled(inner) for inner in value]
            entries = value
        return REMOVED if entries and all(entry is REMOVED for entry in entries) else value


def with_edits(
    text: str,
    edits: Iterable[Edit],
    made: Callable[[str, Sequence[Edit]], str],
    on_refusal: Callable[[EditRefused], None],
) -> str:
    """Return a text with all edits but those that `made` refuses, which `on_refusal` gets.

    All are tried together; where one is refused, halves of them are, until it is found.
    """
    waiting = [list(edits)]
    taken: list[Edit] = []
    result = text
    while waiting:
        some = waiting.pop()
        try:
            result = made(text, [*taken, *some])
        except EditRefused as refusal:
            if len(some) == 1:
                on_refusal(refusal)
            elif some:
                half = len(some) // 2
                waiting += [some[half:], some[:half]]
        else:
            taken += some
    return result


def raised(refusal: EditRefused) -> None:
    """Raise a refusal: what happens to one that nobody asked to be told of."""
    raise refusal


def plain(tree: Any) -> Any:
    """Return a tree as the data that its text is to say."""
    if isinstance(tree, Moved):
        return tree.value
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items() if value is not REMOVED}
    if isinstance(tree, list):
        return [plain(value) for value in tree if value is not REMOVED]
    return tree


def _at(tree: Any, path: Path) -> Any:
    """Return what stands at a path, _MISSING where nothing does."""
    for part in path:
        if isinstance(tree, Moved):
            tree = tree.value
        if isinstance(tree, dict):
            tree = tree.get(_key(tree, part), _MISSING)
        elif isinstance(tree, list) and isinstance(part, int) and 0 <= part < len(tree):
            tree = tree[part]
        else:
            return _MISSING
        if tree is REMOVED or tree is _MISSING:
            return _MISSING
    return tree.value if isinstance(tree, Moved) else tree


def _key(container: Any, part: Part) -> Any:
    """Return the key that a part of a path means: 404 may be written as "404"."""
    if isinstance(container, list) or part in container or not isinstance(part, str):
        return part
    return next((key for key in container if not isinstance(key, str) and str(key) == part), part)


def alike(one: Any, other: Any) -> bool:
    """Tell whether two data are the same to the type; `.nan` is like itself, 1 is not True."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(it, other[key]) for key, it in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other) or one != one  # noqa: PLR0124 - only .nan differs from itself
