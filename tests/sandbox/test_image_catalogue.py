"""Which references the catalogue resolves, and what it says about the others."""

from pathlib import Path

import pytest

from sandbox.images.catalogue import Catalogue
from sandbox.images.install import MARKER, environment_of
from sandbox.images.litellm import LiteLLMImage
from sandbox.images.postgres import PostgresImage
from sandbox.images.reference import sandbox_digest
from sandbox.images.valkey import ValkeyImage
from sandbox.interfaces import ImageError, ImageReference

LITELLM = "ghcr.io/berriai/litellm"
FOREIGN = "sha256:" + "a" * 64
COMPROMISED = "sha256:1bbcb1443bc962e45f5aad53fe3d2c30600e0379715fb6c664cdd3ac126c339e"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache in which LiteLLM 1.106.2 and 1.105.0 look installed."""
    for version in ("1.106.2", "1.105.0"):
        folder = environment_of(version, tmp_path)
        folder.mkdir(parents=True)
        (folder / MARKER).write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    "reference",
    [
        "ghcr.io/berriai/litellm:v1.106.2",
        "ghcr.io/berriai/litellm:1.106.2",
        "ghcr.io/berriai/litellm:main-v1.106.2",
        "ghcr.io/berriai/litellm-database:main-v1.106.2-stable",
        "registry.fly.io/acme-litellm:v1.106.2",
    ],
)
def test_a_litellm_tag_leads_to_its_version(cache: Path, reference: str) -> None:
    image = Catalogue(cache).resolve(reference)
    assert isinstance(image, LiteLLMImage)
    assert image.version == "1.106.2"
    assert image.environment == environment_of("1.106.2", cache)


def test_the_reference_is_reported_as_fly_reports_it(cache: Path) -> None:
    digest = sandbox_digest("berriai/litellm", "v1.106.2")
    expected = ImageReference("ghcr.io", "berriai/litellm", "v1.106.2", digest)
    assert Catalogue(cache).resolve(f"{LITELLM}:v1.106.2").reference == expected
    assert Catalogue(cache).resolve(f"{LITELLM}@{digest}").reference == expected
    assert Catalogue(cache).resolve(f"{LITELLM}:v1.106.2@{digest}").reference == expected


def test_a_digest_is_stronger_than_the_tag_beside_it(cache: Path) -> None:
    digest = sandbox_digest("berriai/litellm", "v1.105.0")
    image = Catalogue(cache).resolve(f"{LITELLM}:v1.106.2@{digest}")
    assert isinstance(image, LiteLLMImage)
    assert image.version == "1.105.0"


def test_a_tag_beside_a_foreign_digest_is_believed_and_the_digest_reported(cache: Path) -> None:
    image = Catalogue(cache).resolve(f"{LITELLM}:v1.106.2@{FOREIGN}")
    assert image.reference.digest == FOREIGN


def test_a_foreign_digest_alone_asks_for_the_tag(cache: Path) -> None:
    with pytest.raises(ImageError, match=f"name the tag too .*:TAG@{FOREIGN}"):
        Catalogue(cache).resolve(f"{LITELLM}@{FOREIGN}")


def test_the_digest_of_a_tag_seen_once_is_understood_by_every_later_catalogue(
    cache: Path,
) -> None:
    digest = sandbox_digest("stub", "of-this-test")
    with pytest.raises(ImageError, match="name the tag too"):
        Catalogue(cache).resolve(f"registry.fly.io/stub@{digest}")
    Catalogue(cache).resolve("registry.fly.io/stub:of-this-test")
    image = Catalogue(cache).resolve(f"registry.fly.io/stub@{digest}")
    assert image.reference.tag == "of-this-test"


def test_each_stub_tag_is_another_image(cache: Path) -> None:
    catalogue = Catalogue(cache)
    digests = {catalogue.resolve(f"registry.fly.io/stub:{n}").reference.digest for n in (1, 2, 9)}
    assert len(digests) == 3


def test_a_version_that_is_not_installed_names_the_command(cache: Path) -> None:
    with pytest.raises(ImageError, match=r"python -m sandbox images install 1\.90\.1"):
        Catalogue(cache).resolve(f"{LITELLM}:v1.90.1")


def test_compromised_releases_are_refused_by_tag_and_by_digest(cache: Path) -> None:
    for tag in ("v1.82.7", "main-v1.82.8-stable", "1.107.0"):
        with pytest.raises(ImageError, match="is refused"):
            Catalogue(cache).resolve(f"{LITELLM}:{tag}")
    with pytest.raises(ImageError, match=r"1\.107\.0 is refused"):
        Catalogue(cache).resolve(f"{LITELLM}:v1.106.2@{COMPROMISED}")


@pytest.mark.parametrize("tag", ["latest", "main-stable", "main-latest", "v1"])
def test_a_floating_litellm_tag_is_refused(cache: Path, tag: str) -> None:
    with pytest.raises(ImageError, match="names no version"):
        Catalogue(cache).resolve(f"{LITELLM}:{tag}")


def test_postgres_and_valkey_have_their_programs(cache: Path) -> None:
    catalogue = Catalogue(cache)
    for tag, major in (("18", 18), ("18.1-bookworm", 18), ("16-alpine", 16), ("latest", 18)):
        image = catalogue.resolve(f"postgres:{tag}")
        assert isinstance(image, PostgresImage)
        assert image.major == major
        assert (image.programs / "initdb").is_file()
    for reference in ("valkey/valkey:9", "docker.io/valkey/valkey:8-alpine", "redis:7"):
        image = catalogue.resolve(reference)
        assert isinstance(image, ValkeyImage)
        assert image.server.is_file()


def test_a_postgres_that_the_wheel_lacks_is_named(cache: Path) -> None:
    with pytest.raises(ImageError, match="has Postgres 16 and 18, not 12"):
        Catalogue(cache).resolve("postgres:12")


def test_an_unknown_image_lists_the_known_ones(cache: Path) -> None:
    with pytest.raises(ImageError, match="litellm, postgres, valkey"):
        Catalogue(cache).resolve("nginx:1.29")
