import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.text import normalization
from charlstm.text.normalization import lowercase_chunks, normalize_chunks

# Latin, Hangul, Bengali and kana that combine, half-width ones that do so in nfkc, and a compatibility jamo
COMBINING = "ae\u0301\u0316\u0308\u1100\u1161\u11a8\u3131\u314f\u09c7\u09be\u304b\u3099\uff76\uff9e\n \u05d0\ufb01"
CASED = "aΣσ.'\u0301\u00ad ªб字İ\n"


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(normalization, "PIECE_LENGTH", 4)
    monkeypatch.setattr(normalization, "MAX_SEARCH", 64)


def in_chunks(text, cuts):
    return (text[start:end] for start, end in pairwise([0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]))


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
def test_chunks_are_normalized_like_the_whole_text(form):
    @given(st.text(alphabet=COMBINING, max_size=60), st.lists(st.integers(0, 99), max_size=4))
    def check(text, cuts):
        normal = "".join(normalize_chunks(in_chunks(text, cuts), form))
        assert normal == unicodedata.normalize(form.upper(), text)

    check()


@given(st.text(alphabet=CASED, max_size=60), st.lists(st.integers(0, 99), max_size=4))
def test_chunks_are_lowercased_like_the_whole_text(text, cuts):
    assert "".join(lowercase_chunks(in_chunks(text, cuts))) == text.lower()


def test_a_final_sigma_at_the_end_of_a_chunk_is_final_only_if_its_word_ends():
    assert "".join(lowercase_chunks(iter(["ΟΔΟΣ", "\n"]))) == "οδος\n"
    assert "".join(lowercase_chunks(iter(["ΟΔΟΣ", "Α"]))) == "οδοσα"


def test_no_normal_form_changes_nothing():
    assert list(normalize_chunks(iter(["e", "\u0301"]), "none")) == ["e", "\u0301"]


@pytest.mark.parametrize("text", ["a" + "\u0301\u0316" * 20_000, "Σ" * 40_000])
def test_a_run_without_a_place_to_cut_is_not_held(text):
    chunks = list(lowercase_chunks(normalize_chunks(in_chunks(text, range(0, len(text), 1000)), "nfc")))
    assert max(map(len, chunks)) < 2000
    assert sum(map(len, chunks)) in (len(text), len(text) - 1)
