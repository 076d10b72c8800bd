"""Let several networks teach another one: they generate passages, and predict each character of a text.

Networks that are trained on the same text from other random weights err in different places. The average of their
predictions is better than each of them, and says more of a place in a text than the one character that follows there:
how probable the others would have been. A network that learns these probabilities keeps most of what the average has
gained (knowledge distillation: Hinton, Vinyals and Dean 2015, section 2).

The teachers know the training text too well: they predict it with more confidence than a text that they have not read.
So they also generate text, and the student learns what they predict of that too.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from charlstm.arrays import Ids
from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request, generate_all
from charlstm.generation.sampling import softmax
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.soft_targets import SoftTargets

if TYPE_CHECKING:
    from charlstm.generation.compiled_stepper import CompiledStepper
    from charlstm.generation.stepper import Stepper
    from charlstm.generation.window_stepper import WindowStepper

    Teacher = Stepper | WindowStepper | CompiledStepper

NUM_STREAMS, CHUNK, WARMUP = 64, 64, 128  # streams that are read side by side; characters
MAX_LOGITS = 1 << 20  # of all streams, that are read at once
MIN_PASSAGE, MAX_PASSAGE = 100, 1000  # characters of a passage that is generated, unless there are fewer in all
PROMPT = 32  # characters of the training text before it

Proceed = Callable[[], bool]  # is called now and then, and returns whether to go on


def generate_passages(
    teachers: Sequence["Teacher"], training_ids: Ids, num_characters: int, *, random_seed: int, proceed: Proceed
) -> Ids | None:
    """Return passages that networks generate at temperature 1: as much from each, no more than `num_characters`.

    Each continues a place of the training text, ids (characters,), that is drawn with the random seed. Returns None if
    `proceed` returns False.
    """
    rng = np.random.default_rng(random_seed)
    share = num_characters // len(teachers)
    num_streams = max(1, min(NUM_STREAMS, share // MIN_PASSAGE))
    num_batches = -(-share // (num_streams * MAX_PASSAGE))
    length = share // max(1, num_streams * num_batches)
    passages = [np.zeros(0, training_ids.dtype)]
    for teacher in teachers:
        for _ in range(num_batches):
            if not proceed():
                return None
            requests = [_request(teacher.vocabulary, training_ids, length, rng) for _ in range(num_streams)]
            samples = generate_all(teacher, requests)
            passages += [teacher.vocabulary.encode(sample.text).astype(training_ids.dtype) for sample in samples]
    return np.concatenate(passages)


def _request(vocabulary: Vocabulary, ids: Ids, length: int, rng: np.random.Generator) -> Request:
    """Return a request for a passage after a place in a text that is drawn."""
    start = int(rng.integers(max(1, len(ids) - PROMPT)))
    prompt = "".join(vocabulary.characters[index] for index in ids[start : start + PROMPT])
    return Request(prompt, SamplingConfig(length=length, temperature=1.0, random_seed=int(rng.integers(1 << 62))))


def average_predictions(teachers: Sequence["Teacher"], ids: Ids, *, proceed: Proceed) -> SoftTargets | None:
    """Return the mean of the probabilities that networks give to each of ids (characters,).

    They read the text in streams, each after the characters before it; the text begins anew after its end. Returns
    None if `proceed` returns False.
    """
    all_states = [teacher.initial_states(NUM_STREAMS) for teacher in teachers]
    vocabulary_size = len(teachers[0].vocabulary)
    predictions = SoftTargets(len(ids), vocabulary_size)
    bounds = np.arange(NUM_STREAMS + 1, dtype=np.int64) * len(ids) // NUM_STREAMS
    starts, lengths = bounds[:-1, None], np.diff(bounds)[:, None]
    chunk = max(1, min(CHUNK, MAX_LOGITS // (NUM_STREAMS * vocabulary_size)))
    for offset in range(-WARMUP, int(lengths.max()), chunk):
        if not proceed():
            return None
        offsets = np.arange(offset, offset + chunk)
        positions = (starts + offsets) % len(ids)
        total = np.zeros((*positions.shape, vocabulary_size), np.float32)
        for index, teacher in enumerate(teachers):
            logits, all_states[index] = teacher.read(ids[positions - 1], all_states[index])
            total += softmax(logits) / np.float32(len(teachers))
        is_own = (offsets >= 0) & (offsets < lengths)
        predictions.put(positions[is_own], total[is_own])
    return predictions
