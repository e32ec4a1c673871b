"""How LiteLLM puts a YAML file and those that its `include:` names together, place by place."""

from collections import deque
from collections.abc import Callable
from os.path import abspath
from pathlib import Path as FilePath

from stacks.paths import Path
from stacks.problem import Problem, Severity
from stacks.source import Place, Source
from stacks.source_yaml import read_yaml

INCLUDE = "include"


def read_with_includes(
    path: FilePath, *, read: Callable[[FilePath], bytes] = FilePath.read_bytes
) -> Source:
    """Return what LiteLLM gets from `path` and the files that it includes; never raises.

    As litellm/proxy/common_utils/config_includes.py (1.106.2) does it: breadth first, each file
    once, one that is named relative to the file that names it, else to the first one. Lists are
    joined; anything else that an included file has replaces what was there.
    """
    raw, problem = _read(path, read)
    if raw is None:
        return Source(str(path), {}, (problem,) if problem else ())
    source = read_yaml(raw, str(path))
    if INCLUDE not in source.data:
        return source
    merge = _Merge(source)
    merge.follow(path, read)
    return Source(source.file, merge.data, tuple(merge.problems), merge.locate)


class _Merge:
    """The data so far, and from which file each of its top-level keys came.

    `parts` are the files of each key; of a list, each with the position of its first entry.
    """

    def __init__(self, main: Source) -> None:
        self.main = main
        self.data = {key: value for key, value in main.data.items() if key != INCLUDE}
        self.problems = list(main.problems)
        self.parts: dict[str, list[tuple[int, Source]]] = {key: [(0, main)] for key in main.data}

    def follow(self, path: FilePath, read: Callable[[FilePath], bytes]) -> None:
        """Take in what `path` includes, and what that includes, file by file."""
        loaded = {_whole(path)}
        waiting = deque(self._named(self.main, path))
        while waiting:
            declared, named_in, place = waiting.popleft()
            shown = named_in.parent / declared
            raw, problem = _read(shown, read)
            if raw is None and path.parent != named_in.parent:
                beside_the_first = path.parent / declared
                raw, _ = _read(beside_the_first, read)
                shown = shown if raw is None else beside_the_first
            if raw is None:
                self._missing(place, declared, problem)
            elif _whole(shown) in loaded:
                self._again(place, declared)
            else:
                loaded.add(_whole(shown))
                included = read_yaml(raw, str(shown))
                self.problems += [it for it in included.problems if it.id != "source.empty"]
                self._take(included, place)
                waiting += self._named(included, shown)

    def _named(self, source: Source, path: FilePath) -> list[tuple[str, FilePath, Place]]:
        """Return what a file includes, each with the file that says so and the place there."""
        entries = source.data.get(INCLUDE, [])
        if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
            places = [source.place((INCLUDE, index)) for index in range(len(entries))]
            return [(entry, path, place) for entry, place in zip(entries, places, strict=True)]
        self.problems.append(
            Problem(
                str(source.place((INCLUDE,))),
                "source.include",
                INCLUDE,
                "`include` must be a list of file names; LiteLLM stops here",
                "write a list: `include: [FILE.yaml]`",
            )
        )
        return []

    def _take(self, included: Source, place: Place) -> None:
        for key, value in included.data.items():
            if key == INCLUDE:
                continue
            before = self.data.get(key)
            if isinstance(before, list) and isinstance(value, list):
                self.parts[key].append((len(before), included))
                self.data[key] = [*before, *value]
                continue
            if key in self.data:
                self._replaced(key, included, place)
            self.parts[key] = [(0, included)]
            self.data[key] = value

    def _replaced(self, key: str, included: Source, place: Place) -> None:
        before, now = self.data[key], included.data[key]
        if before == now:
            return
        lost = ""
        if isinstance(before, dict) and isinstance(now, dict):
            gone = [str(name) for name in before if name not in now]
            lost = (
                f"; {', '.join(gone[:8])} {'is' if len(gone) == 1 else 'are'} gone" if gone else ""
            )
        at = self.parts[key][0][1].place((key,))
        self.problems.append(
            Problem(
                str(at),
                "source.include_replaces",
                str(key),
                f"{included.file}, included at {place}, has this section too and replaces all of "
                f"it{lost}: only lists are joined (litellm/proxy/common_utils/config_includes.py)",
                f"write all of {key} into {included.file}, or take it out there",
            )
        )

    def _missing(self, place: Place, declared: str, problem: Problem | None) -> None:
        expected = problem.expected if problem else "it cannot be read"
        self.problems.append(
            Problem(
                str(place),
                "source.include",
                declared,
                f"{expected}; LiteLLM stops here",
                "mend the name: it is relative to the file that it stands in",
            )
        )

    def _again(self, place: Place, declared: str) -> None:
        self.problems.append(
            Problem(
                str(place),
                "source.include",
                declared,
                "this file has been read already (a circle, or named twice): it is passed over",
                "take the entry out",
                Severity.WARNING,
            )
        )

    def locate(self, path: Path) -> Place | None:
        """Return the place of a path into the joined data."""
        if not path or path[0] not in self.parts:
            return self.main.place(path)
        key = str(path[0])
        files = self.parts[key]
        index = path[1] if len(path) > 1 else 0
        if isinstance(index, int) and len(files) > 1:
            first, source = next(part for part in reversed(files) if part[0] <= index)
            return source.place((key, index - first, *path[2:]) if len(path) > 1 else path)
        return files[0][1].place(path)


def _whole(path: FilePath) -> str:
    return abspath(path)  # noqa: PTH100 - as LiteLLM tells files apart: links are not followed


def _read(path: FilePath, read: Callable[[FilePath], bytes]) -> tuple[bytes | None, Problem | None]:
    try:
        return read(path), None
    except FileNotFoundError:
        expected = "no such file"
    except IsADirectoryError:
        expected = "this is a folder"
    except OSError as error:
        expected = f"it cannot be read ({error.strerror or error})"
    except ValueError:
        expected = "no file can have this name"
    return None, Problem(str(path), "source.file", "", expected, "name a file that can be read")
