"""The request for a new run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.storage.run_folder import RunFolder
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.parts import PartsRequest
from charlstm.training.finetuning import FINE_TUNING, FineTuning
from charlstm.training.interruption import Interruption
from charlstm.training.overrides import Overrides

if TYPE_CHECKING:
    from charlstm.training.workers import Workers


@dataclass(frozen=True, kw_only=True)
class NewRunRequest:
    """What to train, on what, and where to save it."""

    folder: RunFolder
    texts: list[str]
    given_text: str | None = None  # the text itself, in place of `texts`
    parts: PartsRequest = field(default_factory=PartsRequest)  # how it is divided; else a share is for validation
    overrides: Overrides
    decoding: DecodingOptions
    normalize: str | None = None  # the normal form; None: that of `decoding`, or of `start_from`
    min_count: int = 1  # characters that are rarer share one id
    start_from: str | None = None  # a run or a model file whose weights the run starts from
    may_start_from_shipped: bool = False  # without `start_from`, where a model that ships knows the text's language
    fine_tuning: FineTuning = FINE_TUNING  # how it is trained on top of a model
    inherits_precision: bool = True  # of `start_from`, unless `precision` is fixed; else the fastest one is taken
    unknown: str | None = None  # policy for characters outside the vocabulary of `start_from`; None: learn them
    num_members: int = 1  # of the ensemble that the run is for, see AutoConfigInputs
    may_have_teachers: bool = True  # chosen where they pay; else only if `teachers` are fixed
    overwrite: bool = False
    command: tuple[str, ...] = ()  # that the run was started with
    checkpoint_every: float  # seconds
    waits_for_space: bool = False  # see TrainingRun.run
    logs: tuple[str, ...] = ()  # names of LOGS
    log_folder: Path | None = None  # for files of trackers, which runs of an experiment share; None: in the run folder
    interruption: Interruption = field(default_factory=Interruption)  # what can stop the run
    on_start: Callable[[], None] = lambda: None  # is called once everything that can fail has succeeded
    workers: "Workers | None" = None  # with which the run is trained; this process is their chief
