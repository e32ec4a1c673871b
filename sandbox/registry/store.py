"""What the registry has at hand: tags, their images, signatures, tokens that were given."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sandbox.interfaces import PublishedImages
from sandbox.registry.faults import Faults
from sandbox.registry.published import INDEX, MANIFEST, Published, digest_of
from sandbox.registry.signing import Key, new_key, signature_tag, signed


@dataclass(slots=True)
class RegistryStore:
    """All repositories: what the sandbox can run is there, and nobody else pushes.

    `key` is what the images are signed with.
    """

    images: PublishedImages
    key: Key
    faults: Faults = field(default_factory=Faults)
    pulls: int = 0
    _tokens: dict[str, str] = field(default_factory=dict)
    _signatures: dict[tuple[str, str], tuple[bytes, dict[str, bytes]]] = field(default_factory=dict)

    def give_token(self, scope: str) -> str:
        """Return a new token for pulling what the scope names."""
        token = secrets.token_urlsafe(16)
        self._tokens[token] = scope
        return token

    def opens(self, token: str, repository: str) -> bool:
        """Tell whether a token was given for this repository."""
        return self._tokens.get(token) == f"repository:{repository}:pull"

    def refusal(self) -> Faults | None:
        """Return how the next request is refused, if it is, and count it."""
        self.pulls += 1
        now = self.faults
        if now.status and now.times:
            last = now.times == 1
            self.faults = replace(now, status=0 if last else now.status, times=now.times - 1)
        return now if now.status else None

    def manifest(self, repository: str, named: str) -> tuple[bytes, str] | None:
        """Return a manifest by tag or digest, and its media type."""
        if named.startswith("sha256:"):
            image = self._image(repository, named)
            text = image.manifests[named] if image else self._signature_by(repository, named)
            return None if text is None else (text, _type_of(text))
        if named.endswith(".sig"):
            signature = self._signature(repository, named)
            return (signature[0], MANIFEST) if signature else None
        if not self.images.is_published(repository, named):
            return None
        self.images.note(repository, named)
        found = self.images.tags.image(repository, named)
        return found.manifests[found.digest], INDEX

    def blob(self, repository: str, digest: str) -> bytes | None:
        """Return a blob of one of the repository's images or signatures."""
        for image in self._images(repository):
            if digest in image.blobs:
                return image.blobs[digest]
        for (owner, _), (_, blobs) in self._signatures.items():
            if owner == repository and digest in blobs:
                return blobs[digest]
        return None

    def list_tags(self, repository: str) -> list[str]:
        """Return the tags that are known to be published."""
        return sorted(set(self.images.known_tags(repository)))

    def _images(self, repository: str) -> Iterable[Published]:
        for tag in self.list_tags(repository):
            yield self.images.tags.image(repository, tag)

    def _image(self, repository: str, digest: str) -> Published | None:
        return next((each for each in self._images(repository) if digest in each.manifests), None)

    def _signature(self, repository: str, tag: str) -> tuple[bytes, dict[str, bytes]] | None:
        kind = self.faults.signature
        images = (each for each in self._images(repository) if signature_tag(each.digest) == tag)
        image = next(images, None)
        if image is None or kind == "none":
            return None
        if (repository, tag + kind) not in self._signatures:
            key = new_key() if kind == "other_key" else self.key
            manifest, blobs = signed(key, repository, image.digest)
            self._signatures[repository, tag + kind] = (
                manifest,
                {digest_of(blob): blob for blob in blobs},
            )
        return self._signatures[repository, tag + kind]

    def _signature_by(self, repository: str, digest: str) -> bytes | None:
        for (owner, _), (manifest, _) in self._signatures.items():
            if owner == repository and digest_of(manifest) == digest:
                return manifest
        return None


def _type_of(manifest: bytes) -> str:
    return INDEX if INDEX.encode() in manifest else MANIFEST
