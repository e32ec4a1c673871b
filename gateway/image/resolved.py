"""What a registry says an image is: its digests, and what its configuration tells of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.image.reference import Reference

VERSION_LABEL = "org.opencontainers.image.version"
REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass(frozen=True, slots=True)
class Resolved:
    """An image that a registry named.

    `digest` is that of what the name means: an index where the image is built for several
    platforms. It is what is pinned, because the tag can be compared with it, because it is what
    the vendor signs, and because a registry finds every platform's part by it. `platform_digest`
    is that of the part for linux/amd64, which Fly's machines are; the same as `digest` where
    there is no index.
    """

    reference: Reference
    digest: str
    platform_digest: str
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def digests(self) -> tuple[str, ...]:
        """Both digests, once each."""
        return tuple(dict.fromkeys((self.digest, self.platform_digest)))

    @property
    def is_index(self) -> bool:
        """Whether the name means an index of several platforms."""
        return self.digest != self.platform_digest
