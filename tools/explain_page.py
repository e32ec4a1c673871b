"""The outputs in `docs/explain.md`, and its picture, made by the command that they show.

`python -m tools.explain_page` writes both anew; a test compares them with what the command says.
"""

import contextlib
import io
import re
import sys
from datetime import date
from pathlib import Path

from ops.explain import Request, answer
from ops.output import Output

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explain.md"
PICTURE = ROOT / "docs" / "fallbacks.svg"
DAY = date(2026, 11, 24)  # retirements are compared with it, so that nothing changes by itself

PUBLISHED = Path("tests/unit/gateway/cases/original_litellm_config.yaml")
SHOWN = {
    "gateway explain local openai/gpt-5.5": Request(("local", "openai/gpt-5.5")),
    f"gateway explain --config {PUBLISHED} xai/grok-4.3": Request(
        ("xai/grok-4.3",), config=PUBLISHED
    ),
    "gateway explain local": Request(("local",)),
}
DRAWN = Request(("local",), graph="svg")

_BLOCK = re.compile(r"```console\n\$ (?P<command>.*)\n(?:(?!```).*\n)*```\n")


def page(text: str) -> str:
    """Return the page with the output of each command that it shows."""
    return _BLOCK.sub(lambda block: _block(block["command"]), text)


def picture() -> str:
    """Return the picture of the fallbacks that all environments share."""
    return _output(DRAWN)


def _block(command: str) -> str:
    return f"```console\n$ {command}\n{_output(SHOWN[command])}```\n"


def _output(request: Request) -> str:
    said = io.StringIO()
    with contextlib.chdir(ROOT):
        answer(request, output=Output(stdout=said, stderr=io.StringIO()), today=DAY)
    return said.getvalue()


def main() -> int:
    """Write both where they belong."""
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}, {PICTURE.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
