"""Which releases of LiteLLM are not to be run, and which images are another one tomorrow."""

import re
from collections.abc import Iterator

from gateway.from_files import image_version
from gateway.image.releases import (
    DENIED_DIGESTS,
    DENIED_VERSIONS,
    KNOWN_GOOD,
    denied_version,
    is_litellm,
)
from gateway.subject import Subject, mapping
from stacks.paths import Path
from stacks.problem import Severity
from stacks.rule import Example, Finding, Rule
from stacks.versions import FIRST_CHECKED, LAST_CHECKED, Versions, order

LIVE = "live"
IMAGE = ("fly", "build", "image")
FACTS = "facts on peers, section 7"
ANY = Versions(first="0.0.1", last="999.0.0")  # about the releases themselves

_VERSION = re.compile(r"(?<![0-9.])[0-9]+\.[0-9]+\.[0-9]+(?![0-9])")
_COMMIT = re.compile(r"(?:^|-)[0-9a-f]{7,40}$")


def _image(subject: Subject) -> str:
    image = mapping(mapping(subject.configuration.fly).get("build")).get("image")
    return image if isinstance(image, str) else ""


def _parts(image: str) -> tuple[str, str, str]:
    """Return an image's repository, tag and digest; what is not written is empty."""
    name, _, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # a colon of the registry's port
        return name, "", digest
    return repository, tag, digest


def _version_place(subject: Subject) -> Path:
    if subject.configuration.settings is not None:
        return ("settings", "image", "version")
    named = image_version(mapping(subject.configuration.fly)) == subject.version
    return IMAGE if named else ("litellm",)


def _unsafe(subject: Subject) -> Iterator[Finding]:
    version = subject.version
    why = denied_version(version)
    if why is not None:
        yield Finding(
            _version_place(subject), version, f"LiteLLM {version} {why}", f"set {KNOWN_GOOD}"
        )
    settings = subject.configuration.settings
    written = mapping(settings).get("image") if settings is not None else None
    digest = mapping(written).get("digest") if written else _parts(_image(subject))[2]
    release = DENIED_DIGESTS.get(digest) if isinstance(digest, str) else None
    if release is not None and (written or why is None):
        yield Finding(
            ("settings", "image", "digest") if written else IMAGE,
            str(digest),
            f"this is the image of LiteLLM {release}: it {DENIED_VERSIONS[release]}",
            f"take the digest of {KNOWN_GOOD}",
        )


def _floating(subject: Subject) -> Iterator[Finding]:
    settings = subject.configuration.settings
    if settings is not None:
        yield from _floating_setting(subject)
        return
    image = _image(subject)
    repository, tag, digest = _parts(image)
    if not is_litellm(repository) or digest:
        return
    if _VERSION.search(tag) or _COMMIT.search(tag):
        return
    yield Finding(
        IMAGE,
        image,
        "this name is another release tomorrow: machines of one app then run different ones, and "
        "no earlier one can be named" + ("" if tag else " (no tag means latest)"),
        f"write {repository}:v{KNOWN_GOOD}, with its digest on live",
    )


def _floating_setting(subject: Subject) -> Iterator[Finding]:
    image = mapping(mapping(subject.configuration.settings).get("image"))
    tag, version = image.get("tag"), image.get("version")
    if not isinstance(tag, str) or not isinstance(version, str):
        return
    if tag.removeprefix("main-").removeprefix("v") not in (version, f"{version}-stable"):
        yield Finding(
            ("settings", "image", "tag"),
            tag,
            f"a tag that names the version {version}: any other one moves",
            f"leave it out: v{version} is taken then",
        )


def _not_checked_yet(subject: Subject) -> Iterator[Finding]:
    if order(subject.version) > order(LAST_CHECKED):
        yield Finding(
            _version_place(subject),
            subject.version,
            f"nobody has looked at this release: what is said of it was found on {FIRST_CHECKED} "
            f"to {LAST_CHECKED}",
            f"take {LAST_CHECKED} or older, or prove this one on dev first",
        )


def _live_without_digest(subject: Subject) -> Iterator[Finding]:
    if subject.configuration.environment_name != LIVE or subject.configuration.settings is not None:
        return  # typed settings: promotion brings the digest that dev has proven
    image = _image(subject)
    if image and "@sha256:" not in image:
        yield Finding(
            IMAGE,
            image,
            "a tag can be pushed again: what runs on live need not be what was proven on dev",
            "add the digest that dev's machines report: `fly machine list --json`",
        )


def _built(image: str, environment_name: str | None = None) -> Example:
    return Example(fly=f"[build]\nimage = '{image}'\n", environment_name=environment_name)


def _release(version: str) -> Example:
    return Example(fly=f"[build]\nimage = 'ghcr.io/berriai/litellm:v{version}'\n", version=version)


DIGEST = f"sha256:{'0' * 64}"
RULES = (
    Rule(
        id="L053",
        title="A compromised or vulnerable release of LiteLLM",
        severity=Severity.ERROR,
        about="build.image",
        evidence=("BerriAI/litellm #24512, #24518", "CVE-2026-42208", FACTS),
        remedy=f"Run {KNOWN_GOOD}, and replace every key that a compromised release has seen.",
        failing=_release("1.82.7"),
        passing=_release("1.106.2"),
        find=_unsafe,
        versions=ANY,
    ),
    Rule(
        id="L054",
        title="The image's tag moves",
        severity=Severity.ERROR,
        about="build.image",
        evidence=(FACTS,),
        remedy="Name a version.",
        failing=_built("ghcr.io/berriai/litellm:main-stable"),
        passing=_built("ghcr.io/berriai/litellm:v1.106.2"),
        find=_floating,
        versions=ANY,
    ),
    Rule(
        id="L170",
        title="Nobody has looked at this release of LiteLLM",
        severity=Severity.WARNING,
        about="build.image",
        evidence=("gateway/data/keys: one table for each release that was looked at",),
        remedy="Prove it on dev first.",
        failing=_release("1.200.0"),
        passing=_release("1.109.1"),
        find=_not_checked_yet,
        versions=ANY,
    ),
    Rule(
        id="L171",
        title="Live names no digest",
        severity=Severity.WARNING,
        about="build.image",
        evidence=(FACTS,),
        remedy="Add the digest of the image that was proven.",
        failing=_built("ghcr.io/berriai/litellm:v1.106.2", "live"),
        passing=_built(f"ghcr.io/berriai/litellm:v1.106.2@{DIGEST}", "live"),
        find=_live_without_digest,
        versions=ANY,
    ),
)
