import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError
from charlstm.text.batches import Streams, Windows, split_for_validation


@given(st.integers(2, 300), st.integers(1, 9), st.integers(1, 40), st.integers(0, 1000))
def test_targets_are_one_character_on_and_streams_continue(length, batch_size, sequence_length, step):
    ids = np.arange(length)
    streams = Streams(ids, batch_size, sequence_length)
    batch, next_batch = streams.batch(step), streams.batch(step + 1)
    assert batch.shape == (batch_size, sequence_length + 1)
    assert ((batch[:, 1:] - batch[:, :-1]) % length == 1 % length).all()
    assert (next_batch[:, 0] == batch[:, -1]).all()


def test_streams_read_every_character_once_an_epoch():
    streams = Streams(np.arange(60), batch_size=3, sequence_length=5)
    assert streams.steps_per_epoch == 4
    for epoch in range(3):
        seen = np.concatenate([streams.batch(4 * epoch + step)[:, :-1].ravel() for step in range(4)])
        assert sorted(seen) == list(range(60))


def test_a_window_starts_at_every_position_once_an_epoch_in_another_order_each_time():
    windows = Windows(np.arange(17), batch_size=3, sequence_length=5, random_seed=0)
    assert windows.steps_per_epoch == 4
    epochs = [np.concatenate([windows.batch(4 * epoch + step) for step in range(4)]) for epoch in range(2)]
    for batches in epochs:
        assert (np.diff(batches) == 1).all()
        assert sorted(batches[:, 0]) == list(range(12))
    assert (epochs[0] != epochs[1]).any()


def test_validation_part_is_at_the_end():
    dataset = split_for_validation(np.arange(100), validation=0.1, sequence_length=10)
    assert dataset.training.tolist() == list(range(90))
    assert dataset.validation.tolist() == list(range(90, 100))


def test_error_about_a_short_text_says_how_many_characters_are_enough():
    with pytest.raises(CorpusError, match=r"50 character.*45 would be for training.*sequence of 50") as caught:
        split_for_validation(np.arange(50), validation=0.1, sequence_length=50)
    needed = int("".join(filter(str.isdigit, caught.value.hint)))
    split_for_validation(np.arange(needed), validation=0.1, sequence_length=50)


def test_validation_part_of_one_character_is_refused():
    with pytest.raises(CorpusError, match="fewer than two for validation"):
        split_for_validation(np.arange(100), validation=0.01, sequence_length=10)
