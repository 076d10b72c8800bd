import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import SettingError, VocabularyError
from charlstm.text.vocabulary import Vocabulary


@given(st.text(min_size=1))
def test_decoding_gives_back_what_was_encoded(text):
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_ids_are_places_in_the_order_of_code_points():
    assert Vocabulary.from_text("cabbage").encode("abceg").tolist() == [0, 1, 2, 3, 4]


@given(st.text(min_size=1))
def test_the_order_of_the_text_does_not_matter(text):
    assert Vocabulary.from_text(text) == Vocabulary.from_text(text[::-1])


def test_ids_take_the_smallest_type():
    assert Vocabulary.from_text("ab").encode("ab").dtype == np.uint8
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 257)))
    assert Vocabulary.from_text(many).encode(many).dtype == np.uint16


def test_unknown_characters_are_named_with_their_code_points():
    with pytest.raises(VocabularyError, match=r"'ž' \(U\+017E\).*U\+202E") as caught:
        Vocabulary.from_text("abc").encode("ažb\u202e")
    assert "abc" in caught.value.hint


def test_at_most_eight_unknown_characters_are_named():
    with pytest.raises(VocabularyError, match="and 18 more"):
        Vocabulary.from_text("A").encode("abcdefghijklmnopqrstuvwxyz")


def test_lowercase_folds_before_encoding():
    vocabulary = Vocabulary.from_text("Hello", lowercase=True)
    assert vocabulary.characters == "ehlo"
    assert vocabulary.encode("HOLE").tolist() == vocabulary.encode("hole").tolist()


@pytest.mark.parametrize("characters", ["", "ba", "aa"])
def test_a_vocabulary_must_be_in_order(characters):
    with pytest.raises(VocabularyError):
        Vocabulary(characters)


def test_a_long_text_is_encoded_piece_by_piece(monkeypatch):
    monkeypatch.setattr("charlstm.text.vocabulary.CHARACTERS_AT_ONCE", 4)
    vocabulary = Vocabulary.from_text("abcdefg")
    assert vocabulary.encode("gfedcbaabc").tolist() == [6, 5, 4, 3, 2, 1, 0, 0, 1, 2]
    with pytest.raises(VocabularyError, match=r"'x' .*'y' "):
        vocabulary.encode("xaaaaaaaay")


def test_unknown_characters_by_policy():
    vocabulary = Vocabulary.from_text("aAeE-'\" .b")
    text = "b\u00e9\u00c9 \u201ca\u201d \u2013 \u2019\u00a0B\u6f22\u2026"
    assert vocabulary.adapt(text, "nearest")[0] == 'beE "a" - \' b.'
    assert vocabulary.adapt(text, "skip")[0] == "b a  "
    with pytest.raises(VocabularyError, match=r"U\+00C9"):
        vocabulary.adapt(text, "error")
    assert vocabulary.adapt("ab.", "error") == ("ab.", {})
    with pytest.raises(SettingError, match="--unknown"):
        vocabulary.adapt("a", "guess")


def test_what_was_changed_is_told():
    assert Vocabulary.from_text("ab").adapt("aB\u6f22", "nearest")[1] == {"B": "b", "\u6f22": ""}


def test_rare_characters_become_one():
    vocabulary = Vocabulary.from_counts("abc", (5, 1, 3), lowercase=False, min_count=2)
    assert vocabulary.characters == "ac\ufffd"
    assert vocabulary.unknown == "\ufffd"
    assert vocabulary.map_characters("abc", "skip").table.tolist() == [0, 2, 1]
    assert Vocabulary.from_counts("ac", (5, 3), lowercase=False, min_count=2).unknown is None
    with pytest.raises(VocabularyError, match="no character occurs 9 times"):
        Vocabulary.from_counts("abc", (5, 1, 3), lowercase=False, min_count=9)


@pytest.mark.parametrize("wrong", [{"characters": 3}, {"characters": ["a", "b"]}, {"lowercase": 1}, {"unknown": "x"}])
def test_a_vocabulary_of_wrong_types_is_refused(wrong):
    with pytest.raises(VocabularyError):
        Vocabulary(**({"characters": "ab"} | wrong))
