"""How the registry may fail here: refused, limited, broken, dishonest, or with no signature."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.fault_order import read_order

REFUSALS = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "MANIFEST_UNKNOWN",
    429: "TOOMANYREQUESTS",
}
SIGNATURES = ("", "none", "other_key")


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong; nothing, as it stands.

    `status` is the answer of the next `times` requests for manifests and blobs (0: of all), with
    `retry_after_s` when it is 429. `other_bytes`: a manifest does not fit its digest.
    `redirect_blobs`: blobs are at another host, which takes no token. `private`: the token
    service gives none. `signature`: images have `none`, or one of an `other_key`.
    """

    status: int = 0
    times: int = 0
    retry_after_s: int = 0
    other_bytes: bool = False
    redirect_blobs: bool = False
    private: bool = False
    signature: str = ""


def parse_faults(body: object) -> Faults:
    """Read the faults of a control call; `FaultError` names all that is wrong."""
    numbers = ("times", "retry_after_s")
    return read_order(body, Faults, numbers=numbers, more=_other_mistakes, whole=True)


def _other_mistakes(body: dict[str, Any]) -> Iterator[str]:
    for name in ("other_bytes", "redirect_blobs", "private"):
        if not isinstance(body.get(name, False), bool):
            yield f"{name}: {body[name]!r}; expected true or false"
    if body.get("signature", "") not in SIGNATURES:
        yield f"signature: {body['signature']!r}; expected none or other_key"
