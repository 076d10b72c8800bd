import pytest

from charlstm.text.line_starts import LONGEST, MOST, draw_line_start, find_line_starts
from charlstm.text.vocabulary import Vocabulary


def line_starts(text, **settings):
    vocabulary = Vocabulary.from_text(text)
    return find_line_starts(vocabulary.encode(text), vocabulary, **settings)


def test_they_are_whole_first_words_of_lines():
    lines = ["MACBETH.", "So foul and fair a day I have not seen.", "", "   ", "A"]
    assert line_starts("\n".join(lines)) == ["A", "MACBETH.", "So foul and fair"]


def test_there_are_a_few_and_they_are_short():
    found = line_starts("".join(f"line {number} of a long text\n" for number in range(5000)))
    assert len(found) == MOST
    assert all(0 < len(text) <= LONGEST for text in found)


@pytest.mark.parametrize("text", [" ", "\n\n\n", "a"])
def test_short_texts(text):
    assert line_starts(text) == ([text] if text.strip() else [])


def test_one_is_drawn_by_the_random_seed():
    choices = [draw_line_start(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert choices == [draw_line_start(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert {choices.count(text) > 8 for text in "abc"} == {True}
    assert draw_line_start([], 3) == ""
