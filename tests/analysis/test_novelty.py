"""Copied runs found by a suffix array are those found by searching."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.analysis.novelty import (
    TextIndex,
    TrainingText,
    load_index,
    load_training_text,
    measure_novelty,
    save_index,
)
from charlstm.errors import CharLSTMError, CorpusError, RunError
from charlstm.storage.tensor_file import to_bytes
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from tests.conftest import random_model


def training_text(text, characters=None, *, lowercase=False):
    vocabulary = Vocabulary.from_text(characters or text, lowercase=lowercase)
    return TrainingText(TextIndex.build(vocabulary.encode(text)), vocabulary)


def match_lengths_by_search(text, sample):
    ends = [[end for end in range(start, len(sample) + 1) if sample[start:end] in text] for start in range(len(sample))]
    return [found[-1] - start for start, found in enumerate(ends)]


@given(st.text("abc", min_size=1, max_size=60), st.text("abcx", min_size=1, max_size=30))
def test_match_lengths_are_those_found_by_searching(text, sample):
    assert training_text(text).match_lengths(sample).tolist() == match_lengths_by_search(text, sample)


def test_vocabulary_of_more_than_256_characters():
    rng = np.random.default_rng(0)
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 700)))
    text = "".join(characters[index] for index in rng.integers(0, 700, 3000))
    sample = text[100:140] + "\u4e00" + text[2000:2010]
    lengths = training_text(text, characters).match_lengths(sample)
    assert lengths.tolist() == match_lengths_by_search(text, sample)
    assert lengths[0] >= 40


@given(st.text("ab\u0307i", min_size=1, max_size=40), st.text("aB\u0130x", min_size=1, max_size=20))
def test_positions_are_those_of_the_text_before_it_is_put_into_lower_case(text, sample):
    lengths = training_text(text, lowercase=True).match_lengths(sample)
    expected = [
        max(end - start for end in range(start, len(sample) + 1) if sample[start:end].lower() in text)
        for start in range(len(sample))
    ]
    assert lengths.tolist() == expected


def test_copied_text_is_cut_from_the_text_as_given():
    text = "the dotted capital i is two characters in lower case"
    source = training_text(text, text + "\u0307", lowercase=True)
    novelty = measure_novelty([source], "\u0130\u0130\u0130 The Dotted Capital I, and more")
    assert novelty.longest_copied_text == "The Dotted Capital I"
    assert novelty.longest_copied_run == 20


def test_character_that_only_lower_case_makes_unknown_ends_a_match():
    assert training_text("ab i", lowercase=True).match_lengths("ab \u0130").tolist() == [3, 2, 1, 0]


def test_share_counts_runs_of_twenty_or_more():
    text = "Tomorrow, and tomorrow, and tomorrow, creeps in this petty pace"
    sample = "He says: " + text[:25] + " zzz " + text[30:45]
    novelty = measure_novelty([training_text(text, text + sample)], sample)
    assert (novelty.longest_copied_run, novelty.longest_copied_text) == (26, text[:25] + " ") or (
        novelty.longest_copied_run,
        novelty.longest_copied_text,
    ) == (25, text[:25])
    assert novelty.copied_share == pytest.approx(novelty.longest_copied_run / len(sample))


def test_text_is_copied_if_any_source_has_it():
    sources = [training_text("abc" * 20), training_text("xyz" * 20)]
    assert measure_novelty(sources, "abc" * 8 + "xyz" * 8).copied_share == 1.0
    assert measure_novelty(sources, "axbycz" * 5).copied_share == 0.0
    assert measure_novelty(sources, "").longest_copied_run == 0


def test_saved_index_is_loaded_only_for_its_own_text(tmp_path):
    path, index = tmp_path / "index.safetensors", training_text("some words").index
    assert load_index(path, "digest") is None
    save_index(path, index, "digest")
    loaded = load_index(path, "digest")
    assert loaded is not None
    assert loaded.suffixes.tolist() == index.suffixes.tolist()
    assert load_index(path, "another") is None
    path.write_bytes(path.read_bytes()[:-5])
    assert load_index(path, "digest") is None


@pytest.fixture
def trained(tmp_path):
    """Return a model that was trained on a text, its path and the path of the text."""
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    origin = {"sources": [str(text)], "reading": {}, "unknown": "skip"}
    (tmp_path / "config.json").write_text(json.dumps({"text": origin}))
    settings = {"validation": 0.1, "sequence_length": 20}
    model = replace(random_model(), training={"text_sha256": load_corpus([text]).digest, "settings": settings})
    return model, tmp_path / "model.safetensors", text


def test_training_text_is_indexed_once(trained):
    model, path, _ = trained
    messages: list[str] = []
    source = load_training_text(path, model, messages.append)
    assert measure_novelty([source], "the quick brown fox jumps over").copied_share == 1
    assert len(messages) == 1
    load_training_text(path, model, messages.append)
    assert len(messages) == 1


def test_only_the_training_part_is_searched(trained):
    """Of a text whose lines are all different, the drawn lines are not copied from the training part."""
    model, path, text = trained
    rng = np.random.default_rng(0)
    alphabet = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    lines = ["".join(rng.choice(alphabet, 30)) for _ in range(100)]
    text.write_text("".join(f"{line}\n" for line in lines))
    settings = model.training["settings"] | {"validation_split": "lines", "random_seed": 3}
    training = {"text_sha256": load_corpus([text]).digest, "settings": settings}
    source = load_training_text(path, replace(model, training=training), print)
    copied = [measure_novelty([source], line).copied_share for line in lines]
    assert (copied.count(1.0), copied.count(0.0)) == (90, 10)
    other_seed = training | {"settings": settings | {"random_seed": 4}}
    other = load_training_text(path, replace(model, training=other_seed), lambda _: None)
    assert [measure_novelty([other], line).copied_share for line in lines] != copied


def test_a_sample_in_another_normal_form_is_found(trained):
    source = training_text("the caf\u00e9s of this town are open")
    decomposed = "the cafe\u0301s of this town are closed"
    novelty = measure_novelty([source], decomposed)
    assert novelty.longest_copied_text == "the cafe\u0301s of this town are "
    none = Vocabulary.from_text(decomposed, normalize="none")
    source = TrainingText(TextIndex.build(none.encode(decomposed)), none)
    assert measure_novelty([source], "the caf\u00e9s of this town").longest_copied_run == 22


def test_training_text_must_be_found_and_unchanged(trained):
    model, path, text = trained
    text.write_text("another text")
    with pytest.raises(CorpusError, match="has changed since"):
        load_training_text(path, model, print)
    (path.parent / "config.json").unlink()
    with pytest.raises(RunError, match="that says which text"):
        load_training_text(path, model, print)


TEXT_OF_A_DEVICE = {"sources": ["/dev/zero"], "reading": {}, "unknown": "skip"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[" * 100_000, "that says which text"),
        ("[]", "that says which text"),
        ('{"text": {"sources": [3], "reading": {}, "unknown": "skip"}}', "that says which text"),
        ('{"text": {"sources": 3, "reading": {}, "unknown": "skip"}}', "that says which text"),
        ('{"text": {"sources": [], "reading": {"encoding": 5}, "unknown": "skip"}}', "that says which text"),
        (json.dumps({"text": TEXT_OF_A_DEVICE}), "is not a file"),
    ],
)
def test_a_config_from_a_stranger_is_refused(trained, config, message):
    model, path, _ = trained
    (path.parent / "config.json").write_text(config)
    with pytest.raises(CharLSTMError, match=message):
        load_training_text(path, model, print)


def test_a_malformed_index_is_not_used(tmp_path):
    ids: Any = np.zeros(4, np.uint8)
    suffixes: Any = np.arange(4, dtype=np.int32)
    for arrays in ({}, {"ids": ids}, {"ids": ids, "suffixes": suffixes[:2]}, {"ids": ids, "suffixes": ids * 0.5}):
        (tmp_path / "index").write_bytes(to_bytes(arrays, {"kind": "text index", "of": "digest"}))
        assert load_index(tmp_path / "index", "digest") is None
