import pytest

from charlstm.text.line_starts import (
    MAX_CONTEXT,
    MAX_LENGTH,
    MAX_LINE_STARTS,
    begins_on_new_line,
    find_line_starts,
    hide_whole_lines,
    sample_line_start,
)
from charlstm.text.vocabulary import Vocabulary


def line_starts(text):
    vocabulary = Vocabulary.from_text(text)
    return find_line_starts(vocabulary.encode(text), vocabulary)


def test_line_starts_are_whole_words():
    lines = ["MACBETH.", "So foul and fair a day I have not seen.", "", "   ", "A"]
    assert line_starts("\n".join(lines)) == ["A", "MACBETH.", "So foul and fair"]


def test_long_text_has_a_few_short_line_starts():
    found = line_starts("".join(f"line {number} of a text whose lines are longer\n" for number in range(5000)))
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


def test_line_starts_of_a_list_are_whole_lines_that_end():
    names = [f"Name{chr(97 + number % 26) * (1 + number % 9)}" for number in range(500)]
    found = line_starts("\n".join(names) + "\n")
    assert len(found) > 20
    for text in found:
        assert begins_on_new_line(text)
        assert set(text.split("\n")) <= {*names, ""}
        assert len(text) <= MAX_CONTEXT


def test_long_lines_of_a_list_are_cut_at_their_start():
    lines = [f"{number} " + "a word " * (3 + number % 30) for number in range(200)]
    found = line_starts("\n".join(lines) + "\n")
    assert all(text.strip() and begins_on_new_line(text) and len(text) <= MAX_CONTEXT for text in found)


@pytest.mark.parametrize(
    ("line_starts", "is_list"),
    [
        (["Anna", "Bo", "Jean-Luc", "Li", "Maximilian", "Noor", "Oz", "Pia"], True),
        (["So foul", "and fair a day", "I have", "not", "seen", "the day", "of my", "life"], False),
        (["\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b"] * 20, False),  # cut off at half the length
        (["one", "two"], False),  # too few to tell
        (["Anna\nBo\n"] * 10, False),  # whole lines already
    ],
)
def test_whole_lines_of_older_models_are_recognised(line_starts, is_list):
    expected = [f"{start}\n" for start in line_starts] if is_list else line_starts
    assert hide_whole_lines(line_starts) == expected
