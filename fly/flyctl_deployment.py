"""What flyctl is given to deploy, as JSON from one process to another; no secret is in it."""

import base64
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fly.flyctl import FILE_MODE, TOML
from fly.migration import Migration
from fly.release import Release

SHARED = tuple(field.name for field in fields(Release) if field.name != "holder")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One release, and the fly.toml from which flyctl makes machines of its configuration.

    The files that the toml ships are those of the release's configuration, and so is the image.
    """

    release: Release
    toml: str
    migration: Migration | None = None

    @classmethod
    def parse(cls, text: str, *, holder: str) -> "Deployment":
        """Read what `as_json` wrote; raises KeyError, TypeError or ValueError for anything else."""
        raw: dict[str, Any] = json.loads(text)
        release = Release(**{name: raw[name] for name in SHARED}, holder=holder)
        migration = Migration(**raw["migration"]) if raw["migration"] else None
        return cls(release, str(raw["toml"]), migration)

    def as_json(self) -> str:
        """Return the text that `parse` reads."""
        shared = {name: getattr(self.release, name) for name in SHARED}
        migration = (
            {
                "command": list(self.migration.command),
                "environment": dict(self.migration.environment),
                "entrypoint": list(self.migration.entrypoint),
            }
            if self.migration
            else {}
        )
        return json.dumps({**shared, "toml": self.toml, "migration": migration})

    @property
    def image(self) -> str:
        """The image as the machines are to have it."""
        return str(self.release.config["image"])

    def write(self, folder: Path) -> None:
        """Write the toml and the files that it ships, readable by us only."""
        contents = {TOML: self.toml.encode(), **self._files()}
        for name, content in contents.items():
            file = folder / name
            file.touch(mode=FILE_MODE)
            file.write_bytes(content)

    def _files(self) -> dict[str, bytes]:
        """Return what the toml ships from beside it, by its `local_path`."""
        shipped: Mapping[str, Any] = self.release.config.get("files", {})
        rows = tomllib.loads(self.toml).get("files", [])
        return {
            row["local_path"]: _bytes(shipped[row["guest_path"]])
            for row in rows
            if "local_path" in row
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment by flyctl ended, which is no verdict: what Fly says afterwards is.

    `exit_code` is None when every machine was what is wanted already, so that it was not run.
    `release` is the number that Fly gave it, where flyctl ended well.
    """

    exit_code: int | None
    flyctl: str = ""
    release: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Outcome":
        """Read what `as_json` wrote."""
        raw = json.loads(text)
        return cls(raw["exit_code"], raw["flyctl"], raw["release"])

    def as_json(self) -> str:
        """Return the text that `parse` reads: numbers and a version, no words of flyctl's."""
        told = {"exit_code": self.exit_code, "flyctl": self.flyctl, "release": self.release}
        return json.dumps(told)


class FlyctlFailedError(Exception):
    """A deployment by flyctl did not come to an end that can be judged; the text says why."""


def _bytes(content: Any) -> bytes:
    """Return a file of a canonical configuration as bytes."""
    if isinstance(content, Mapping):
        return base64.b64decode(content["base64"])
    return str(content).encode()
