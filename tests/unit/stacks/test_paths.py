import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.paths import parse, spell

parts = st.lists(st.one_of(st.text(), st.integers(min_value=0, max_value=999))).map(tuple)


@given(parts)
def test_what_is_spelled_reads_back(path: tuple[str | int, ...]) -> None:
    assert parse(spell(path)) == path


def test_a_key_that_is_no_word_is_quoted_as_pulumi_quotes_it() -> None:
    path = ("router_settings", "fallbacks", "xai/grok-4.3", 0)
    assert spell(path) == 'router_settings.fallbacks["xai/grok-4.3"][0]'


def test_what_is_no_path_says_where_it_stops_being_one() -> None:
    with pytest.raises(ValueError, match=r"no path from '\[x\]' on"):
        parse("models[x]")
