"""What is counted as unknown, by hand."""

import unicodedata

import pytest

from charlstm.errors import VocabularyError
from charlstm.text.corpus import load_corpus
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.vocabulary import Vocabulary


@pytest.fixture
def corpus(tmp_path):
    """Four a, three b, one each of A, z and a Chinese character."""
    (tmp_path / "text").write_text("aabbA\u6f22zaab")
    return load_corpus([tmp_path / "text"])


@pytest.fixture
def vocabulary(corpus):
    return Vocabulary.from_counts(corpus.characters, corpus.counts, lowercase=False, min_count=2)


def test_training_reads_rare_characters_as_one(corpus, vocabulary):
    encoded = encode_text(corpus, vocabulary, unknown="skip", keeps_rare=True)
    assert vocabulary.decode(encoded.ids) == "aabb\ufffd\ufffd\ufffdaab"
    assert (encoded.num_skipped, encoded.num_replaced) == (0, 3)


def test_a_policy_never_takes_the_character_for_rare_ones(corpus, vocabulary):
    skipped = encode_text(corpus, vocabulary, unknown="skip")
    assert vocabulary.decode(skipped.ids) == "aabbaab"
    assert (skipped.num_skipped, skipped.num_replaced) == (3, 0)
    nearest = encode_text(corpus, vocabulary, unknown="nearest")
    assert vocabulary.decode(nearest.ids) == "aabbaaab"
    assert (nearest.num_skipped, nearest.num_replaced) == (2, 1)
    assert dict(nearest.changes) == {"A": "a", "z": "", "\u6f22": ""}
    with pytest.raises(VocabularyError, match=r"'A' \(U\+0041\)"):
        encode_text(corpus, vocabulary, unknown="error")


def test_a_model_of_decomposed_text_reads_composed_text(tmp_path):
    decomposed = unicodedata.normalize("NFD", "ti\u1ebfng vi\u1ec7t")
    vocabulary = Vocabulary.from_text(decomposed, normalize="none")
    (tmp_path / "text").write_text("ti\u1ebfng xx vi\u1ec7t")
    corpus = load_corpus([tmp_path / "text"], DecodingOptions(normalize="none"))
    encoded = encode_text(corpus, vocabulary, unknown="skip")
    assert vocabulary.decode(encoded.ids) == decomposed.replace(" ", "  ")
    assert (encoded.num_skipped, encoded.num_replaced, dict(encoded.changes)) == (2, 0, {"x": ""})
