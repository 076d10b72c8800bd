"""Train a model on a text, and continue a run that was interrupted."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from charlstm.api.messages import logger
from charlstm.api.model import ModelOrRun, TrainedModel, as_model
from charlstm.api.reporter import CallbackReporter, OnEvaluation, OnProgress
from charlstm.api.settings import TrainingSettings, check_settings
from charlstm.api.texts import Files, as_text_name, file_names
from charlstm.errors import RunError
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.find_runs import find_run
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RUNS, RunFolder
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import GIVEN_TEXT
from charlstm.text.parts import PartsRequest
from charlstm.text.sources import corpus_name
from charlstm.training.history import Evaluation, History
from charlstm.training.interruption import Interruption, exit_code
from charlstm.training.overrides import Overrides
from charlstm.training.presets import TUTORIAL
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.training.reporting import TrainingResult

AUTO = "auto"  # a model that ships, if it suits the text


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run that has ended or was interrupted: its folder, its evaluations, and its best model."""

    folder: Path
    history: tuple[Evaluation, ...] = field(repr=False)  # all evaluations, in order
    seconds: float  # of training and evaluation, over all processes
    stopped_early: bool  # because validation did not improve any more
    interrupted: bool  # before its end; `resume` continues it
    _model: Model | None = field(repr=False)

    @property
    def model(self) -> TrainedModel:
        """The model with the lowest validation loss. Raises RunError if there was no evaluation yet."""
        if self._model is None:
            raise self._not_evaluated()
        return TrainedModel(RunFolder(self.folder).model, self._model)

    @property
    def best(self) -> Evaluation:
        """The evaluation with the lowest validation loss. Raises RunError if there was none yet."""
        evaluations = [evaluation for evaluation in self.history if evaluation.is_best]
        if not evaluations:
            raise self._not_evaluated()
        return evaluations[-1]

    @property
    def best_loss(self) -> float:
        """The lowest validation loss, in nats per character. Raises RunError if there was no evaluation yet."""
        return self.best.validation.nats_per_character

    def _not_evaluated(self) -> RunError:
        return RunError(
            f"the run in {self.folder} was interrupted before its first evaluation",
            hint="continue it with `resume`, and see its `interrupted`",
        )


def train(
    files: Files | None = None,
    *,
    text: str | None = None,
    output: str | PathLike[str] | None = None,
    overwrite: bool = False,
    preset: str | None = None,
    start_from: ModelOrRun | None = AUTO,
    unknown: str | None = None,
    lowercase: bool = False,
    min_count: int = 1,
    encoding: str | None = None,
    normalize: str | None = None,
    keep_boilerplate: bool = False,
    test: str | PathLike[str] | None = None,
    split: str | None = None,
    on_evaluation: OnEvaluation | None = None,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    log: str | Sequence[str] = (),
    **settings: Unpack[TrainingSettings],
) -> TrainedRun:
    """Train a network on a text, given by its path or paths (`files`) or as a string (`text`).

    `files` are read as `charlstm train` reads them: files, folders, patterns, archives, or the name of a text that
    ships ("macbeth.txt"). The run folder is `output`, by default `runs/` and the name of the text; `overwrite` replaces
    a run that is there. `start_from` is a model or run whose weights the run starts from; it learns the characters that
    are new to it, or treats them by the policy `unknown`. None starts from nothing; "auto" takes the model that ships
    if the text is small and in a language that it knows. Characters rarer than `min_count` share one id.

    `validation` is the share of the text to validate on, or the file of a text to validate on. `test` is the file of a
    text that training never sees, for `evaluate(run, part="test")`. `split` divides the text in order, "90/5/5" for
    training, validation and test ("90/10": no test), or is the usual split of a text: "enwik8", "text8",
    "tinyshakespeare" or "ptb".

    Settings are the fields of ModelConfig and TrainingConfig: `units`, `num_layers`, `cell`, `epochs`, `max_time`
    (seconds, or "5m"), `learning_rate`, `random_seed` and so on. Those that are left out are chosen from the text, the
    time and the machine, or are those of the `preset`.

    `on_evaluation` is called after each evaluation, `on_progress` many times a second. Ctrl-C, the interrupt of a
    notebook, and setting the event `stop` from any thread end training gracefully: everything is saved, and what is
    returned is `interrupted`. A second Ctrl-C raises KeyboardInterrupt at once. A checkpoint is written every
    `checkpoint_every` seconds. `log` names one or more logs for other programs, as `charlstm train --log` does.

    Raises SettingError for a setting out of range, CorpusError for a text that cannot be used, RunError if the folder
    holds a run or cannot be written, and TrainingError if the loss keeps diverging.
    """
    from charlstm.training.new_run import train_new_run
    from charlstm.training.run_request import NewRunRequest

    texts = file_names(files, text)
    checked = check_settings(settings, TrainingSettings)
    validation = checked.pop("validation") if isinstance(checked.get("validation"), str | PathLike) else None
    interruption = Interruption()
    request = NewRunRequest(
        folder=RunFolder(Path(output) if output is not None else RUNS / (corpus_name(texts) if texts else GIVEN_TEXT)),
        texts=texts,
        given_text=text,
        parts=PartsRequest(as_text_name(validation), as_text_name(test), split),
        overrides=Overrides(checked, preset),
        decoding=DecodingOptions(encoding, normalize or "nfc", keep_boilerplate, lowercase or preset == TUTORIAL),
        normalize=normalize,
        inherits_precision=settings.get("precision") is None,
        min_count=min_count,
        start_from=None if start_from in (None, AUTO) else str(as_model(start_from, name="start_from").path),
        may_start_from_shipped=start_from == AUTO,
        unknown=unknown,
        overwrite=overwrite,
        checkpoint_every=checkpoint_every,
        logs=_names(log),
        interruption=interruption,
    )
    reporter = CallbackReporter(interruption=interruption, evaluated=on_evaluation, progressed=on_progress, stop=stop)
    with _signals_of_python():
        return _ended(train_new_run(request, reporter))


