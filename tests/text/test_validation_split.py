"""Validation text at the end, or drawn over the whole text in lines or blocks."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError
from charlstm.text.batches import split_for_validation
from charlstm.text.validation_split import (
    block_pieces,
    block_size,
    default_validation_split,
    draw_pieces,
    join_pieces,
    line_pieces,
)
from charlstm.text.vocabulary import Vocabulary

NAMES = "".join(f"name {number}\n" for number in range(300))
PROSE = "".join(f"sentence number {number} of a long text, which goes on. " * 3 + "\n" for number in range(400))


def split(text: str, kind: str, *, validation: float = 0.1, random_seed: int = 0) -> tuple[str, str]:
    vocabulary = Vocabulary.from_text(text)
    dataset = split_for_validation(
        vocabulary.encode(text),
        validation=validation,
        sequence_length=5,
        validation_split=kind,
        vocabulary=vocabulary,
        random_seed=random_seed,
    )
    return vocabulary.decode(dataset.training), vocabulary.decode(dataset.validation)


def test_whole_lines_are_drawn_over_the_whole_text_and_keep_their_order():
    training, validation = (part.splitlines() for part in split(NAMES, "lines"))
    numbers = [[int(line.split()[1]) for line in part] for part in (training, validation)]
    assert sorted(numbers[0] + numbers[1]) == list(range(300))
    assert all(part == sorted(part) for part in numbers)
    assert len(numbers[1]) == 30
    assert [number // 10 for number in numbers[1]] == list(range(30))  # one of each ten


def test_the_random_seed_decides():
    assert split(NAMES, "lines") == split(NAMES, "lines")
    assert split(NAMES, "lines")[1] != split(NAMES, "lines", random_seed=1)[1]
    assert split(PROSE, "blocks")[1] != split(PROSE, "blocks", random_seed=2**70)[1]


def test_blocks_are_whole_lines_of_the_whole_text():
    training, validation = (part.splitlines(keepends=True) for part in split(PROSE, "blocks"))
    assert sorted(training + validation) == sorted(PROSE.splitlines(keepends=True))
    places = [PROSE.index(line) / len(PROSE) for line in validation]
    assert places == sorted(places)
    assert (min(places) < 0.25, max(places) > 0.75) == (True, True)
    assert len("".join(validation)) == pytest.approx(len(PROSE) / 10, rel=0.3)


def test_a_text_without_line_ends_is_cut_between_words():
    text = PROSE.replace("\n", "")
    vocabulary = Vocabulary.from_text(text)
    starts = block_pieces(vocabulary.encode(text), vocabulary, size=1000)
    assert len(starts) == round(len(text) / 1000)
    assert all(text[start - 1] == " " for start in starts[1:])


@given(st.integers(1, 300), st.floats(0.001, 0.999), st.integers(0, 2**80))
def test_the_share_of_pieces_is_drawn_and_at_least_one(num_pieces, share, random_seed):
    drawn = draw_pieces(num_pieces, share, random_seed)
    assert len(drawn) == num_pieces
    assert drawn.sum() == max(1, round(num_pieces * share))


def test_drawn_pieces_stay_the_same():
    """Runs of an earlier version are resumed with the same split."""
    assert np.flatnonzero(draw_pieces(20, 0.2, 0)).tolist() == [0, 6, 13, 16]


@given(st.text("ab\n", min_size=1, max_size=40))
def test_lines_start_after_line_ends(text):
    vocabulary = Vocabulary("\nab")
    starts = line_pieces(vocabulary.encode(text), vocabulary)
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert pieces == text.splitlines(keepends=True)


@pytest.mark.parametrize("in_memory", [True, False])
def test_chunks_are_joined_in_memory_or_in_a_file(monkeypatch, in_memory):
    monkeypatch.setattr("charlstm.text.id_files.CHUNK_IDS", 7)
    monkeypatch.setattr("charlstm.text.validation_split.CHUNK_IDS", 7)
    monkeypatch.setattr("charlstm.text.validation_split.MAX_IN_MEMORY", 1000 if in_memory else 10)
    vocabulary = Vocabulary.from_text(NAMES)
    ids = vocabulary.encode(NAMES)
    starts = line_pieces(ids, vocabulary)
    chosen = np.arange(len(starts)) % 3 == 1
    files = set(os.listdir(os.environ["CHARLSTM_CACHE"]))
    joined = join_pieces(ids, starts, chosen)
    assert vocabulary.decode(joined).splitlines() == NAMES.splitlines()[1::3]
    assert set(os.listdir(os.environ["CHARLSTM_CACHE"])) == files


def test_a_list_of_short_lines_is_divided_by_lines():
    for text, kind in ((NAMES, "lines"), (PROSE, "end")):
        vocabulary = Vocabulary.from_text(text)
        assert default_validation_split(vocabulary.encode(text), vocabulary) == kind


def test_one_line_cannot_be_divided_by_lines():
    with pytest.raises(CorpusError, match="only one line") as caught:
        split("one line of text\n", "lines")
    assert "`validation_split` blocks" in caught.value.hint


@pytest.mark.parametrize("kind", ["lines", "blocks"])
def test_a_tiny_text_is_refused(kind):
    with pytest.raises(CorpusError, match="fewer than"):
        split("ab\n\n\n", kind)


@pytest.mark.parametrize(
    ("length", "validation", "size"), [(10_000_000, 0.1, 4000), (50_000, 0.1, 1000), (800, 0.1, 80)]
)
def test_blocks_are_smaller_in_a_short_text(length, validation, size):
    assert block_size(length, validation) == size
