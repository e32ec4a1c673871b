"""What stands behind a tag in the registry here: an index, two platforms, their configurations.

The bytes follow from repository, tag and how often the tag was pushed, and from nothing else: a
tag has the same digest on every machine, on every day. There is no file system in them: machines
run programs of this computer.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = ("amd64", "arm64")
CREATED = "2026-01-01T00:00:00Z"
NO_FILES = b"\0" * 1024  # the end of a tar archive, and with it a whole one

_VERSION = re.compile(r"(?:main-)?v?([0-9]+\.[0-9]+\.[0-9]+.*)")


@dataclass(frozen=True, slots=True)
class Push:
    """One push of a tag: the how manieth it is, and the version its label has.

    Without `version` the label names the tag's own, where the tag names one.
    """

    number: int = 1
    version: str | None = None


FIRST = Push()


@dataclass(frozen=True, slots=True)
class Published:
    """An image as a registry has it; the texts by their digests."""

    digest: str
    platforms: Mapping[str, str]
    manifests: Mapping[str, bytes] = field(repr=False)
    blobs: Mapping[str, bytes] = field(repr=False)


@lru_cache(maxsize=4096)
def published(repository: str, tag: str, push: Push = FIRST) -> Published:
    """Return the image behind a tag."""
    manifests: dict[str, bytes] = {}
    blobs = {digest_of(NO_FILES): NO_FILES}
    entries, platforms = [], {}
    for architecture in ARCHITECTURES:
        config = _text(_config(repository, tag, push, architecture))
        blobs[digest_of(config)] = config
        manifest = _text(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": descriptor(CONFIG, config),
                "layers": [descriptor(LAYER, NO_FILES)],
            }
        )
        platforms[architecture] = digest_of(manifest)
        manifests[digest_of(manifest)] = manifest
        platform = {"os": "linux", "architecture": architecture}
        entries.append({**descriptor(MANIFEST, manifest), "platform": platform})
    index = _text({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    manifests[digest_of(index)] = index
    return Published(digest_of(index), platforms, manifests, blobs)


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    """Return how a text is named by another."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    """Return a text's digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(slots=True)
class Tags:
    """Which push of each tag is the newest; what was never pushed anew is at its first."""

    pushed: dict[tuple[str, str], Push] = field(default_factory=dict)

    def image(self, repository: str, tag: str) -> Published:
        """Return what a tag names now."""
        return published(repository, tag, self.pushed.get((repository, tag), FIRST))

    def push(self, repository: str, tag: str, version: str | None = None) -> Published:
        """Push a tag anew: it names another image from now on."""
        number = self.pushed.get((repository, tag), FIRST).number + 1
        self.pushed[repository, tag] = Push(number, version)
        return self.image(repository, tag)


def _config(repository: str, tag: str, push: Push, architecture: str) -> dict[str, Any]:
    named = _VERSION.fullmatch(tag)
    version = push.version or (named[1] if named else None)
    labels = {
        "org.opencontainers.image.source": "https://github.com/" + repository,
        "org.opencontainers.image.revision": f"{repository}:{tag}:{push.number}",
    }
    if version:
        labels["org.opencontainers.image.version"] = f"v{version.removeprefix('v')}"
    return {
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(NO_FILES)]},
        "history": [{"created": CREATED, "created_by": "the sandbox"}],
    }


def _text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
