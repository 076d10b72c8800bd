import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import SettingError
from charlstm.generation.stopping import MAX_SENTENCE_LENGTH, StopCondition, StopRules


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"One." Two', '"One."'),  # the quotation mark at the start ends no sentence
        ("(One.) Two", "(One.)"),
        ("One?!\u201d) Two", "One?!\u201d)"),
        ("\u201eEins.\u201c Zwei", "\u201eEins.\u201c"),  # German: the mark that opens in English
        ("\u00abUn.\u00bb Deux", "\u00abUn.\u00bb"),
        ("\u4ed6\u8d70\u4e86\u3002\u201c\u597d", "\u4ed6\u8d70\u4e86\u3002"),  # Chinese: the next quotation
        ("\u300c\u597d\u3002\u300d\u4ed6", "\u300c\u597d\u3002\u300d"),
        ("\u090f\u0915\u0964 \u0926\u094b", "\u090f\u0915\u0964"),  # Hindi
        ("\u0627\u06cc\u06a9\u06d4 \u062f\u0648", "\u0627\u06cc\u06a9\u06d4"),  # Urdu
        ("\u0645\u0627\u061f \u0644\u0627", "\u0645\u0627\u061f"),  # Arabic
        ("\u0544\u0565\u056f\u0589 \u0535", "\u0544\u0565\u056f\u0589"),  # Armenian
        ("\u12a0\u1362 \u12c8", "\u12a0\u1362"),  # Ethiopic
        ("\u1000\u104b \u1001", "\u1000\u104b"),  # Burmese
        ("\u1780\u17d4 \u1781", "\u1780\u17d4"),  # Khmer
        ("\u0f56\u0f7c\u0f51\u0f0d \u0f56", "\u0f56\u0f7c\u0f51\u0f0d"),  # Tibetan
        ("\u0e44\u0e1b\u0e21\u0e32 \u0e14\u0e35", "\u0e44\u0e1b\u0e21\u0e32"),  # Thai has no full stop
        ("\u0e81\u0eb2\u0e99 \u0e94\u0eb5", "\u0e81\u0eb2\u0e99"),  # nor has Lao
        ("One!\ufe0f Two", "One!\ufe0f"),  # a variation selector
    ],
)
def test_sentence_ends_in_every_script_with_its_closing_marks(text, expected):
    assert accepted(text, 2, until_sentence=True) == expected
    condition = StopCondition(StopRules(until_sentence=True), 2)
    assert condition.feed_all(text) == expected
    assert condition.is_reached


def test_sentence_that_ends_before_the_length_is_not_the_last():
    assert accepted("One. Two. Three", 5, until_sentence=True) == "One. Two."


def test_copy_of_a_condition_goes_on_independently():
    condition = StopCondition(StopRules(until_sentence=True), 1)
    condition.feed_all("One.")
    twin = condition.copy()
    assert twin.feed_all(")") == ")"
    assert condition.feed_all(" ") == ""
    assert (condition.is_reached, twin.is_reached) == (True, False)


def test_text_ends_after_a_time():
    assert accepted("abc", max_time=1e-9) == "a"


@pytest.mark.parametrize("wrong", [{"stops": ("",)}, {"lines": 0}, {"paragraphs": -1}, {"max_time": 0.0}])
def test_impossible_rules_are_refused(wrong):
    with pytest.raises(SettingError):
        StopRules(**wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123456789\nmore", "0123456789"),  # the length is reached at the end of a line
        ("01234567\nand\nmore", "01234567\nand"),
        ("0123456789 and. More", "0123456789 and."),
        ('0123456789 "and." More', '0123456789 "and."'),
        ("0123456789 at 3.14 or index.html\nmore", "0123456789 at 3.14 or index.html"),
        ("0123456789\u4f60\u597d\u3002\u4f60", "0123456789\u4f60\u597d\u3002"),
        ("First. Second one. Third", "First. Second one."),
        ("0123456789" + "x" * 400 + " y", "0123456789" + "x" * 400),  # a word that is longer than the wait
    ],
)
def test_a_text_ends_at_a_line_or_a_sentence(text, expected):
    assert accepted(text, 10, until_pause=True) == expected


def test_without_any_end_there_is_a_longest_text():
    assert len(accepted("x" * 5000, 10, until_pause=True)) == 10 + MAX_SENTENCE_LENGTH
