import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import VocabularyError
from charlstm.vocabulary import Vocabulary


@given(st.text(min_size=1))
def test_decoding_gives_back_what_was_encoded(text):
    vocabulary = Vocabulary.of(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_ids_are_places_in_the_order_of_code_points():
    assert Vocabulary.of("cabbage").encode("abceg").tolist() == [0, 1, 2, 3, 4]


@given(st.text(min_size=1))
def test_the_order_of_the_text_does_not_matter(text):
    assert Vocabulary.of(text) == Vocabulary.of(text[::-1])


def test_ids_take_the_smallest_type():
    assert Vocabulary.of("ab").encode("ab").dtype == np.uint8
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 257)))
    assert Vocabulary.of(many).encode(many).dtype == np.uint16


def test_unknown_characters_are_named_with_their_code_points():
    with pytest.raises(VocabularyError, match=r"'ž' \(U\+017E\).*U\+202E") as caught:
        Vocabulary.of("abc").encode("ažb\u202e")
    assert "abc" in caught.value.hint


def test_at_most_eight_unknown_characters_are_named():
    with pytest.raises(VocabularyError, match="and 18 more"):
        Vocabulary.of("A").encode("abcdefghijklmnopqrstuvwxyz")


def test_lowercase_folds_before_encoding():
    vocabulary = Vocabulary.of("Hello", lowercase=True)
    assert vocabulary.characters == "ehlo"
    assert vocabulary.encode("HOLE").tolist() == vocabulary.encode("hole").tolist()


@pytest.mark.parametrize("characters", ["", "ba", "aa"])
def test_a_vocabulary_must_be_in_order(characters):
    with pytest.raises(VocabularyError):
        Vocabulary(characters)


def test_a_long_text_is_encoded_piece_by_piece(monkeypatch):
    monkeypatch.setattr("charlstm.vocabulary.CHARACTERS_AT_ONCE", 4)
    vocabulary = Vocabulary.of("abcdefg")
    assert vocabulary.encode("gfedcbaabc").tolist() == [6, 5, 4, 3, 2, 1, 0, 0, 1, 2]
    with pytest.raises(VocabularyError, match=r"'x' .*'y' "):
        vocabulary.encode("xaaaaaaaay")
