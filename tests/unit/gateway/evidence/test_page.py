"""The page stands alone, says what the document says, and lets no text of it become markup."""

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.evidence.page import render_page
from tests.unit.gateway.evidence.documents import (
    CASES,
    Document,
    breaker_that_never_opens,
    classes_of_errors,
    failed_from_outside,
    known_limits,
    made,
    never_proven,
    proven_by_two_gates,
    target_down,
    told_by_events,
)
from tests.unit.gateway.evidence.tampering import changed, leaves

PLANTED = "<script>alert('x')</script><img src=//evil.test onerror=x>\"'&"


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def picture_of(page: str) -> str:
    found = re.search(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)
    return base64.b64decode(found[1]).decode() if found else ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_document_has_a_page_that_stands_alone(case: Any) -> None:
    page = render_page(made(case))
    read = Reader(page)

    assert read.tags.isdisjoint({"script", "link", "iframe", "object", "base", "form", "a"})
    assert not [name for name, _ in read.attributes if name.startswith("on") or name == "href"]
    sources = [value for name, value in read.attributes if name in ("src", "srcset", "data")]
    assert all(source.startswith("data:") for source in sources)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in page
    assert made(case)["digest"] in read.text
    assert made(case)["verdict"] in read.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_same_document_gives_the_same_bytes_whatever_the_order_of_its_keys(case: Any) -> None:
    document = made(case)
    ordered = json.loads(json.dumps(document, sort_keys=True))

    assert render_page(document) == render_page(document)
    assert render_page(ordered) == render_page(json.loads(json.dumps(ordered)))


def planted(document: Document) -> Document:
    """Return the document with markup in every text that the form of it does not fix."""
    fixed = {"verdict", "outcome", "started_at", "written_at", "state", "fault", "kind", "grade"}
    for path, value in list(leaves(document)):
        if isinstance(value, str) and not fixed.intersection(map(str, path[-1:])):
            if any(part in path for part in ("bounds", "chains", "forms", "faults", "sources")):
                continue
            if path[-1] in ("form", "gate", "source", "target", "probe", "error", "digest"):
                continue
            document = changed(document, path, f"{value}{PLANTED}")
    return document


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_no_text_of_a_document_becomes_markup(case: Any) -> None:
    page = render_page(planted(made(case)))

    assert "alert(" in page
    assert "<script" not in page
    assert Reader(page).tags == Reader(render_page(made(case))).tags
    assert "onerror" not in {name for name, _ in Reader(page).attributes}


def test_no_name_of_a_model_becomes_markup_in_page_or_picture() -> None:
    text = json.dumps(made(proven_by_two_gates))
    document = json.loads(text.replace("a/one", json.dumps(f"a/{PLANTED}")[1:-1]))

    page = render_page(document)

    assert "<script" not in page
    assert "<script" not in picture_of(page)
    assert "alert(" in picture_of(page)


def test_the_picture_shows_every_fallback_in_the_tone_of_its_verdict() -> None:
    drawn = picture_of(render_page(made(target_down)))

    assert all(name in drawn for name in ("a/one", "b/two", "c/three", "d/four"))
    assert "inconclusive" in drawn
    assert "passed" in drawn


def test_the_times_and_both_controls_of_every_form_are_told() -> None:
    document = made(proven_by_two_gates)
    read = Reader(render_page(document)).text

    assert "Every fallback, in every form" in read
    assert "bounds: cold 5 000, warm 5 000" in read.replace("\u202f", " ")
    assert "chat stream" in read
    assert "Positive controls: gate 1, inside the machine" in read
    assert "LiteLLM's own counters: they agree" in read
    assert "Requests: gate 2, through the public address" in read
    for sample in document["gates"][1]["evidence"]["edges"][0]["cases"][0]["samples"]:
        assert sample["nonce"] in read


def test_what_is_against_a_pass_stands_on_the_page() -> None:
    for case in (failed_from_outside, target_down, breaker_that_never_opens):
        read = Reader(render_page(made(case))).text
        assert "What speaks against a pass" in read
        assert all(" ".join(reason.split()) in read for reason in made(case)["reasons"])


def test_events_are_told_with_the_halves_that_are_missing() -> None:
    document = made(told_by_events)
    events = document["gates"][0]["evidence"]["events"]
    read = Reader(render_page(document)).text

    assert "Events at PostHog: they do not count" in read
    assert " ".join(events["missing"].split()) in read
    first = events["edges"][0]
    counts = [first[name] for name in ("rescues", "failures", "successes", "joined")]
    assert f"{first['probe']} {first['target']} {' '.join(map(str, counts))}" in read


def test_what_was_not_shown_is_said() -> None:
    limits = Reader(render_page(made(known_limits))).text
    unproven = Reader(render_page(made(classes_of_errors))).text

    assert "Known limit of LiteLLM 1.106.2: a stream that breaks" in limits
    assert "d/four is not proven: no probe" not in unproven  # a gate looked at it
    assert "What this proof does not show" in limits


def test_a_gate_that_came_to_no_proof_says_why() -> None:
    read = Reader(render_page(made(never_proven))).text

    assert "No gate came to a proof." in read
    assert "Fly answered 503" in read
    assert "not looked at" in picture_of(render_page(made(never_proven)))
