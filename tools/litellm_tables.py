"""What the project knows of LiteLLM's releases, made from their wheels: keys, and models.

python -m tools.litellm_tables [VERSION ...]       keys of these releases, default: every one listed
python -m tools.litellm_tables --models [VERSION]  the models, default: out of the newest listed

Wheels come from PyPI by pip and are only read. Written: gateway/data/keys/VERSION.json,
gateway/data/models.json.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.litellm_keys import Keys
from tools.litellm_models import models
from tools.litellm_wheel import Wheel, wheel

VERSIONS = (
    "1.84.10",
    "1.90.7",
    "1.95.1",
    "1.100.5",
    "1.103.11",
    "1.105.7",
    "1.106.2",
    "1.106.10",
    "1.108.11",
    "1.109.1",
)
"""The last patch of a minor release, every few of them; the default; the newest good one."""

DATA = Path(__file__).parents[1] / "gateway" / "data"
CACHE = Path.home() / ".cache" / "litellm-fly-gateway" / "wheels"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables asked for; 0 when all of them are there."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.litellm_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 1.106.2")
    parser.add_argument("--models", action="store_true", help="write the models, not the keys")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where wheels are kept")
    asked = parser.parse_args(arguments)
    if asked.models:
        write_models(asked.versions[-1] if asked.versions else VERSIONS[-1], asked.cache)
    else:
        for version in asked.versions or VERSIONS:
            write_keys(version, asked.cache)
    return 0


def write_keys(version: str, cache: Path) -> None:
    """Write one release's keys, one to a line."""
    _say(f"{version}: wheel")
    release = wheel(version, cache)
    enterprise = _enterprise(release.enterprise_version, cache)
    _say(f"{version}: reading {len(release.paths)} files, about a minute")
    table = Keys(release, enterprise).table()
    file = DATA / "keys" / f"{version}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table, indent=0) + "\n", "utf-8")
    _say(f"{version}: {sum(map(len, table.values()))} keys in {file}")


def write_models(version: str, cache: Path) -> None:
    """Write the models that a release's own price map knows, one to a line."""
    _say(f"{version}: models")
    table: dict[str, Any] = models(wheel(version, cache), version)
    file = DATA / "models.json"
    lines = [
        f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}"
        for name, row in table.pop("models").items()
    ]
    head = json.dumps(table)[1:-1]
    file.write_text(f'{{{head},"models":{{\n' + ",\n".join(lines) + "\n}}\n", "utf-8")
    _say(f"{version}: {len(lines)} models in {file}")


def _enterprise(pinned: str | None, cache: Path) -> Wheel | None:
    """Return the pinned closed half, or the release that it mends where the index lacks it."""
    if pinned is None:
        return None
    try:
        return wheel(pinned, cache, package="litellm-enterprise")
    except subprocess.CalledProcessError:
        mended = pinned.partition(".post")[0]
        if mended == pinned:
            raise
        _say(f"litellm-enterprise {pinned} is not to be had: {mended} is read instead")
        return wheel(mended, cache, package="litellm-enterprise")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - progress, for whoever waits


if __name__ == "__main__":
    raise SystemExit(main())
