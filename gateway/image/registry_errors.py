"""The ways in which a registry can fail to name an image, each in words that help."""

import json
import re
from http import HTTPStatus
from urllib.parse import urlsplit

from stacks.problem import Problem


class RegistryError(Exception):
    """An image that a registry did not name; `problem` has every part, and no token."""

    def __init__(self, place: str, kind: str, expected: str, next_step: str) -> None:
        self.problem = Problem(place, f"image.{kind}", "", expected, next_step)
        super().__init__(self.problem.render())


def _said(body: bytes) -> str:
    """Return the registry's own word, `MANIFEST_UNKNOWN` for one, in brackets."""
    try:
        code = str(json.loads(body)["errors"][0]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f" ({code[:40]})" if re.fullmatch(r"[A-Z_]+", code) else ""


def refused(place: str, status: int, retry_after: str, body: bytes) -> RegistryError:
    """Return the error for an answer other than 200; `retry_after` is its header, or ""."""
    said = _said(body)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return private(place)
    if status == HTTPStatus.NOT_FOUND:
        return RegistryError(
            place,
            "unknown",
            f"the registry has no image of this name{said}",
            "look for the tag on the release's page: LiteLLM's are v1.106.2 and so on",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        given = retry_after.isascii() and retry_after.isdigit()
        told = f"; it asks to wait {retry_after} s" if given else ""
        return RegistryError(
            place,
            "rate_limited",
            f"the registry limits how often it is asked{told}",
            "wait, then run the command again; Docker Hub counts anonymous pulls by address",
        )
    return RegistryError(
        place,
        "registry",
        f"the registry answers HTTP {status}{said}",
        "run the command again; its status page shows incidents",
    )


def private(place: str) -> RegistryError:
    """Return the error for an image that is not anybody's to read."""
    return RegistryError(
        place,
        "private",
        "the registry wants a login, and images are asked for without one: it is private, or there"
        " is no such image",
        "check the name; pin a private image by hand: set image.digest to what its registry shows",
    )


def other_bytes(place: str, expected: str, actual: str) -> RegistryError:
    """Return the error for a text that does not have its digest."""
    return RegistryError(
        place,
        "bytes",
        f"what came is {actual}, and it was said to be {expected}: nothing was believed",
        "run the command again; if it stays so, the registry or a proxy in between is broken, or"
        " not honest",
    )


def strange(place: str, what: str) -> RegistryError:
    """Return the error for an answer that no registry gives."""
    return RegistryError(
        place,
        "registry",
        f"this is no registry that can be understood: {what}",
        "check the name of the registry",
    )


def unreachable(place: str, url: str, error: Exception) -> RegistryError:
    """Return the error for no answer at all."""
    return RegistryError(
        place,
        "unreachable",
        f"{host(url)} gives no answer: {type(error).__name__}",
        "check the network and the name of the registry, then run the command again",
    )


def host(url: str) -> str:
    """Return the host of an address, without a password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "nowhere"
