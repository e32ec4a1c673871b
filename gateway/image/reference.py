"""How a reference to an image is written, and which registry answers for it."""

import re
from dataclasses import dataclass

from stacks.problem import Problem

DOCKER_HUB = "registry-1.docker.io"  # where Docker Hub's API is; references say docker.io
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class NotAReference(ValueError):  # noqa: N818 - what the text is, not a fault of ours
    """Raised for a text that names no image."""

    def __init__(self, text: str) -> None:
        self.problem = Problem(
            f"image {text!r}",
            "image.reference",
            "",
            "this is no reference of the form [registry/]repository[:tag][@sha256:digest]",
            "write one like ghcr.io/berriai/litellm:v1.106.2",
        )
        super().__init__(self.problem.render())


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name taken apart; Docker Hub's short forms are written out.

    `tag` and `digest` are None where they were not written.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """Registry and repository, as people write them."""
        registry = "docker.io" if self.registry == DOCKER_HUB else self.registry
        return f"{registry}/{self.repository}"

    @property
    def named_by(self) -> str:
        """What a registry is asked for: the tag, `latest` when there is neither it nor a digest."""
        return self.tag or self.digest or "latest"

    def by_digest(self, digest: str) -> str:
        """Return the name that means these very bytes, without a tag."""
        return f"{self.name}@{digest}"


def parse_reference(text: str) -> Reference:
    """Take a reference apart as Docker does; raises `NotAReference` for what is none.

    The first part is a registry when it has a dot or a colon or is `localhost`.
    """
    named, at, digest = text.partition("@")
    first, slash, rest = named.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if has_registry else ("docker.io", named)
    repository, colon, tag = path.partition(":")
    if registry in _HUB_NAMES:
        registry = DOCKER_HUB
        repository = repository if "/" in repository else f"library/{repository}"
    fits = (
        _HOST.fullmatch(registry)
        and _REPOSITORY.fullmatch(repository)
        and (not colon or _TAG.fullmatch(tag))
        and (not at or DIGEST.fullmatch(digest))
    )
    if not fits:
        raise NotAReference(text)
    return Reference(registry, repository, tag or None, digest or None)
