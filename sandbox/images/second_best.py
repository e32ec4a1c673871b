"""What is installed in place of a requirement that the package index does not have."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

SECOND_BEST = {
    "certifi": "a list of authorities, a day older",
    "litellm-proxy-extras": "migrations of a database, and the sandbox's LiteLLM has none",
}
"""Of what another release serves as well here, and why: an index may lack the one asked for."""

_LACKING = re.compile(r"No matching distribution found for ([A-Za-z0-9-]+)")
_REQUIRES = re.compile(r"^Requires-Dist: ([A-Za-z0-9._-]+)([^;\n]*)(?:;(.*))?$", re.MULTILINE)
_EXTRA = re.compile(r"\s*(?:and\s+)?extra == '([a-z0-9-]+)'")


def lacking(error: str) -> str | None:
    """Return the requirement for want of which pip ended, where another release will do."""
    found = _LACKING.search(error)
    return found[1] if found and found[1] in SECOND_BEST else None


def relaxed_requirements(environment: Path, without_bounds: Collection[str], *, extra: str) -> str:
    """Return what LiteLLM in `environment` requires, as a file for pip, for one of its extras."""
    (metadata,) = environment.glob("lib/python3*/site-packages/litellm-*.dist-info/METADATA")
    lines = _requirements(metadata.read_text("utf-8"), without_bounds, extra)
    return "\n".join(lines) + "\n"


def _requirements(metadata: str, without_bounds: Collection[str], extra: str) -> Iterator[str]:
    for name, versions, marker in _REQUIRES.findall(metadata):
        wanted = _EXTRA.search(marker)
        if wanted is None or wanted[1] == extra:
            condition = _EXTRA.sub("", marker).strip()
            bounds = "" if name in without_bounds else versions.strip()
            yield f"{name}{bounds}" + (f" ; {condition}" if condition else "")
