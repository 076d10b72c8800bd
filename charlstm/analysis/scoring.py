"""Score a text with a trained model, in compiled code if the text is long enough."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from charlstm.analysis.evaluation import Scores, chunk_length, num_chunks, score_text
from charlstm.arrays import Ids
from charlstm.generation.generate import LanguageModel
from charlstm.generation.stepper import make_stepper
from charlstm.libraries import can_compile
from charlstm.storage.model_file import Model

MAX_UNCOMPILED_LENGTH = 5000  # characters; up to here NumPy is done before compiled code is loaded


def score_with_model(
    model: Model, ids: Ids, *, while_compiling: AbstractContextManager[object] | None = None
) -> Iterator[Scores]:
    """Score ids (characters,) from zero states; yield the scores so far, see `score_text`, `num_steps` times."""
    stepper: LanguageModel = make_stepper(model)
    if len(ids) > MAX_UNCOMPILED_LENGTH and can_compile():
        with while_compiling or nullcontext():
            stepper = stepper.compiled()
    return score_text(stepper.read, stepper.initial_states(), ids, chunk_length(len(model.vocabulary)))


def num_steps(model: Model, ids: Ids) -> int:
    """Return how many times `score_with_model` yields."""
    return num_chunks(ids, chunk_length(len(model.vocabulary)))
