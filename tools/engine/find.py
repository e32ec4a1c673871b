"""Where the engine comes from, in order: PATH, the cache, a build into the cache."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from stacks.problem import Problem, ProblemError
from tools.engine.build import Builder
from tools.engine.lock import only_one
from tools.engine.path import pulumi_on_path
from tools.engine.recipe import PROGRAMS, cache_key, minimum_go
from tools.engine.toolchain import find_go


def engine_bin(environ: Mapping[str, str], progress: Callable[[str], None]) -> Path:
    """Return the folder that holds a usable `pulumi`, building it if there is no other way.

    A first build takes several minutes; each step is told to `progress`, one line a call. What is
    found on PATH or in the cache is returned within a second. `environ` is the user's environment:
    PATH, HOME, XDG_CACHE_HOME and what `go` itself reads. Raises ProblemError when no engine can
    be had; then nothing was left behind.

    The engine that is built here ignores `virtualenv` in Pulumi.yaml: put the virtual
    environment's bin folder first on PATH whenever it runs.
    """
    cache = cache_folder(environ)
    found = pulumi_on_path(environ, progress, ignore=cache)
    if found is not None:
        return found
    target = cache / cache_key()
    if _is_complete(target):
        return target / "bin"
    minimum = minimum_go()
    go = find_go(environ, minimum)
    _make(cache)
    with only_one(cache / "lock", progress):
        if not _is_complete(target):  # unless the process waited for has just built it
            Builder(go, environ, progress, minimum).build(target)
            progress(f"the engine is ready in {target / 'bin'}")
    return target / "bin"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder outside the checkout that keeps builds for every checkout of a user."""
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # the XDG specification has relative ones ignored
        base = Path(environ["HOME"] if "HOME" in environ else Path.home()) / ".cache"
    return base / "litellm-fly-gateway" / "engine"


def _is_complete(target: Path) -> bool:
    return all(os.access(target / "bin" / program, os.X_OK) for program in PROGRAMS)


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = Problem(
            place=str(cache),
            id="engine.cache",
            value="",
            expected=f"the engine is built here, and the folder cannot be made: {error.strerror}",
            next_step="name another place: export XDG_CACHE_HOME=/a/folder/of/yours",
        )
        raise ProblemError([problem]) from error
