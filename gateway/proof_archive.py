"""The proof as one file for the machine: a zip that Python runs, always of the same bytes."""

import io
import zipfile
from functools import cache
from pathlib import Path

PATH_IN_MACHINE = "/app/gateway_proof.pyz"
PACKAGE = Path(__file__).with_name("proof")
MADE_AT = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: no clock gets into the bytes
ENTRY = (
    "import sys\n\nfrom gateway.proof.command_line import main\n\nsys.exit(main(sys.argv[1:]))\n"
)


@cache
def proof_archive() -> bytes:
    """Return the archive; run it with `python3 gateway_proof.pyz`.

    Nothing is compressed: another zlib would make other bytes of the same sources, and so another
    release of the same settings.
    """
    sources = {f"gateway/proof/{path.name}": path.read_text("utf-8") for path in sources_of()}
    sources |= {"__main__.py": ENTRY, "gateway/__init__.py": ""}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, MADE_AT)
            entry.create_system = 3  # Unix, wherever it was made
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, sources[name].encode())
    return buffer.getvalue()


def sources_of() -> list[Path]:
    """Return the modules that are shipped."""
    return sorted(PACKAGE.glob("*.py"))
