import pytest

from charlstm.openings import LONGEST, MOST, draw_opening, find_openings
from charlstm.vocabulary import Vocabulary


def openings(text, **settings):
    vocabulary = Vocabulary.of(text)
    return find_openings(vocabulary.encode(text), vocabulary, **settings)


def test_they_are_whole_first_words_of_lines():
    lines = ["MACBETH.", "So foul and fair a day I have not seen.", "", "   ", "A"]
    assert openings("\n".join(lines)) == ["A", "MACBETH.", "So foul and fair"]


def test_there_are_a_few_and_they_are_short():
    found = openings("".join(f"line {number} of a long text\n" for number in range(5000)))
    assert len(found) == MOST
    assert all(0 < len(text) <= LONGEST for text in found)


@pytest.mark.parametrize("text", [" ", "\n\n\n", "a"])
def test_short_texts(text):
    assert openings(text) == ([text] if text.strip() else [])


def test_one_is_drawn_by_the_random_seed():
    choices = [draw_opening(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert choices == [draw_opening(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert {choices.count(text) > 8 for text in "abc"} == {True}
    assert draw_opening([], 3) == ""
