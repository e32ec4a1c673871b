"""How the registry may fail here: refused, limited, broken, dishonest, or with no signature."""

from dataclasses import dataclass, fields

REFUSALS = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "MANIFEST_UNKNOWN",
    429: "TOOMANYREQUESTS",
}
SIGNATURES = ("", "none", "other_key")


class FaultError(Exception):
    """A fault that cannot be read; `problems` names every place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
    names = [field.name for field in fields(Faults)]
    if not isinstance(body, dict):
        raise FaultError([f"expected an object with some of {', '.join(names)}"])
    problems = [
        f"{key}: no such fault; there are {', '.join(names)}" for key in set(body) - set(names)
    ]
    for name in ("other_bytes", "redirect_blobs", "private"):
        if not isinstance(body.get(name, False), bool):
            problems.append(f"{name}: {body[name]!r}; expected true or false")
    for name in ("times", "retry_after_s"):
        value = body.get(name, 0)
        if type(value) is not int or value < 0:
            problems.append(f"{name}: {value!r}; expected a number of at least 0")
    status = body.get("status", 0)
    if status != 0 and not (type(status) is int and 400 <= status <= 599):  # noqa: PLR2004 - HTTP
        problems.append(f"status: {status!r}; expected a number from 400 to 599")
    if body.get("signature", "") not in SIGNATURES:
        problems.append(f"signature: {body['signature']!r}; expected none or other_key")
    if problems:
        raise FaultError(sorted(problems))
    return Faults(**body)
