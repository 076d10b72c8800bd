"""Paragraphs of the sources: stanzas, verses of the Bible, speeches without paragraphs, parts of a file."""

import pytest

from models.paragraphs import bible_book, from_spans, numbered_verse, plain, sentences


def test_blank_lines_separate_paragraphs():
    assert plain("\n\na \nb\n\n\n  c\n") == [["a", "b"], ["  c"]]


def test_spans_are_taken_in_order():
    text = "contents: one two\nHEADER one ... two ... END licence"
    assert from_spans(text, [("HEADER", " one"), ("two", " END")]) == "HEADER\n\ntwo ..."
    assert from_spans(text, [("END", "")]) == "END licence"
    with pytest.raises(ValueError, match="not found"):
        from_spans(text, [("END", ""), ("HEADER", "")])


def test_bible_verses_lose_their_numbers():
    text = "The First Book\n\n1:1 In the\nbeginning.\n\n1:2 And the\nearth. 1:3 And God."
    assert bible_book(text, verse_lines=True) == [["In the beginning.", "And the earth.", "And God."]]
    assert bible_book(text, verse_lines=False) == [["In the beginning. And the earth. And God."]]


def test_verse_loses_the_numbers_of_lines_and_stanzas():
    assert numbered_verse("20\nLook at it, 200\n  the rank-ed stars.\n....Hence!") == [
        ["Look at it,", "  the ranked stars.", "    Hence!"]
    ]


def test_long_poems_are_divided_after_a_sentence():
    poem = "\n".join(["a line of verse,"] * 29 + ["its end.", "the next."])
    assert [len(stanza) for stanza in numbered_verse(poem)] == [30, 1]


def test_speeches_get_paragraphs_and_lose_applause():
    text = (
        "We will not fail. (Applause.) There is hope-and we know it.Mr. Smith of the U.S. Senate agrees. [Laughter] "
        "So be it."
    )
    assert sentences(text, length=20) == [
        ["We will not fail. There is hope--and we know it."],
        ["Mr. Smith of the U.S. Senate agrees."],
        ["So be it."],
    ]
