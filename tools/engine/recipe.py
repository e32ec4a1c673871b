"""What the pinned engine is made of: Go modules, packages, flags, scripts, and one key for them."""

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parent  # each piece's go.mod and go.sum lie in a folder here

SDK = "github.com/pulumi/pulumi/sdk/v3"
SCRIPTS = (  # of the SDK's module at the engine's version; the engine starts them as programs
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One program of the engine: `folder` below tools/engine pins what `package` is built from.

    `expected` tells a waiting person how long a first build takes, downloads included, on 2 cores.
    """

    program: str
    folder: str
    package: str
    version: str
    expected: str

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of `go build`, whole.

        Without the version flag the version is empty and Pulumi's Python SDK refuses the CLI.
        """
        version = f"{SDK}/go/common/version.Version=v{self.version}"
        return (
            *("-mod=readonly", "-trimpath", "-tags", "osusergo,grpcnotrace"),
            *("-ldflags", f"-w -s -X {version}"),
        )


ENGINE = Piece(
    program="pulumi",
    folder="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version="3.259.0",
    expected="7 min",
)
# A module of its own: its last version that a Go module proxy serves is 3.79.0's, and the
# requirements of that one differ from the engine's.
LANGUAGE_HOST = Piece(
    program="pulumi-language-python",
    folder="language",
    package=f"{SDK}/python/cmd/pulumi-language-python",
    version="3.79.0",
    expected="40 s",
)
PIECES = (ENGINE, LANGUAGE_HOST)
PROGRAMS = (*(piece.program for piece in PIECES), *(Path(script).name for script in SCRIPTS))


def minimum_go(modules: Path = MODULES) -> str:
    """Return the oldest Go that can build every piece, as their go.mod files say it."""
    versions = []
    for piece in PIECES:
        text = (modules / piece.folder / "go.mod").read_text(encoding="utf-8")
        versions += re.findall(r"^go (\d+(?:\.\d+)*)$", text, flags=re.MULTILINE)
    return str(max(versions, key=lambda version: [int(part) for part in version.split(".")]))


def cache_key(modules: Path = MODULES) -> str:
    """Return the name of the cached build: another recipe or another machine, another name."""
    digest = hashlib.sha256()
    parts = [sys.platform.encode(), platform.machine().encode()]
    for piece in PIECES:
        folder = modules / piece.folder
        parts += [(folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        parts += [text.encode() for text in (piece.package, *piece.flags)]
    parts += [script.encode() for script in SCRIPTS]
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()[:16]
