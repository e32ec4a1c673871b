"""The outputs in `docs/check.md`, made by the command that they show, on the published files.

`python -m tools.check_page` writes them anew; a test compares them with what the command says.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

from ops.check_request import Request, answer
from ops.output import Output

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "check.md"
DAY = date(2026, 11, 24)  # retirements are compared with it, so that nothing changes by itself
SECONDS = "; 0.02 s"  # as on a quiet machine: each run takes its own

CONFIG = Path("litellm_config.yaml")
SOURCES = {
    CONFIG: ROOT / "tests" / "unit" / "gateway" / "cases" / "original_litellm_config.yaml",
}
SHOWN = {
    "gateway check --config litellm_config.yaml": Request(config=CONFIG),
    "gateway check --config litellm_config.yaml --diff": Request(config=CONFIG, diff=True),
}

_BLOCK = re.compile(r"```console\n\$ (?P<command>.*)\n(?:(?!```).*\n)*```\n")
_SECONDS = re.compile(r"; [0-9.]+ s$", re.MULTILINE)


def page(text: str) -> str:
    """Return the page with the output of each command that it shows."""
    return _BLOCK.sub(lambda block: _block(block["command"]), text)


def _block(command: str) -> str:
    said = _output(SHOWN[command])
    if "--diff" in command:  # the difference and what it mends; the findings stand above
        said = said.partition("\n\nerror[")[0] + "\n...\n"
    return f"```console\n$ {command}\n{said}```\n"


def _output(request: Request) -> str:
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, source in SOURCES.items():
            shutil.copy(source, name)
        answer(request, output=Output(stdout=said, stderr=io.StringIO()), today=DAY)
    return _SECONDS.sub(SECONDS, said.getvalue())


def main() -> int:
    """Write the page where it belongs."""
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
