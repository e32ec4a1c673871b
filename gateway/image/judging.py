"""Whether an image that a registry named may be run, from its digests and its version label."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.image.releases import (
    DENIED_VERSIONS,
    KNOWN_GOOD,
    denied_digest,
    denied_version,
    is_litellm,
    same_version,
    version_of_label,
)
from gateway.image.resolved import VERSION_LABEL, Resolved
from stacks.problem import Problem


def problems_with(image: Resolved, version: str, *, place: str) -> tuple[Problem, ...]:
    """Return why an image is not the one that settings with `version` mean, all at once.

    A digest counts under every tag and label. The label counts for LiteLLM's own repositories and
    mirrors of them; one that names no release says nothing. `place` is where the settings name
    the image.
    """
    return tuple(_problems(image, version, place))


def _problems(image: Resolved, version: str, place: str) -> Iterator[Problem]:
    denied = denied_digest(image.digests)
    if denied is not None:
        digest, release = denied
        yield Problem(
            place,
            "image.denied",
            f"{_named(image)} is {digest}",
            f"this is the image of LiteLLM {release}, whatever its tag says: it"
            f" {DENIED_VERSIONS[release]}",
            f"set image.version to {KNOWN_GOOD}; replace every key that this image has seen",
        )
    label = image.labels.get(VERSION_LABEL, "")
    labelled = version_of_label(label) if is_litellm(image.reference.repository) else None
    if labelled is None:
        return
    why = denied_version(labelled)
    if why is not None:
        yield Problem(
            place,
            "image.denied",
            f"{_named(image)} has {VERSION_LABEL} = {label}",
            f"its own label says LiteLLM {labelled}, which {why}",
            f"do not run it: this tag was pushed over, or never was what it says; run {KNOWN_GOOD}"
            " by the digest that somebody you trust has seen",
        )
    elif not same_version(labelled, version):
        yield Problem(
            place,
            "image.version",
            f"{_named(image)} has {VERSION_LABEL} = {label}",
            f"the settings say LiteLLM {version}, and all that is known of it is applied to this"
            " image",
            f"set image.version to {labelled}, or name the image of {version}",
        )


def _named(image: Resolved) -> str:
    """Return what the registry was asked for: a digest beside a tag is another image, perhaps."""
    return str(replace(image.reference, digest=None) if image.reference.tag else image.reference)
