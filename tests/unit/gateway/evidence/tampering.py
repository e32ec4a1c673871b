"""How a document is changed by somebody who knows its form: one leaf, and every digest anew."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from typing import Any

from gateway.evidence.document import Gate, Subject, build
from gateway.evidence.files import file_name, text_of
from gateway.evidence.verifying import Verified, verify
from gateway.proof import sealed
from tests.unit.gateway.evidence.documents import Document

Path = tuple[str | int, ...]

# What was observed and follows from nothing else in the document: only the digest guards it, which
# the stack's outputs name. As patterns of places; `*` is a position.
ANSWER = r".*\.(samples\.\*|negative|positive|direct|burst\.\*|while_open\.\*|after)\.\w+"
OBSERVED = (
    r"(app|environment|bundle|plan_bundle|image|image_digest|config_digest|toml_digest|judged_by)",
    r"gates\.\*\.(gate|machine)",
    r"gates\.\*\.evidence\.(url|started_at|duration_s|requests|cost_usd|unpriced)",
    r".*\.counters\.edges\.\*\.(seen|counted|failed)",
    r".*\.breaker\.closed_after_s",
    r".*\.evidence\.missing\.counters",
    ANSWER,
)
# Of a case whose answers, or whose first look's, did not stay: what they said.
OF_ANSWERS_NOT_KEPT = (
    r".*\.cases\.\*\.(verdict|looks|latency_ms|cold_ms|warm_ms)",
    r".*\.cases\.\*\.(reasons|earlier)(\.\*)?",
)
OF_NO_PROOF = (r"plan\..*",)  # nothing was asked by it


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value that holds no other, with its place."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    if not inner or not value:
        yield path, value
    for name, each in inner:
        yield from leaves(each, (*path, name))


def changed(document: Document, path: Path, value: Any) -> Document:
    """Return a copy with another value in one place."""
    copy = deepcopy(document)
    place: Any = copy
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return copy


def resealed(document: Document) -> Document:
    """Return the document with all its digests made anew."""
    gates = [
        {**gate, "evidence": gate["evidence"] and sealed(unsealed(gate["evidence"]))}
        for gate in document["gates"]
    ]
    return sealed({**unsealed(document), "gates": gates})


def rebuilt(document: Document) -> Document:
    """Return the document with its digests and all that it says of its gates made anew."""
    subject = Subject(**{each.name: document[each.name] for each in fields(Subject)})
    gates = [
        Gate(
            gate["gate"],
            gate["machine"],
            gate["evidence"] and sealed(unsealed(gate["evidence"])),
            gate["error"],
        )
        for gate in document["gates"]
    ]
    return build(subject, document["plan"], gates, at=document["written_at"])


def unsealed(document: Document) -> Document:
    """Return a document without its digest."""
    return {name: value for name, value in document.items() if name != "digest"}


def verified(document: Document, digest: str = "") -> Verified:
    """Verify a document as the file that it makes."""
    return verify(text_of(document), name=file_name(document), digest=digest)


def is_observed(document: Document, path: Path) -> bool:
    """Tell whether nothing else in the document says what must stand there."""
    place = ".".join("*" if isinstance(part, int) else part for part in path)
    proofs = [gate["evidence"] for gate in document["gates"] if gate["evidence"]]
    patterns = list(OBSERVED)
    if any("reduced_to" in proof or _looked_twice(proof) for proof in proofs):
        patterns += OF_ANSWERS_NOT_KEPT
    if not any("plan_digest" in proof for proof in proofs):
        patterns += OF_NO_PROOF
    return any(re.fullmatch(pattern, place) for pattern in patterns)


def _looked_twice(proof: Document) -> bool:
    return any(case["looks"] > 1 for edge in proof["edges"] for case in edge["cases"])
