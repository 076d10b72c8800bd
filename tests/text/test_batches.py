import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError
from charlstm.text.batches import Streams, split_for_validation


@given(st.integers(2, 300), st.integers(1, 9), st.integers(1, 40), st.integers(0, 1000))
def test_targets_are_the_inputs_one_character_on_and_streams_go_on(length, batch_size, sequence_length, step):
    ids = np.arange(length)
    streams = Streams(ids, batch_size, sequence_length)
    batch, following = streams.batch(step), streams.batch(step + 1)
    assert batch.shape == (batch_size, sequence_length + 1)
    assert ((batch[:, 1:] - batch[:, :-1]) % length == 1 % length).all()
    assert (following[:, 0] == batch[:, -1]).all()


def test_an_epoch_reads_every_character_once():
    streams = Streams(np.arange(60), batch_size=3, sequence_length=5)
    assert streams.steps_per_epoch == 4
    for epoch in range(3):
        seen = np.concatenate([streams.batch(4 * epoch + step)[:, :-1].ravel() for step in range(4)])
        assert sorted(seen) == list(range(60))


def test_the_end_of_the_text_is_kept_for_validation():
    dataset = split_for_validation(np.arange(100), validation=0.1, sequence_length=10)
    assert dataset.training.tolist() == list(range(90))
    assert dataset.validation.tolist() == list(range(90, 100))


def test_a_text_shorter_than_a_sequence_is_refused_in_characters():
    with pytest.raises(CorpusError, match=r"50 characters, 45 of them for training.*sequence of 50") as caught:
        split_for_validation(np.arange(50), validation=0.1, sequence_length=50)
    needed = int("".join(filter(str.isdigit, caught.value.hint)))
    split_for_validation(np.arange(needed), validation=0.1, sequence_length=50)


def test_a_validation_part_of_one_character_is_refused():
    with pytest.raises(CorpusError, match="fewer than two for validation"):
        split_for_validation(np.arange(100), validation=0.01, sequence_length=10)
