"""Whether an evidence file is what was written, and says what its own records say."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from gateway.evidence.document import INSIDE, SCHEMA, Subject, build, gates_of, proof_digest
from gateway.evidence.files import file_name, text_of
from gateway.evidence.rejudging import rejudged
from gateway.proof.evidence import canonical, evidence_digest
from gateway.proof.plan import read_plan
from stacks.paths import Path, spell

SHOWN = 90  # letters of a value in a difference
NAMED_BY_DIGEST = re.compile(r"[0-9a-f]{12}\.json")
OBSERVED = (
    "what the gateway answered: times, markers, request ids, headers, counters, events",
    "that this is the document which the stack's outputs name: `gateway status ENV --json` says "
    "its digest",
)
MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


class State(StrEnum):
    """How a verification ended.

    DIFFERS: the file was changed, or contradicts itself. UNREADABLE: it is no evidence, or not of
    a kind that this program can judge again.
    """

    INTACT = "intact"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the file does not say what follows from the rest of it."""

    place: str
    recorded: str
    expected: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found; `why` is for what is unreadable, `unknown` what could not be recomputed."""

    state: State
    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()
    why: str = ""
    digest: str = ""
    verdict: str = ""
    judged_by_this: bool = True


def verify(text: str, *, name: str = "", digest: str = "") -> Verified:
    """Recompute everything that can be; never raises, whatever the text is.

    `name` is the file's, which holds the digest's first digits; `digest` what the document must
    have, if somebody knows it.
    """
    try:
        document = read(text)
    except MISSHAPEN as error:
        return Verified(State.UNREADABLE, why=str(error))
    found = list(_of_the_whole(document, text, name=name, digest=digest))
    changed = bool(found)
    unknown: list[str] = []
    if document["schema"] != SCHEMA:
        why = f"evidence of schema {document['schema']}; this program judges schema {SCHEMA}"
        return _ended(document, found, unknown, why="" if changed else why)
    found += _attempted((), lambda: _of_the_document(document))
    gates = document.get("gates")
    for number, gate in enumerate(gates if isinstance(gates, list) else ()):
        place: Path = ("gates", number, "evidence")
        found += _attempted(place, partial(_of_a_gate, document, gate, place, unknown))
    by_this = document.get("judged_by") == proof_digest()
    if found and not changed and not by_this:
        why = "another version of the proof wrote it, and this one judges otherwise"
        return _ended(document, found, unknown, why=why, judged_by_this=False)
    return _ended(document, found, unknown, judged_by_this=by_this)


def read(text: str) -> dict[str, Any]:
    """Return the document of a file's text; ValueError says why it is none."""
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
        # Neither a number beyond all bounds nor half a letter can be written again.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("no evidence: half a letter stands in it") from None
    except RecursionError:
        raise ValueError("nested too deeply for any evidence") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(document, dict) or not {"schema", "gates", "digest"} <= document.keys():
        raise ValueError("no evidence: `schema`, `gates` or `digest` is missing")
    return document


def differences(recorded: Any, expected: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield every place where two documents differ; 1, 1.0 and true are three values."""
    if isinstance(recorded, dict) and isinstance(expected, dict):
        for name in sorted({*recorded, *expected}):
            inner = (*path, name)
            if name not in recorded:
                yield Difference(spell(inner), "nothing", _shown(expected[name]))
            elif name not in expected:
                yield Difference(spell(inner), _shown(recorded[name]), "nothing")
            else:
                yield from differences(recorded[name], expected[name], inner)
    elif isinstance(recorded, list) and isinstance(expected, list):
        for number, pair in enumerate(zip(recorded, expected, strict=False)):
            yield from differences(*pair, (*path, number))
        if len(recorded) != len(expected):
            yield Difference(spell(path), f"{len(recorded)} items", f"{len(expected)} items")
    elif repr(recorded) != repr(expected):
        yield Difference(spell(path), _shown(recorded), _shown(expected))


def _of_the_whole(
    document: Mapping[str, Any], text: str, *, name: str, digest: str
) -> Iterator[Difference]:
    """Compare what holds for the file itself: its text, its digest, its name."""
    own = evidence_digest(document)
    if document["digest"] != own:
        yield Difference("digest", _shown(document["digest"]), own)
    if digest and document["digest"] != digest:
        yield Difference("digest", _shown(document["digest"]), f"{digest}, as was asked for")
    if text != text_of(document):
        yield Difference("the file", "another text", "the one text that its document has")
    if NAMED_BY_DIGEST.fullmatch(name) and name != file_name(document):
        yield Difference("the file's name", name, file_name(document))


def _of_the_document(document: Mapping[str, Any]) -> Iterator[Difference]:
    read_plan(document["plan"])
    given = {name: document[name] for name in Subject.__dataclass_fields__}
    for name, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"{name} is {_shown(value)}, and no text")
    subject = Subject(**given)
    built = build(subject, document["plan"], gates_of(document), at=document["written_at"])
    return differences(_unsealed(document), _unsealed(built))


def _of_a_gate(
    document: Mapping[str, Any], gate: Mapping[str, Any], place: Path, unknown: list[str]
) -> Iterator[Difference]:
    evidence = gate["evidence"]
    if evidence is None:
        unknown.append(f"{spell(place[:2])}: the gate came to no proof")
        return
    own = evidence_digest(evidence)
    if evidence["digest"] != own:
        yield Difference(spell((*place, "digest")), _shown(evidence["digest"]), own)
    judged = rejudged(document["plan"], evidence, inside=gate["gate"] == INSIDE)
    unknown += [f"{spell(place[:2])} ({gate['gate']}): {what}" for what in judged.unknown]
    yield from differences(evidence, json.loads(canonical(judged.expected)), place)


def _attempted(place: Path, compare: Callable[[], Iterator[Difference]]) -> list[Difference]:
    """Compare; a document of another shape than a proof's is one difference."""
    found: list[Difference] = []
    try:
        found.extend(compare())
    except MISSHAPEN as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        found.append(Difference(spell(place) or "the document", what, "what a proof writes"))
    return found


def _ended(
    document: Mapping[str, Any],
    found: list[Difference],
    unknown: list[str],
    *,
    why: str = "",
    judged_by_this: bool = True,
) -> Verified:
    state = State.UNREADABLE if why else State.DIFFERS if found else State.INTACT
    return Verified(
        state,
        tuple(found),
        (*dict.fromkeys(unknown), *OBSERVED),
        why,
        str(document["digest"]),
        str(document.get("verdict", "")),
        judged_by_this,
    )


def _unsealed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "digest"}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _no_constant(name: str) -> None:
    raise ValueError(f"no JSON: {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: a reader sees the one, a program the other."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("no evidence: a key stands twice in one object")
    return document
