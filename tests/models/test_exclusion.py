"""No passage of Shakespeare is left, however it is printed, and nothing else is lost."""

from hypothesis import given
from hypothesis import strategies as st

from models.exclusion import PASSAGE, known_passages, normalise, shared_passages, without_passages

PLAY = "Is this a dagger which I see before me,\nThe handle toward my hand? Come, let me clutch thee."
KNOWN = known_passages([PLAY])


def test_case_stops_and_line_ends_do_not_count():
    quoted = 'He cried: "IS this a dagger, which I\nsee before me, the handle toward my hand!" and fell.'
    assert shared_passages(quoted, KNOWN)
    assert normalise("Don't -- 'stop',\nNOW") == "dont stop now"


def test_a_few_shared_words_are_no_passage():
    assert not shared_passages("Come, let me see the dagger which lies before me.", KNOWN)


@given(st.integers(0, 30), st.text("abcdefghij \n", max_size=40), st.text("abcdefghij \n", max_size=40))
def test_any_fifty_shared_characters_are_found(start, before, after):
    words = normalise(PLAY)
    assert shared_passages(f"{before} {words[start : start + 50]} {after}", KNOWN)


def test_only_the_paragraphs_with_a_passage_are_left_out():
    paragraphs = ["One.", f"As the poet says: {PLAY}", "Two."]
    assert list(without_passages(paragraphs, KNOWN)) == ["One.", "Two."]


def test_of_long_verse_only_the_lines_around_a_passage_are_left_out():
    lines = [f"line number {number} of a poem that is long" for number in "abcdefghijklmnopqrstuvwxyz"]
    poem = "\n".join([*lines[:13], *PLAY.split("\n"), *lines[13:]])

    (rest,) = without_passages([poem], KNOWN)

    assert not shared_passages(rest, KNOWN)
    assert len(set(lines) - set(rest.split("\n"))) <= 4
    assert PASSAGE < 50
