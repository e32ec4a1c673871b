import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly import commands
from fly.durations import format_ns, normalised, parse_ns, seconds


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_is_written_reads_back(nanoseconds: int) -> None:
    assert parse_ns(format_ns(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("60s", "1m0s"),
        ("1m", "1m0s"),
        ("1h", "1h0m0s"),
        ("90m", "1h30m0s"),
        ("1.5s", "1.5s"),
        ("1500ms", "1.5s"),
        ("1500us", "1.5ms"),
        ("1500µs", "1.5ms"),
        ("15ns", "15ns"),
        ("0", "0s"),
        ("-90s", "-1m30s"),
        ("+.5s", "500ms"),
        ("1.0000000009s", "1s"),
        ("2562047h47m16s", "2562047h47m16s"),
    ],
)  # each was read and written by Go's own time.Duration
def test_a_duration_has_gos_one_spelling(text: str, spelling: str) -> None:
    assert normalised(text) == spelling


@pytest.mark.parametrize("text", ["", "15", "soon", "1e3s", " 1s", "1 s", "1h-2m", "1.", ".s"])
def test_what_go_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_ns(text)


def test_a_duration_beyond_gos_range_is_refused() -> None:
    with pytest.raises(ValueError, match="292 years"):
        parse_ns("2562048h")


def test_seconds_may_have_fractions() -> None:
    assert seconds("1m0.25s") == 60.25


@given(st.lists(st.text(st.characters(exclude_characters="\x00"), max_size=8)))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert commands.split(shlex.join(words)) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b\tc\r\nd", ["a", "b", "c", "d"]),
        ("a # rest\nb", ["a", "b"]),
        ("a#b #c", ["a#b"]),
        (r"a\ b", ["a b"]),
        (r'"a\nb"', ["anb"]),
        (r"'a\nb'", [r"a\nb"]),
        ("pre'mid'\"post\"", ["premidpost"]),
        ("'' \"\"", ["", ""]),
        ("$X ${Y} *", ["$X", "${Y}", "*"]),
        ("", []),
    ],
)
def test_a_command_is_split_as_flyctl_splits_it(line: str, words: list[str]) -> None:
    assert commands.split(line) == words


@pytest.mark.parametrize(
    ("line", "why"), [("'a", "closing quote"), ('"a', "closing quote"), ("a\\", "backslash")]
)
def test_an_open_end_is_refused(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        commands.split(line)
