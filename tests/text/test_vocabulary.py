import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import SettingError, VocabularyError
from charlstm.text.vocabulary import Vocabulary


@given(st.text(min_size=1))
def test_decoding_inverts_encoding(text):
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_ids_are_indices_in_the_order_of_code_points():
    assert Vocabulary.from_text("cabbage").encode("abceg").tolist() == [0, 1, 2, 3, 4]


@given(st.text(min_size=1))
def test_order_of_the_text_does_not_matter(text):
    assert Vocabulary.from_text(text) == Vocabulary.from_text(text[::-1])


def test_ids_have_the_smallest_type():
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


def test_lowercase_vocabulary_encodes_capitals():
    vocabulary = Vocabulary.from_text("Hello", lowercase=True)
    assert vocabulary.characters == "ehlo"
    assert vocabulary.encode("HOLE").tolist() == vocabulary.encode("hole").tolist()


@pytest.mark.parametrize("characters", ["", "ba", "aa", "a\ud800"])
def test_malformed_vocabulary_is_refused(characters):
    with pytest.raises(VocabularyError):
        Vocabulary(characters)


def test_long_text_is_encoded_in_chunks(monkeypatch):
    monkeypatch.setattr("charlstm.text.vocabulary.CHUNK_CHARACTERS", 4)
    vocabulary = Vocabulary.from_text("abcdefg")
    assert vocabulary.encode("gfedcbaabc").tolist() == [6, 5, 4, 3, 2, 1, 0, 0, 1, 2]
    with pytest.raises(VocabularyError, match=r"'x' .*'y' "):
        vocabulary.encode("xaaaaaaaay")


def test_policies_for_unknown_characters():
    vocabulary = Vocabulary.from_text("aAeE-'\" .b")
    text = "b\u00e9\u00c9 \u201ca\u201d \u2013 \u2019\u00a0B\u6f22\u2026"
    assert vocabulary.adapt(text, "nearest")[0] == 'beE "a" - \' b.'
    assert vocabulary.adapt(text, "skip")[0] == "b a  "
    with pytest.raises(VocabularyError, match=r"U\+00C9"):
        vocabulary.adapt(text, "error")
    assert vocabulary.adapt("ab.", "error") == ("ab.", {})
    with pytest.raises(SettingError, match="`unknown` is 'guess'"):
        vocabulary.adapt("a", "guess")


def test_adapt_returns_the_replacements():
    assert Vocabulary.from_text("ab").adapt("aB\u6f22", "nearest")[1] == {"B": "b", "\u6f22": ""}


def test_one_character_takes_the_place_of_all_rare_ones():
    vocabulary = Vocabulary.from_counts("abc", (5, 1, 3), lowercase=False, min_count=2)
    assert vocabulary.characters == "ac\ufffd"
    assert vocabulary.unknown == "\ufffd"
    assert vocabulary.id_table("abc", "skip", keeps_rare=True).ids.tolist() == [0, 2, 1]
    assert Vocabulary.from_counts("ac", (5, 3), lowercase=False, min_count=2).unknown is None
    with pytest.raises(VocabularyError, match="no character occurs 9 times"):
        Vocabulary.from_counts("abc", (5, 1, 3), lowercase=False, min_count=9)


def test_unknown_characters_without_a_replacement_have_the_id_minus_one():
    assert Vocabulary.from_text("ab").id_table("aB\u6f22", "nearest").ids.tolist() == [0, 1, -1]


@pytest.mark.parametrize("wrong", [{"characters": 3}, {"characters": ["a", "b"]}, {"lowercase": 1}, {"unknown": "x"}])
def test_wrong_types_are_refused(wrong):
    with pytest.raises(VocabularyError):
        Vocabulary(**({"characters": "ab"} | wrong))