def resume(
    run: str | PathLike[str] | None = None,
    *,
    files: Files | None = None,
    changed_text: bool = False,
    epochs: float | None = None,
    max_time: float | str | None = None,
    evaluate_every: int | None = None,
    on_evaluation: OnEvaluation | None = None,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    log: str | Sequence[str] = (),
) -> TrainedRun:
    """Continue an interrupted run with the same result as if it had not been interrupted; None: the newest run.

    `epochs` and `max_time`, both counted from the start of the run, extend it, even if it is complete. A complete run
    that is not extended is returned as it is. `files` say where the text is now, if it has been moved; a text that has
    changed is only accepted with `changed_text`. The run goes on with its logs, and those of `log` in addition. The
    rest is as in `train`.

    Raises RunError if there is no such run, and CorpusError if its text is missing or has changed.
    """
    from charlstm.training.resume import ResumeRequest, resume_run

    lengths = {"epochs": epochs, "max_time": max_time, "evaluate_every": evaluate_every}
    interruption = Interruption()
    request = ResumeRequest(
        folder=find_run(None if run is None else os.fspath(run)),
        overrides=Overrides(check_settings(lengths, TrainingSettings)),
        texts=None if files is None else file_names(files, None),
        changed_text=changed_text,
        checkpoint_every=checkpoint_every,
        logs=_names(log),
        interruption=interruption,
    )
    reporter = CallbackReporter(interruption=interruption, evaluated=on_evaluation, progressed=on_progress, stop=stop)
    with _signals_of_python():
        result = resume_run(request, reporter)
    return _complete(request.folder) if result is None else _ended(result)


def _names(log: str | Sequence[str]) -> tuple[str, ...]:
    return (log,) if isinstance(log, str) else tuple(log)


def _ended(result: "TrainingResult") -> TrainedRun:
    """Return how a run ended. A signal other than Ctrl-C is sent again, now that everything is saved."""
    if result.signal_number is not None:
        logger.warning("stopped after %.0f%%: `resume` continues %s", 100 * result.fraction_done, result.folder.path)
    if result.signal_number not in (None, signal.SIGINT):
        signal.raise_signal(result.signal_number)
    return TrainedRun(
        folder=result.folder.path,
        history=result.history,
        seconds=result.seconds,
        stopped_early=result.stopped_early,
        interrupted=result.signal_number is not None,
        _model=result.model,
    )


def _complete(folder: RunFolder) -> TrainedRun:
    """Return a run that was complete already."""
    checkpoint, _ = load_checkpoint(folder)
    history = History.from_json(checkpoint.metadata["history"])
    return TrainedRun(
        folder=folder.path,
        history=tuple(history.evaluations),
        seconds=history.seconds,
        stopped_early=history.evaluations_since_best >= checkpoint.metadata["training"]["patience"],
        interrupted=False,
        _model=load_model(folder.model),
    )


@contextmanager
def _signals_of_python() -> Iterator[None]:
    """Raise KeyboardInterrupt, as programs expect, where Ctrl-C ends the command at once by SystemExit."""
    try:
        yield
    except SystemExit as stop:
        if stop.code == exit_code(signal.SIGINT):
            raise KeyboardInterrupt from stop
        raise
