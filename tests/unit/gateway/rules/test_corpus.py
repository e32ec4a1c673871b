from pathlib import Path

import pytest

from gateway.checking import check
from stacks.configuration import Configuration
from stacks.problem import Severity
from stacks.rule import Example
from tests.unit.gateway.rules.cases import configuration_of, edited, ids

CORPUS = Path(__file__).parent / "corpus"
VALID = sorted((CORPUS / "valid").glob("*.yaml"))
BROKEN = sorted((CORPUS / "broken").glob("*.yaml"))
LEAST_VALID = 30


def _configuration(file: Path) -> Configuration:
    fly = file.with_suffix(".fly.toml")
    secrets = _said(file, "secrets")
    return configuration_of(
        Example(
            litellm=file.read_text("utf-8"),
            fly=fly.read_text("utf-8") if fly.exists() else None,
            secrets=None if secrets is None else frozenset(secrets),
        )
    )


def _said(file: Path, what: str) -> list[str] | None:
    """Return the words of the comment `# what: words` in a file's first lines."""
    for line in file.read_text("utf-8").splitlines()[:3]:
        if line.startswith(f"# {what}: "):
            return line.removeprefix(f"# {what}: ").split()
    return None


def test_the_corpus_is_there() -> None:
    assert len(VALID) >= LEAST_VALID
    assert len(BROKEN) >= 10


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_configuration_that_works_gives_no_error(file: Path) -> None:
    assert ids(_configuration(file), Severity.ERROR) == []


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_a_broken_configuration_is_refused_for_what_is_wrong_with_it(file: Path) -> None:
    expected = _said(file, "expect")
    assert expected
    assert set(ids(_configuration(file), Severity.ERROR)) == set(expected)


def test_the_published_configuration_is_clean_after_its_edits_and_one_change_by_hand() -> None:
    published = _configuration(CORPUS / "broken" / "as_published.yaml")
    edits = [edit for result in check(published) for edit in result.finding.edits]
    mended = edited(published, tuple(edits))
    assert ids(mended, Severity.ERROR) == ["L012"]
    again = [edit for result in check(mended) for edit in result.finding.edits]
    assert again == []
