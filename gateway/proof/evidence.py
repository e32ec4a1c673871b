"""The evidence as one JSON document: its canonical text, its digest, its small form for `exec`."""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

PACKED = "gateway-proof-evidence:"  # begins the small form
OUTPUT_BYTES = 48 * 1024  # of a machine's exec, which may cut at 64 KiB

ANSWERS = ("samples", "negative", "target")  # of a case

# What `reduced_to` says of evidence that did not fit.
NOT_OF_PASSED = "answers of cases that did not pass"
NO_ANSWERS = "no answers"


def canonical(document: Any) -> str:
    """Return the one JSON text of a document: sorted keys, no spaces, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256(document: Any) -> str:
    """Return `sha256:` and the digest of the canonical text."""
    return f"sha256:{hashlib.sha256(canonical(document).encode()).hexdigest()}"


def evidence_digest(evidence: Mapping[str, Any]) -> str:
    """Return the digest over everything but the digest itself."""
    return sha256({name: value for name, value in evidence.items() if name != "digest"})


def evidence_is_intact(evidence: Mapping[str, Any]) -> bool:
    """Tell whether the evidence is what `run` wrote."""
    return evidence.get("digest") == evidence_digest(evidence)


def sealed(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence as it reads back from its canonical text, with its digest."""
    plain: dict[str, Any] = json.loads(canonical(evidence))
    return plain | {"digest": evidence_digest(plain)}


def pack(evidence: Mapping[str, Any], limit: int = OUTPUT_BYTES) -> str:
    """Return the small form, of at most `limit` bytes wherever that is possible.

    What does not fit is left out and said: first the answers of cases that passed, then all
    answers. Verdicts, reasons and times stay in every case.
    """
    text = _packed(evidence)
    for keeps in (NOT_OF_PASSED, NO_ANSWERS):
        if len(text) <= limit:
            break
        all_of_them = keeps == NO_ANSWERS
        edges = [_without_answers(edge, all_of_them=all_of_them) for edge in evidence["edges"]]
        text = _packed(sealed(_unsealed(evidence) | {"edges": edges, "reduced_to": keeps}))
    return text


def unpack(text: str) -> dict[str, Any]:
    """Read what a proof printed, in either form; raise ValueError for anything else."""
    text = text.strip()
    if text.startswith(PACKED):
        raw = base64.b64decode(text.removeprefix(PACKED), validate=True)
        try:
            text = zlib.decompress(raw).decode()
        except zlib.error as error:
            raise ValueError(f"the evidence cannot be unpacked: {error}") from error
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("the evidence is no JSON object")
    return document


def _packed(evidence: Mapping[str, Any]) -> str:
    raw = zlib.compress(canonical(evidence).encode(), 9)
    return PACKED + base64.b64encode(raw).decode()


def _unsealed(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in evidence.items() if name != "digest"}


def _without_answers(edge: Mapping[str, Any], *, all_of_them: bool) -> dict[str, Any]:
    cases = [
        {name: value for name, value in case.items() if name not in ANSWERS}
        if all_of_them or case["verdict"] == "passed"
        else case
        for case in edge["cases"]
    ]
    return {**edge, "cases": cases}
