"""The protocol of our valkey-cli."""

import io
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.images.valkey_cli import RefusedError, encode, read_reply, shown


@given(st.lists(st.text(), max_size=8))
def test_what_is_written_is_read(words: list[str]) -> None:
    assert read_reply(io.BytesIO(encode(words))) == words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"+OK\r\n", "OK"),
        (b":42\r\n", "42"),
        (b"$-1\r\n", ""),
        (b"$0\r\n\r\n", ""),
        (b"*-1\r\n", ""),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "a\n1"),
    ],
)
def test_an_answer_is_shown_as_plain_text(raw: bytes, text: str) -> None:
    assert shown(read_reply(io.BytesIO(raw))) == text


@given(st.text(string.ascii_letters + " ", min_size=1))
def test_an_error_keeps_the_server_s_words(words: str) -> None:
    with pytest.raises(RefusedError, match=f"^\\(error\\) {words}$"):
        read_reply(io.BytesIO(f"-{words}\r\n".encode()))


def test_a_connection_that_ends_is_an_error() -> None:
    with pytest.raises(RefusedError, match="closed the connection"):
        read_reply(io.BytesIO(b""))
