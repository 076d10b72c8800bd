import pytest

from charlstm.text.line_starts import MAX_LENGTH, MAX_LINE_STARTS, find_line_starts, sample_line_start
from charlstm.text.vocabulary import Vocabulary


def line_starts(text):
    vocabulary = Vocabulary.from_text(text)
    return find_line_starts(vocabulary.encode(text), vocabulary)


def test_line_starts_are_whole_words():
    lines = ["MACBETH.", "So foul and fair a day I have not seen.", "", "   ", "A"]
    assert line_starts("\n".join(lines)) == ["A", "MACBETH.", "So foul and fair"]


def test_long_text_has_a_few_short_line_starts():
    found = line_starts("".join(f"line {number} of a long text\n" for number in range(5000)))
    assert len(found) == MAX_LINE_STARTS
    assert all(0 < len(text) <= MAX_LENGTH for text in found)


@pytest.mark.parametrize("text", [" ", "\n\n\n", "a"])
def test_short_texts(text):
    assert line_starts(text) == ([text] if text.strip() else [])


def test_line_starts_with_rare_characters_are_left_out():
    vocabulary = Vocabulary("\nab\ufffd", unknown="\ufffd")
    assert find_line_starts(vocabulary.encode("ab\n\ufffda\nb\n"), vocabulary) == ["ab", "b"]


def test_random_seed_determines_the_line_start():
    samples = [sample_line_start(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert samples == [sample_line_start(["a", "b", "c"], random_seed) for random_seed in range(60)]
    assert all(samples.count(text) > 8 for text in "abc")
    assert sample_line_start([], 3) == ""
