"""What each place of a text is. Marks below the texts show the places that have a feature."""

import numpy as np
import pytest

from charlstm.analysis.features import Feature, find_features
from charlstm.errors import SettingError


def values(text, name, patterns=()):
    return next(feature.values for feature in find_features(text, patterns) if feature.name == name)


def marks(text, name, patterns=()):
    return "".join("^" if flag else "." for flag in values(text, name, patterns))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a "b c" d', "..^^^^..."),
        ('"a"b"c"', "^^..^^."),
        ("\u201ca \u2018b\u2019 c\u201d d", "^^^^^^^^..."),
        ("\u201ea\u201c \u00abb\u00bb \u00bbc\u00ab", "^^..^^..^^."),
        ("the boys\u2019 \u2018don\u2019t\u2019 a", "..........^^^^^^..."),
        ("'tis it's", "........."),
        ('"a\n\n"b" c', "^^..^^..."),  # the end of a paragraph ends a quotation
        ('"a\nb" c', "^^^^..."),
        ('a" b "c" d', "^....^^..."),  # begins within a quotation
        ("a\u201d b", "^..."),
    ],
)
def test_quotes(text, expected):
    assert marks(text, "inside quotes") == expected


def test_a_straight_mark_with_blanks_on_both_sides_follows_the_others():
    assert marks('a " b " c', "inside quotes") == "..^^^^..."
    assert marks('a\n" b "c" d', "inside quotes") == "^^....^^..."


def test_brackets_and_their_depth():
    text = "a (b [c] d) e)"
    assert marks(text, "inside brackets") == "..^^^^^^^^...."
    assert values(text, "bracket depth").tolist() == [0, 0, 1, 1, 1, 2, 2, 1, 1, 1, 0, 0, 0, 0]
    assert marks("(a [b) c", "inside brackets") == "^^^^^..."
    assert marks("(a\n\nb", "inside brackets") == "^^..."


def test_stage_directions_have_lines_to_themselves():
    assert marks("a [_b_]\n [_Exit._]\nc", "stage direction") == "........" + ".^^^^^^^^." + ".."
    assert marks("(a\nb)\nc (d)\n_e._\n", "stage direction") == "^^^^.." + "......" + "^^^.."
    assert not values("(a\n\nb)\n[c\n", "stage direction").any()


def test_names_of_speakers():
    text = "MACBETH.\nSo foul.\nÉOWYN: I do.\nI. Act\nA Line.\n"
    assert marks(text, "speaker's name") == "^^^^^^^^." + "." * 9 + "^^^^^^......." + "." * 15


def test_places_in_lines_and_words():
    text = "ab c\n  don't\n"
    assert values(text, "distance to the last newline").tolist() == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7, 0]
    assert values(text, "position in the line")[:6] == pytest.approx([0.25, 0.5, 0.75, 1, 0, 1 / 7])
    assert values(text, "indentation").tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0]
    assert values(text, "position in the word").tolist() == [1, 2, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 0]


def test_kinds_of_characters():
    assert marks("aBÉ9х", "capitals") == ".^^.."
    assert marks("aBÉ9х", "digit") == "...^."
    assert marks("aBÉ9о", "vowel") == "^.^.^"


def test_own_expressions():
    text = "the cat\nthe hat\n"
    assert marks(text, "^the|t$", ["^the|t$"]) == "^^^...^." * 2
    assert marks(text, "x*", ["x*"]) == "." * 16  # matches everywhere, and nothing
    assert [feature.name for feature in find_features(text, ["a", "a", "b"])][-2:] == ["a", "b"]


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "[", "a" + "{9}" * 3 + "{999999999999}", "*"])
def test_a_malformed_expression_is_named(pattern):
    with pytest.raises(SettingError, match="no regular expression"):
        find_features("text", [pattern])


@pytest.mark.parametrize("text", ["", "\n", "(", '"', "\n\n", "\0\u202e\ud800", "_" * 50, "(\n" * 3000, "A" * 5000])
def test_any_text_has_one_value_for_each_character(text):
    for feature in find_features(text, ["a"]):
        assert feature.values.shape == (len(text),)
        assert np.isfinite(feature.values).all()


def test_flags_and_numbers():
    assert Feature("flag", np.array([True, False])).is_binary
    assert not Feature("number", np.array([1.0, 0.0])).is_binary
    assert not Feature("nothing", np.zeros(0)).varies
    assert not Feature("constant", np.ones(3)).varies
