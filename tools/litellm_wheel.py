"""Where the source of a released LiteLLM is got: its wheel, read and never imported or run."""

import ast
import functools
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

_ENTERPRISE = re.compile(
    r"^Requires-Dist: litellm-enterprise\s*\(?==\s*([0-9][0-9a-z.]*)", re.MULTILINE
)


class Wheel:
    """The Python files of one wheel, by their path inside it."""

    def __init__(self, file: Path) -> None:
        self._archive = zipfile.ZipFile(file)
        self.paths = tuple(sorted(n for n in self._archive.namelist() if n.endswith(".py")))

    @functools.cache  # noqa: B019 - a wheel lives as long as the program
    def text(self, path: str) -> str:
        """Return the text of one file, `""` for one that this release does not have."""
        return self.resource(path, default="")

    def resource(self, path: str, *, default: str | None = None) -> str:
        """Return the text of a file that is no Python; `default`, if given, for a missing one."""
        if default is not None and path not in self._archive.NameToInfo:
            return default
        return self._archive.read(path).decode("utf-8")

    @functools.lru_cache(maxsize=32)  # noqa: B019 - likewise
    def tree(self, path: str) -> ast.Module:
        """Return the syntax tree of one file; an empty one for a file that is not there."""
        return ast.parse(self.text(path), path)

    def that_say(self, words: re.Pattern[str]) -> Iterator[str]:
        """Yield the paths whose text has one of `words` in it."""
        return (path for path in self.paths if words.search(self.text(path)))

    @functools.cached_property
    def enterprise_version(self) -> str | None:
        """The release of litellm-enterprise, the closed half, that this release pins."""
        metadata = next(n for n in self._archive.namelist() if n.endswith(".dist-info/METADATA"))
        found = _ENTERPRISE.search(self._archive.read(metadata).decode("utf-8"))
        return found[1] if found else None


def wheel(version: str, cache: Path, *, package: str = "litellm") -> Wheel:
    """Return a release's wheel, downloaded into `cache` by pip where it is not there yet."""
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not any(cache.glob(pattern)):
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(cache)]
        wheels = ["--no-deps", "--only-binary", ":all:", f"{package}=={version}"]
        subprocess.run([*pip, *wheels], check=True)
    return Wheel(next(iter(sorted(cache.glob(pattern)))))
