"""The same text in another normal form is read as the model's own text would have it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.text.normal_form import normalization_pieces, normalize
from charlstm.text.vocabulary import Vocabulary

COMPOSED = "Ti\u1ebfng Vi\u1ec7t \ud55c\uae00 \u00e5"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@given(
    st.text("ae\u0301\u0302\u0323\u1100\u1161\u11a8\uac00 \u09c7\u09be\u212b", max_size=12),
    st.sampled_from(["NFC", "NFD"]),
)
def test_pieces_are_normalized_on_their_own(text, form):
    pieces = list(normalization_pieces(text))
    assert "".join(pieces) == text
    assert "".join(unicodedata.normalize(form, piece) for piece in pieces) == unicodedata.normalize(form, text)


def test_a_letter_and_its_marks_are_one_piece():
    assert list(normalization_pieces("ae\u0302\u0301bc")) == ["a", "e\u0302\u0301", "b", "c"]


def test_none_changes_nothing():
    assert normalize(DECOMPOSED, "none") == DECOMPOSED
    assert normalize(DECOMPOSED, "nfc") == COMPOSED
    assert normalize("\ufb01nal", "nfkc") == "final"


@pytest.mark.parametrize("policy", ["error", "skip", "nearest"])
@pytest.mark.parametrize("text", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize(("own", "form"), [(COMPOSED, "nfc"), (COMPOSED, "none"), (DECOMPOSED, "none")])
def test_every_policy_reads_a_text_in_the_form_of_the_model(own, form, text, policy):
    assert Vocabulary.from_text(own, normalize=form).adapt(text, policy) == (own, {})


def test_a_compatibility_form_reads_ligatures_and_wide_letters():
    vocabulary = Vocabulary.from_text("final AB", normalize="nfkc")
    assert vocabulary.adapt("\ufb01nal \uff21\uff22", "error") == ("final AB", {})


def test_a_model_of_both_spellings_keeps_them_apart():
    vocabulary = Vocabulary.from_text("\u00e9 e\u0301", normalize="none")
    assert vocabulary.adapt("e\u0301\u00e9", "error") == ("e\u0301\u00e9", {})


def test_known_marks_of_an_unknown_letter_are_kept():
    vocabulary = Vocabulary.from_text("e\u0302 a", normalize="none")
    assert vocabulary.adapt("\u1ebf", "nearest") == ("e\u0302", {"\u0301": ""})


def test_case_and_form_change_together():
    vocabulary = Vocabulary.from_text("\u00e9a", lowercase=True)
    assert vocabulary.adapt("E\u0301A", "error")[0] == "\u00e9a"
