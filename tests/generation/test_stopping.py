import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import SettingError
from charlstm.generation.stopping import StopCondition, StopRules


def written(text, length=10_000, **rules):
    ending, parts = StopCondition(StopRules(**rules), length), []
    for character in text:
        parts.append(ending.take(character))
        if ending.is_reached:
            break
    return "".join(parts)


def test_the_length_is_kept():
    assert written("abcdef", 4) == "abcd"


@pytest.mark.parametrize(("stops", "expected"), [(("cd",), "ab"), (("x", "de"), "abc"), (("bcx", "cde"), "ab")])
def test_it_ends_before_the_first_text_to_stop_at(stops, expected):
    assert written("abcdefg", stops=stops) == expected
    met = next(stop for stop in stops if stop in "abcdefg")
    assert written("abcdefg", stops=stops, include_stop=True) == expected + met


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_it_stops_where_a_search_would(text, stops):
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if ends:
        end = min(ends)
        met = next(stop for stop in stops if text[:end].endswith(stop))
        assert written(text, stops=tuple(stops)) == text[: end - len(met)]
    else:
        ending = StopCondition(StopRules(stops=tuple(stops)), len(text))
        assert "".join(map(ending.take, text)) == text, "at the length what was held back is written"


def test_lines_paragraphs_and_sentences():
    text = 'One. Two\nthree.\n\nFour!" five\n\nsix'
    assert written(text, lines=1) == "One. Two\n"
    assert written(text, paragraphs=1) == "One. Two\nthree.\n\n"
    assert written(text, 6, until_sentence=True) == "One. Two\nthree."
    assert written(text, 2, until_sentence=True) == "One."
    assert written("x" * 5000, 10, until_sentence=True) == "x" * 2010


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("one\ntwo\n\nthree", 1, "one\ntwo\n\n"),
        ("one\n\n\ntwo\n\nthree", 2, "one\n\n\ntwo\n\n"),  # several blank lines count once
        ("one\n\n\n\n\ntwo", 2, "one\n\n\n\n\ntwo"),
        ("\n\n\none\n\ntwo", 1, "\n\n\none\n\n"),  # leading blank lines do not count
        ("one\n \t\ntwo\n\nthree", 1, "one\n \t\n"),  # a line of white space is blank
        ("one\n \n\u00a0\n\ntwo\n\nthree", 2, "one\n \n\u00a0\n\ntwo\n\n"),
        ("  one\n  two\n\nthree", 1, "  one\n  two\n\n"),  # an indented line is not
        ("one\ntwo", 1, "one\ntwo"),
    ],
)
def test_text_ends_after_a_number_of_paragraphs(text, number, expected):
    assert written(text, paragraphs=number) == expected


def test_quotation_mark_at_the_start_ends_no_sentence():
    assert written('"One." Two', 1, until_sentence=True) == '"One.'


def test_a_time():
    assert written("abc", max_time=1e-9) == "a"


@pytest.mark.parametrize("wrong", [{"stops": ("",)}, {"lines": 0}, {"paragraphs": -1}, {"max_time": 0.0}])
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(SettingError):
        StopRules(**wrong)
