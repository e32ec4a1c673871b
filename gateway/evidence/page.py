"""The evidence as one HTML page that stands alone: no script, no address, light and dark."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from gateway.evidence.files import file_name
from gateway.evidence.picture import picture
from gateway.evidence.rows import (
    HEADINGS,
    controls,
    headings,
    proofs_of,
    proven,
    requests,
    rows,
)
from gateway.proof.controls import HEALTHY

TEMPLATE = Path(__file__).parents[2] / "templates" / "evidence.html.j2"

SIGNS = {
    "passed": "✓",
    "failed": "✗",
    "errored": "!",
    "inconclusive": "?",
    "known_limit": "–",
    "healthy": "✓",
    "down": "?",
    "unknown": "!",
    "always-falls-back": "✗",
}
TONES = {"healthy": "passed", "down": "inconclusive", "always-falls-back": "failed"}


def render_page(document: Mapping[str, Any]) -> str:
    """Return the page; the same document gives the same bytes. Every text in it is escaped."""
    proofs = proofs_of(document)
    drawn, table = picture(document), rows(document)
    return _template().render(
        document=document,
        sentence=_sentence(document),
        facts=_facts(document),
        gates=[
            {
                "name": HEADINGS.get(gate["gate"], gate["gate"]),
                "machine": gate["machine"],
                "verdict": gate["verdict"],
                "error": gate["error"],
                "proof": gate["evidence"],
                "proven": proven(gate["evidence"]) if gate["evidence"] else "",
            }
            for gate in document["gates"]
        ],
        rows=table,
        looked=[
            {
                "heading": heading,
                "proof": proof,
                "controls": asked,
                "well": all(control.state == HEALTHY for control in asked),
                "others": any(cell.others for row in table if (cell := row.cells[at]) is not None),
                "requests": list(requests(proof)),
            }
            for at, (heading, proof) in enumerate(zip(headings(document), proofs, strict=True))
            for asked in (controls(proof),)
        ],
        proofs=proofs,
        limits=list(
            {
                limit["id"]: limit for proof in proofs for limit in proof.get("known_limits", ())
            }.values()
        ),
        unproven=_unproven(document),
        picture=base64.b64encode(drawn.encode()).decode() if drawn else "",
        file=file_name(document),
    )


def _sentence(document: Mapping[str, Any]) -> str:
    """Say in one sentence what was proven."""
    proofs = proofs_of(document)
    if not proofs:
        return "No gate came to a proof."
    last = proofs[-1]
    count = f"{proven(last)} fallbacks rescued a request" + (
        "" if document["verdict"] == "passed" else " in every way that was asked for"
    )
    forms = {case["form"] for proof in proofs for edge in proof["edges"] for case in edge["cases"]}
    faults = {
        case["fault"] for proof in proofs for edge in proof["edges"] for case in edge["cases"]
    }
    asked = sum(proof["requests"] for proof in proofs)
    return (
        f"{count}: {_count(len(forms), 'form')}, {_count(len(faults), 'fault')}, "
        f"{_count(asked, 'request')}."
    )


def _facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was proven, of what and when; rows without a value are left out."""
    proofs = proofs_of(document)
    grade = document["grade"]
    cost = sum(proof.get("cost_usd", 0.0) for proof in proofs)
    seconds = sum(proof["duration_s"] for proof in proofs)
    other = document["plan_bundle"] != document["bundle"]
    found = [
        ("environment", document["environment"]),
        ("proven at", _moment(document["started_at"])),
        ("bundle", document["bundle"]),
        ("plan of bundle", document["plan_bundle"] if other else ""),
        ("image", document["image"]),
        ("image digest", document["image_digest"]),
        ("LiteLLM", _versions(document)),
        ("LiteLLM YAML", document["config_digest"]),
        ("fly.toml", document["toml_digest"]),
        ("took", f"{seconds:.1f} s" + (f", ${cost:.4f}" if cost else "")),
        ("grade", f"{grade['grade']}: seen by {', '.join(grade['sources']) or 'nothing'}"),
    ]
    found += [(f"without {name}", why) for name, why in grade["missing"].items()]
    return [(name, value) for name, value in found if value]


def _versions(document: Mapping[str, Any]) -> str:
    seen = {
        version
        for proof in proofs_of(document)
        for version in proof.get("litellm_version", {}).get("seen", ())
    }
    pinned = document["litellm_version"]
    if seen == {pinned}:
        return f"{pinned}, as pinned"
    return f"{pinned} is pinned, {', '.join(sorted(seen)) or 'none'} answered"


def _unproven(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fallbacks that no gate proved or could prove."""
    looked_at = {
        (edge["kind"], edge["source"], edge["target"])
        for proof in proofs_of(document)
        for edge in proof["edges"]
    }
    found = {}
    for proof in proofs_of(document):
        for edge in proof.get("unproven", ()):
            key = (edge["kind"], edge["source"], edge["target"])
            if key not in looked_at:
                found[key] = edge
    return list(found.values())


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")


def _dollars(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "ms": _milliseconds,
        "dollars": _dollars,
        "sign": lambda verdict: SIGNS.get(verdict, "?"),
        "tone": lambda state: TONES.get(state, state if state in SIGNS else "errored"),
        "words": lambda text: str(text).replace("_", " "),
    }
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
