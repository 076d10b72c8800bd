"""What several networks teach another one: passages that they generate, and what they predict of a text.

Networks that are trained on the same text from other random weights err in different places. The average of their
predictions is better than each of them, and says more of a place in a text than the one character that follows there:
how probable the others would have been. A network that learns these probabilities keeps most of what the average has
gained (knowledge distillation: Hinton, Vinyals and Dean 2015, section 2).

The teachers know the training text too well: what they predict there is surer than what they predict of a text that
they have not read. So they also generate text, and the student learns what they predict of that too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.config import MAX_PROBABILITIES, SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.generate import Request, generate_all
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model
from charlstm.text.vocabulary import Vocabulary

NUM_STREAMS, CHUNK, WARMUP = 64, 64, 128  # streams that are read side by side; characters
MAX_LOGITS = 1 << 20  # of all streams, that are read at once
MAX_PASSAGE, PROMPT = 2000, 64  # characters of a passage that is generated, and of the training text before it

Predictions = npt.NDArray[np.float16]
Proceed = Callable[[], bool]  # is called now and then, and returns whether to go on


def check_teachers(settings: Mapping[str, Any], num_probabilities: int, workers: object | None) -> None:
    """Raise SettingError for a run that cannot have teachers.

    `settings` are those of the network, by their names in ModelConfig. `num_probabilities` is the number of characters
    that teachers predict, times the size of the vocabulary.
    """
    hint = "train with `teachers` 0"
    if workers:
        raise SettingError("`workers` train one network, and the run has `teachers`", hint="train it on one machine")
    if settings.get("window"):
        raise SettingError("a network that reads windows of a fixed length cannot have `teachers`", hint=hint)
    if settings.get("attention"):
        raise SettingError("a network with `attention` generates text too slowly to have `teachers`", hint=hint)
    if num_probabilities > MAX_PROBABILITIES:
        raise SettingError(
            f"the text is too long for `teachers`: they would predict {num_probabilities:,} probabilities, and "
            f"{MAX_PROBABILITIES:,} can be kept",
            hint=hint,
        )


def generate_passages(
    models: Sequence[Model], training_ids: Ids, num_characters: int, *, random_seed: int, proceed: Proceed
) -> Ids:
    """Return passages that models generate at temperature 1, each as many, about `num_characters` together.

    Each continues a place of the training text, ids (characters,), that is drawn with the random seed. If `proceed`
    returns False, there are fewer.
    """
    rng = np.random.default_rng(random_seed)
    share = num_characters // len(models)
    num_batches = -(-share // (NUM_STREAMS * MAX_PASSAGE))
    length = -(-share // max(1, NUM_STREAMS * num_batches))
    passages = [np.zeros(0, training_ids.dtype)]
    for model in models:
        stepper = make_stepper(model).compiled()
        for _ in range(num_batches):
            if not proceed():
                break
            requests = [_request(model.vocabulary, training_ids, length, rng) for _ in range(NUM_STREAMS)]
            samples = generate_all(stepper, requests)
            passages += [model.vocabulary.encode(sample.text).astype(training_ids.dtype) for sample in samples]
    return np.concatenate(passages)


def _request(vocabulary: Vocabulary, ids: Ids, length: int, rng: np.random.Generator) -> Request:
    """Return a request for a passage after a place in a text that is drawn."""
    start = int(rng.integers(max(1, len(ids) - PROMPT)))
    prompt = "".join(vocabulary.characters[index] for index in ids[start : start + PROMPT])
    return Request(prompt, SamplingConfig(length=length, temperature=1.0, random_seed=int(rng.integers(1 << 62))))


def average_predictions(models: Sequence[Model], ids: Ids, *, proceed: Proceed) -> Predictions:
    """Return the mean of the probabilities (characters, vocabulary) that models give to each of ids (characters,).

    They read the text in streams, each after the characters before it; the text begins anew after its end. If `proceed`
    returns False, the rest of the probabilities are zeros.
    """
    steppers = [make_stepper(model).compiled() for model in models]
    all_states = [stepper.initial_states(NUM_STREAMS) for stepper in steppers]
    vocabulary_size = len(models[0].vocabulary)
    predictions = np.zeros((len(ids), vocabulary_size), np.float16)
    bounds = np.arange(NUM_STREAMS + 1, dtype=np.int64) * len(ids) // NUM_STREAMS
    starts, lengths = bounds[:-1, None], np.diff(bounds)[:, None]
    chunk = max(1, min(CHUNK, MAX_LOGITS // (NUM_STREAMS * vocabulary_size)))
    for offset in range(-WARMUP, int(lengths.max()), chunk):
        if not proceed():
            break
        offsets = np.arange(offset, offset + chunk)
        positions = (starts + offsets) % len(ids)
        total = np.zeros((*positions.shape, vocabulary_size), np.float32)
        for index, stepper in enumerate(steppers):
            logits, all_states[index] = stepper.read(ids[positions - 1], all_states[index])
            total += softmax(logits)
        is_own = (offsets >= 0) & (offsets < lengths)
        predictions[positions[is_own]] = total[is_own] / len(models)
    return predictions
