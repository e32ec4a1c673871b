"""How a finished proof is kept: document and page are written, and the oldest ones forgotten."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.evidence.files import PROMOTIONS, forget, write
from gateway.evidence.page import render_page


def keep(
    document: Mapping[str, Any],
    folder: Path,
    count: int,
    *,
    project: Path,
    report: Callable[[str], None],
) -> Path:
    """Write a document and its page into an environment's folder; return the document's file.

    `count` files stay, and those that `forget` never removes. A page that cannot be drawn is told
    to `report`: the document is the evidence, and a proven release does not fail for its picture.
    """
    try:
        page = render_page(document)
    except Exception as error:  # noqa: BLE001 - whatever it is, the release's verdict stands
        page = ""
        report(f"evidence: the page could not be drawn ({type(error).__name__}: {error})")
    file = write(folder, document, page=page)
    gone = forget(folder, keep=count, promotions=project / PROMOTIONS)
    if gone:
        report(f"evidence: removed the {len(gone)} oldest of {folder}")
    return file
