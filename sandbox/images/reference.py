"""How an image reference is read, and which digest the sandbox gives to a tag."""

import re
from dataclasses import dataclass

from sandbox.interfaces import ImageError
from sandbox.registry.published import published

DOCKER_HUB = "registry-1.docker.io"  # what `image_ref.registry` says for references without one
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A reference taken apart; a part that was not written is None."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """The last word of the repository: `litellm` in `berriai/litellm`."""
        return self.repository.rpartition("/")[2]


def parse_reference(reference: str) -> Asked:
    """Take `[registry/]repository[:tag][@sha256:...]` apart; raise `ImageError` on other text.

    Docker Hub's short forms are written out: `postgres` is `library/postgres` there.
    """
    rest, at, digest = reference.partition("@")
    head, slash, tail = rest.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry, path = head, tail
    else:
        registry, path = DOCKER_HUB, rest
    repository, colon, tag = path.partition(":")
    if registry in {"docker.io", "index.docker.io"}:
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    well_formed = (
        REPOSITORY.fullmatch(repository)
        and (not colon or TAG.fullmatch(tag))
        and (not at or DIGEST.fullmatch(digest))
    )
    if not well_formed:
        raise ImageError(
            f'image "{reference}" is not written as [registry/]repository[:tag][@sha256:digest]; '
            "expected for example ghcr.io/berriai/litellm:v1.106.2"
        )
    return Asked(registry, repository, tag or None, digest or None)


def sandbox_digest(repository: str, tag: str) -> str:
    """Return the digest of a tag as it was first pushed: the same everywhere, on every day."""
    return published(repository, tag).digest
