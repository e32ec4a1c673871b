"""What docs/explain.md shows is what the command prints (`python -m tools.explain_page`)."""

from xml.etree import ElementTree

from tools.explain_page import PAGE, PICTURE, SHOWN, page, picture


def test_the_page_shows_what_the_command_prints() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text
    assert all(f"$ {command}\n" in text for command in SHOWN)


def test_the_picture_is_that_of_the_shared_definition() -> None:
    shown = PICTURE.read_text("utf-8")
    assert shown == picture()
    assert ElementTree.fromstring(shown).tag.endswith("svg")  # noqa: S314 - our own text
