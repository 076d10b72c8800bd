"""Score a text with a trained model, in compiled code if the text is long enough."""

from collections.abc import Iterator

from charlstm.analysis.evaluation import Scores, score_text
from charlstm.arrays import Ids
from charlstm.generation.generate import LanguageModel
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model

MAX_UNCOMPILED_LENGTH = 5000  # characters; up to here NumPy is done before compiled code is loaded


def score_with_model(model: Model, ids: Ids) -> Iterator[Scores]:
    """Score ids (characters,) from zero states; yield the scores so far, see `score_text`."""
    stepper: LanguageModel = make_stepper(model)
    if len(ids) > MAX_UNCOMPILED_LENGTH:
        stepper = stepper.compiled()
    return score_text(stepper.read, stepper.initial_states(), ids)
