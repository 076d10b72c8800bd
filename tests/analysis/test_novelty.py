"""Copied runs, found by an index and by looking for them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.analysis.novelty import TextIndex, TrainingText, load_index, measure_novelty, save_index
from charlstm.text.vocabulary import Vocabulary


def source_of(text, characters=None, *, lowercase=False):
    vocabulary = Vocabulary.from_text(characters or text, lowercase=lowercase)
    return TrainingText(TextIndex.of(vocabulary.encode(text)), vocabulary)


def runs_by_looking(text, sample):
    ends = [[end for end in range(start, len(sample) + 1) if sample[start:end] in text] for start in range(len(sample))]
    return [found[-1] - start for start, found in enumerate(ends)]


@given(st.text("abc", min_size=1, max_size=60), st.text("abcx", min_size=1, max_size=30))
def test_runs_are_those_found_by_looking(text, sample):
    assert source_of(text).match_lengths(sample).tolist() == runs_by_looking(text, sample)


def test_an_alphabet_of_more_than_256_characters():
    rng = np.random.default_rng(0)
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 700)))
    text = "".join(characters[place] for place in rng.integers(0, 700, 3000))
    sample = text[100:140] + "\u4e00" + text[2000:2010]
    runs = source_of(text, characters).match_lengths(sample)
    assert runs.tolist() == runs_by_looking(text, sample)
    assert runs[0] >= 40


@given(st.text("ab\u0307i", min_size=1, max_size=40), st.text("aB\u0130x", min_size=1, max_size=20))
def test_positions_are_those_of_the_text_before_it_is_put_into_lower_case(text, sample):
    lengths = source_of(text, lowercase=True).match_lengths(sample)
    expected = [
        max(end - start for end in range(start, len(sample) + 1) if sample[start:end].lower() in text)
        for start in range(len(sample))
    ]
    assert lengths.tolist() == expected


def test_copied_text_is_cut_from_the_text_as_given():
    text = "the dotted capital i is two characters in lower case"
    source = source_of(text, text + "\u0307", lowercase=True)
    novelty = measure_novelty([source], "\u0130\u0130\u0130 The Dotted Capital I, and more")
    assert novelty.longest_copied_text == "The Dotted Capital I"
    assert novelty.longest_copied_run == 20


def test_character_that_only_lower_case_makes_unknown_ends_a_match():
    assert source_of("ab i", lowercase=True).match_lengths("ab \u0130").tolist() == [3, 2, 1, 0]


def test_the_share_counts_runs_of_twenty_or_more():
    text = "Tomorrow, and tomorrow, and tomorrow, creeps in this petty pace"
    sample = "He says: " + text[:25] + " zzz " + text[30:45]
    novelty = measure_novelty([source_of(text, text + sample)], sample)
    assert (novelty.longest_copied_run, novelty.longest_copied_text) == (26, text[:25] + " ") or (
        novelty.longest_copied_run,
        novelty.longest_copied_text,
    ) == (25, text[:25])
    assert novelty.copied_share == pytest.approx(novelty.longest_copied_run / len(sample))


def test_a_text_is_not_new_if_any_source_has_it():
    sources = [source_of("abc" * 20), source_of("xyz" * 20)]
    assert measure_novelty(sources, "abc" * 8 + "xyz" * 8).copied_share == 1.0
    assert measure_novelty(sources, "axbycz" * 5).copied_share == 0.0
    assert measure_novelty(sources, "").longest_copied_run == 0


def test_an_index_is_kept_and_only_taken_for_its_own_text(tmp_path):
    path, index = tmp_path / "index.safetensors", source_of("some words").index
    assert load_index(path, "digest") is None
    save_index(path, index, "digest")
    loaded = load_index(path, "digest")
    assert loaded is not None
    assert loaded.suffixes.tolist() == index.suffixes.tolist()
    assert load_index(path, "another") is None
    path.write_bytes(path.read_bytes()[:-5])
    assert load_index(path, "digest") is None
