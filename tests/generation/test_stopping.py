import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import SettingError
from charlstm.generation.stopping import StopCondition, StopRules


def accepted(text, length=10_000, **rules):
    """Return what a stop condition accepts of a text."""
    condition, parts = StopCondition(StopRules(**rules), length), []
    for character in text:
        parts.append(condition.feed(character))
        if condition.is_reached:
            break
    return "".join(parts)


def test_text_ends_at_its_length():
    assert accepted("abcdef", 4) == "abcd"


@pytest.mark.parametrize(("stops", "expected"), [(("cd",), "ab"), (("x", "de"), "abc"), (("bcx", "cde"), "ab")])
def test_text_ends_before_the_first_stop_string(stops, expected):
    assert accepted("abcdefg", stops=stops) == expected
    first = next(stop for stop in stops if stop in "abcdefg")
    assert accepted("abcdefg", stops=stops, include_stop=True) == expected + first


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_stop_strings_are_found_as_by_searching(text, stops):
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if ends:
        end = min(ends)
        found = next(stop for stop in stops if text[:end].endswith(stop))
        assert accepted(text, stops=tuple(stops)) == text[: end - len(found)]
    else:
        condition = StopCondition(StopRules(stops=tuple(stops)), len(text))
        assert "".join(map(condition.feed, text)) == text, "text that was held back is released at the end"


@given(st.text("ab.\n", max_size=30), st.integers(1, 8), st.integers(1, 30))
def test_feeding_several_characters_is_feeding_them_one_by_one(text, size, length):
    rules = StopRules(stops=("ab",), lines=3, until_sentence=True)
    condition, parts = StopCondition(rules, length), []
    for start in range(0, len(text), size):
        parts.append(condition.feed_all(text[start : start + size]))
    assert "".join(parts) == accepted(text, length, stops=("ab",), lines=3, until_sentence=True)


def test_text_ends_after_a_number_of_lines():
    assert accepted("one\n\ntwo\n", lines=1) == "one\n"
    assert accepted("one\n\ntwo\n", lines=2) == "one\n\n"


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
    assert accepted(text, paragraphs=number) == expected


@given(st.text("a \n", max_size=40), st.integers(1, 3))
def test_paragraphs_are_runs_of_lines_that_are_not_blank(text, number):
    result = accepted(text, paragraphs=number)
    lines = result.split("\n")[:-1] if result.endswith("\n") else result.split("\n")
    starts = [index for index, line in enumerate(lines) if line.strip() and not (index and lines[index - 1].strip())]
    assert text.startswith(result)
    assert len(starts) <= number
    if result != text:
        assert len(starts) == number
        assert not lines[-1].strip()


def test_text_ends_with_a_sentence():
    text = 'One. Two\nthree.\n\nFour!" five\n\nsix'
    assert accepted(text, 6, until_sentence=True) == "One. Two\nthree."
    assert accepted(text, 2, until_sentence=True) == "One."
    assert accepted('Four!" five.', 6, until_sentence=True) == 'Four!"'
    assert accepted("x" * 5000, 10, until_sentence=True) == "x" * 2010


def test_quotation_mark_at_the_start_ends_no_sentence():
    assert accepted('"One." Two', 1, until_sentence=True) == '"One.'


def test_text_ends_after_a_time():
    assert accepted("abc", max_time=1e-9) == "a"


@pytest.mark.parametrize("wrong", [{"stops": ("",)}, {"lines": 0}, {"paragraphs": -1}, {"max_time": 0.0}])
def test_impossible_rules_are_refused(wrong):
    with pytest.raises(SettingError):
        StopRules(**wrong)
