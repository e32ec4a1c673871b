"""`python -m tools.known_limits_page`: what no setting mends, as the drill knows it."""

import sys
from pathlib import Path

from gateway.drill.catalogue import BY_ID
from gateway.drill.known_limits import LIMITS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "resilience.md"
BEGIN, END = "<!-- known limits: begin -->\n", "<!-- known limits: end -->"


def table() -> str:
    """Return the limits as a Markdown table."""
    lines = ["| fault | form | providers | versions | what LiteLLM makes of it |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for limit in LIMITS:
        title = f"{limit.fault} {BY_ID[limit.fault].title}"
        providers = ", ".join(limit.providers) or "all"
        cells = (title, limit.form.value, providers, ", ".join(limit.versions), limit.what)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return the page with the table between its marks; `ValueError` without them."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} needs the lines {BEGIN.strip()} and {END}")
    return f"{head}{begin}{table()}{end}{tail}"


def main() -> int:
    """Write the page anew."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
