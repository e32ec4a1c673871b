"""The reference of all rules, `docs/rules.md`, written from their declarations.

`python -m tools.rules_reference` writes it anew; a test compares the page with the rules.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from components.rules import all_rules
from stacks.rule_page import page
from stacks.versions import FIRST_CHECKED, LAST_CHECKED

TARGET = Path(__file__).parent.parent / "docs" / "rules.md"

_HEAD = f"""\
# Rules

<!-- Written by `python -m tools.rules_reference` from the rules; a test compares them. -->

What `gateway check` looks for, and `pulumi preview` and `pulumi up` with it. [check.md](check.md)
says how to run it, and how to live with a finding. `gateway rules L004` shows one of these
sections in the terminal. A rule is put only to the releases of LiteLLM that it holds for; "all that
are supported" are {FIRST_CHECKED} to {LAST_CHECKED}, and on a release that nobody has looked at a
finding says that it is unverified.
"""


def reference() -> str:
    """Return the text of `docs/rules.md`: a table of all rules, then a section for each."""
    return "\n".join([_HEAD, *_table(), "", *(page(rule) for rule in all_rules())])


def _table() -> Iterator[str]:
    yield "| rule | severity | what it finds |"
    yield "| --- | --- | --- |"
    for rule in all_rules():
        title = rule.title.replace("|", "&#124;")
        yield f"| [{rule.id}](#{_anchor(f'{rule.id}: {rule.title}')}) | {rule.severity} | {title} |"


def _anchor(heading: str) -> str:
    """Return the name that Markdown's readers give a heading: lower-case words and dashes."""
    kept = (sign for sign in heading.lower() if sign.isalnum() or sign in " -_")
    return "".join(kept).replace(" ", "-")


def main() -> int:
    """Write the reference where it belongs."""
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
