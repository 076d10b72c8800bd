"""What is looked at inside a network: the text, what happens in the network while it reads it, and what it predicts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np

from charlstm.analysis.gates import GateStatistics, gate_statistics
from charlstm.analysis.predictions import Predictions
from charlstm.analysis.trace import Trace, trace_text
from charlstm.analysis.training_text import find_recorded_text, read_training_text, split_training_text
from charlstm.arrays import Ids
from charlstm.config import SamplingConfig
from charlstm.errors import CorpusError, SettingError
from charlstm.generation.generate import Request, generate
from charlstm.generation.stepper import make_stepper
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder

MAX_TRACE_BYTES = 4 << 30
ARRAYS_OF_LAYER = 10  # at most, of any cell
ARRAYS_OF_LOGITS = 5  # the logits, what is predicted from them, and what that is computed with


@dataclass(frozen=True)
class Inspection:
    """A model over a text."""

    model: Model
    trace: Trace

    @classmethod
    def of(cls, model: Model, ids: Ids, *, on_progress: Callable[[int], None] = lambda _: None) -> "Inspection":
        """Read ids (characters,).

        Raises CorpusError if there are none, and SettingError for a network on windows, or if so many would not fit
        into MAX_TRACE_BYTES.
        """
        if not len(ids):
            raise CorpusError("there is no character to look at", hint="give a text that the model knows characters of")
        most = MAX_TRACE_BYTES // trace_bytes(model)
        if len(ids) > most:
            raise SettingError(
                f"`characters` is {len(ids):,}, which would take more than {MAX_TRACE_BYTES >> 30} GiB of memory",
                hint=f"give at most {most:,} of this network",
            )
        return cls(model, trace_text(model, ids, on_progress=on_progress))

    def __len__(self) -> int:
        return len(self.trace.ids)

    @cached_property
    def text(self) -> str:
        """The text as the model reads it: characters that it does not know are left out or replaced."""
        return self.model.vocabulary.decode(self.trace.ids)

    @cached_property
    def predictions(self) -> Predictions:
        return Predictions.of(self.trace)

    @cached_property
    def gate_statistics(self) -> tuple[dict[str, GateStatistics], ...]:
        """The statistics of the gates of each layer."""
        return tuple(map(gate_statistics, self.trace.layers))


def trace_bytes(model: Model) -> int:
    """Return about how much memory the trace of one character takes."""
    config = model.config
    layers = ARRAYS_OF_LAYER * config.num_layers * config.units
    return 4 * (layers + ARRAYS_OF_LOGITS * len(model.vocabulary) + config.attention)


def validation_ids(path: Path, model: Model, length: int, *, on_message: Callable[[str], None]) -> Ids:
    """Return the first characters of the part of the training text that the model in the file `path` has not learned.

    Raises RunError or CorpusError if the run does not say where its text is, or the text is gone or has changed.
    """
    run = RunFolder(path.parent)
    corpus = read_training_text(run, model, on_message)
    dataset = split_training_text(model, corpus, find_recorded_text(run))
    return np.array(dataset.validation[:length])


def generated_ids(model: Model, length: int, *, temperature: float, random_seed: int) -> Ids:
    """Return characters that the model writes on a new line."""
    config = SamplingConfig(length=length, temperature=temperature, random_seed=random_seed)
    pieces: Iterator[str] = generate(make_stepper(model), Request("", config))
    return model.vocabulary.encode("".join(islice(chain.from_iterable(pieces), length)))
