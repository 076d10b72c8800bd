"""A trained model in memory: what it is made of, and what it predicts."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.arrays import FloatArray, Ids
from charlstm.config import ModelConfig
from charlstm.errors import SettingError, VocabularyError
from charlstm.generation.generate import PROMPT_CHUNK
from charlstm.generation.load import LoadedModel
from charlstm.generation.stepper import make_stepper
from charlstm.storage.find_runs import find_model
from charlstm.storage.model_file import Model, load_model
from charlstm.text.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained model, and the file that it came from. Threads may share it: predicting changes nothing in it."""

    path: Path
    _model: Model = field(repr=False)

    @property
    def config(self) -> ModelConfig:
        """The architecture."""
        return self._model.config

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters that the model knows; `encode` and `decode` convert texts to ids and back."""
        return self._model.vocabulary

    @property
    def weights(self) -> Mapping[str, FloatArray]:
        """The weights by name, float32, with gates in the order i, f, c, o.

        `embedding` is (vocabulary, embedding_dim), `layers.0.kernel` of an LSTM (embedding_dim, 4 * units),
        `layers.0.recurrent_kernel` (units, 4 * units), `layers.0.bias` (4 * units,), `output.kernel`
        (units, vocabulary) and `output.bias` (vocabulary,).
        """
        return self._model.weights

    @property
    def num_parameters(self) -> int:
        return self._model.num_parameters

    @property
    def training(self) -> Mapping[str, Any]:
        """What the model file says about the training: text, settings, epoch, validation figures."""
        return self._model.training

    def logits(self, text: str) -> FloatArray:
        """Return the logits (characters, vocabulary) of the character after each character of a text.

        Row t predicts the character at t + 1 from the characters 0 to t, from zero states; the last row predicts the
        character after the text. Raises VocabularyError for a character that the model does not know, and for an empty
        text.
        """
        ids = self.vocabulary.encode(text)
        if not len(ids):
            raise VocabularyError("the text is empty", hint="give at least one character")
        return self._read(ids)

    def log_probabilities(self, text: str) -> npt.NDArray[np.float64]:
        """Return ln p (characters, vocabulary), in nats, of the character after each character of a text.

        The rows are those of `logits`, normalised: the exponentials of each sum to 1.
        """
        logits = self.logits(text).astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        log_probabilities: npt.NDArray[np.float64] = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        return log_probabilities

    def _read(self, ids: Ids) -> FloatArray:
        """Return the logits after each id, reading PROMPT_CHUNK ids at a time."""
        stepper = make_stepper(self._model)
        logits = np.empty((len(ids), len(self.vocabulary)), np.float32)
        states = stepper.initial_states()
        for start in range(0, len(ids), PROMPT_CHUNK):
            chunk = slice(start, start + PROMPT_CHUNK)
            chunk_logits, states = stepper.read(ids[None, chunk], states)
            logits[chunk] = chunk_logits[0]
        return logits


ModelOrRun = TrainedModel | str | PathLike[str]


def load(run: str | PathLike[str] | None = None) -> TrainedModel:
    """Load a model: from a run folder, the name of a run under `runs/`, or a model file; None: the newest run.

    Raises RunError if there is none, and ModelFileError if the file is damaged or not a model.
    """
    path = find_model(None if run is None else os.fspath(run))
    return TrainedModel(path, load_model(path))


def as_model(model: ModelOrRun, *, name: str = "model") -> TrainedModel:
    """Return a model as it is, or load the one of a run. Raises SettingError, which names the argument, otherwise."""
    if isinstance(model, TrainedModel):
        return model
    if isinstance(model, str | PathLike):
        return load(model)
    raise SettingError(
        f"`{name}` is of type {type(model).__name__}, but it must be a model or a run",
        hint="give what `load` returns, the `model` of what `train` returns, or the path of a run",
    )


def as_models(models: ModelOrRun | Sequence[ModelOrRun], *, name: str) -> list[TrainedModel]:
    """Return one model or several as `as_model` returns each."""
    one_or_more = models if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    return [as_model(model, name=name) for model in one_or_more]


def loaded(model: TrainedModel) -> LoadedModel:
    """Return the model as generation takes it."""
    return LoadedModel(model.path, model._model)
