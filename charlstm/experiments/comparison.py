"""Train networks of several cells under equal conditions; runs that are finished are not repeated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from charlstm.config import ModelConfig
from charlstm.errors import TrainingError
from charlstm.experiments.files import remove_comparison, results_to_json, run_folder, write_results
from charlstm.experiments.final_test import FinalTest, report_test
from charlstm.experiments.matching import match_parameter_count
from charlstm.experiments.outcomes import Outcome, summarize
from charlstm.experiments.plan import ComparisonPlan, ComparisonRequest, describe_budget, extend_plan, new_plan
from charlstm.network.backend import free_networks, tensorflow_memory_errors
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.lock import is_owner
from charlstm.storage.run_folder import RunFolder
from charlstm.text.corpus_encoding import encode_text
from charlstm.text.part_reader import PartReader
from charlstm.text.validation_split import default_validation_split
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.checkpoint_checks import read_checked_arrays
from charlstm.training.history import History
from charlstm.training.interruption import Interruption
from charlstm.training.logs.registry import check_logs
from charlstm.training.overrides import Overrides
from charlstm.training.part_overlap import overlap_warnings
from charlstm.training.reporting import StartupReporter, TrainingReporter
from charlstm.training.startup import created_folder, locked_run, tensorflow_ready
from charlstm.training.training_data import TrainingData, own_validation_settings, split_text, splitting_config


class ComparisonReporter(StartupReporter, TrainingReporter, Protocol):
    """Receives the progress of a comparison and of the run that is training now."""

    def on_budget(self, budget: str) -> None:
        """Receive what all runs have the same amount of, in words."""
        ...

    def on_run_start(self, cell: str, repeat: int, number: int) -> None:
        """Receive which run starts; its number counts from 1, and counts requested runs that were finished earlier."""
        ...

    def on_outcomes(self, outcomes: list[Outcome]) -> None:
        """Receive all outcomes so far, the newest last."""
        ...


@dataclass(frozen=True)
class ComparisonResult:
    """The outcomes of a comparison, and the signal that interrupted it, if any."""

    plan: ComparisonPlan
    budget: str  # what all runs had the same amount of, in words
    outcomes: list[Outcome]
    signal_number: int | None
    test: FinalTest | None = None  # of the best run of the best cell; None: there is no test part, or no end yet

    def to_json(self) -> dict[str, Any]:
        return results_to_json(self.plan, self.outcomes, self.test)


def run_comparison(request: ComparisonRequest, reporter: ComparisonReporter) -> ComparisonResult:
    """Train each cell as often as requested, unless that was done earlier, and write the results after each run.

    An interrupted comparison is continued by the same request. Raises CharLSTMError for everything the user can fix;
    an earlier comparison is only removed once everything that can fail has succeeded.
    """
    request = replace(request, logs=check_logs(request.logs))
    data = _load_data(request, reporter)
    if "validation" in data.parts:
        request = replace(request, overrides=Overrides(dict(request.overrides.explicit) | data.split_settings))
    folder = RunFolder(request.folder)
    with created_folder(folder), locked_run(folder, reporter) as interruption:
        plan = _prepare_plan(request, data, reporter)
        data = replace(data, dataset=split_text(data.corpus.ids, data.vocabulary, plan.training))
        for warning in filter(None, [data.validation_warning(plan.training), *overlap_warnings(data)]):
            reporter.on_warning(warning)
        budget = describe_budget(plan, len(data.dataset.training))
        reporter.on_budget(budget)
        comparison = _Comparison(request, plan, data, reporter, interruption)
        outcomes = comparison.earlier_outcomes()
        for outcome in comparison.requested_outcomes():
            outcomes[outcome.cell, outcome.repeat] = outcome
            write_results(request.folder, plan, list(outcomes.values()))
            reporter.on_outcomes(list(outcomes.values()))
        test = None
        if plan.test_sha256 and interruption.signal_number is None and outcomes:
            test = report_test(_winner(request.folder, list(outcomes.values())))
            write_results(request.folder, plan, list(outcomes.values()), test)
    return ComparisonResult(plan, budget, list(outcomes.values()), interruption.signal_number, test)


def _winner(folder: Path, outcomes: list[Outcome]) -> RunFolder:
    """Return the best run of the best cell, by their validation losses."""
    cell = summarize(outcomes)[0].cell
    best = min((outcome for outcome in outcomes if outcome.cell == cell), key=lambda outcome: outcome.bits)
    return run_folder(folder, cell, best.repeat)


def _load_data(request: ComparisonRequest, reporter: StartupReporter) -> TrainingData:
    reading = request.decoding
    request.parts.check_settings(request.overrides.settings)
    reader = PartReader(request.texts, reading, own_run=request.folder, on_message=reporter.on_message)
    divided = reader.divide(request.parts)
    corpus = divided.corpus
    vocabulary = Vocabulary(corpus.characters, reading.lowercase, normalize=reading.normalize)
    encoded = encode_text(corpus, vocabulary, unknown="error")
    settings = request.overrides.settings | own_validation_settings(divided, encoded, vocabulary)
    config = splitting_config(settings, default_validation_split(encoded.ids, vocabulary))
    return TrainingData(corpus, vocabulary, split_text(encoded.ids, vocabulary, config), reading, divided=divided)


def _prepare_plan(request: ComparisonRequest, data: TrainingData, reporter: StartupReporter) -> ComparisonPlan:
    """Return the plan of the comparison that was started in this folder, extended by the request, or a new plan.

    Raises RunError if the request does not fit the plan, and SettingError for a cell that cannot match the LSTM's
    number of parameters. Nothing is removed or written before that.
    """
    existing = ComparisonPlan.load(request.folder)
    if existing and not request.overwrite:
        num_characters, test_sha256 = len(data.dataset.training), data.test_sha256
        plan = extend_plan(existing, request, data.corpus.digest, num_characters, test_sha256=test_sha256)
    else:
        plan = new_plan(request, data, reporter)
    for cell in request.cells:
        match_parameter_count(plan.model, cell, len(data.vocabulary))
    if existing and request.overwrite:
        remove_comparison(request.folder, existing)
    plan.save(request.folder)
    return plan


class _Comparison:
    """The runs of one comparison."""

    def __init__(
        self,
        request: ComparisonRequest,
        plan: ComparisonPlan,
        data: TrainingData,
        reporter: ComparisonReporter,
        interruption: Interruption,
    ) -> None:
        self._request, self._plan, self._data = request, plan, data
        self._reporter, self._interruption = reporter, interruption

    def earlier_outcomes(self) -> dict[tuple[str, int], Outcome]:
        """Return the outcomes of finished runs that were requested earlier and are not requested now."""
        outcomes = {}
        for repeat in range(self._plan.num_repeats):
            for cell in self._plan.cells:
                run = run_folder(self._request.folder, cell, repeat)
                is_requested = cell in self._request.cells and repeat < self._request.num_repeats
                if is_requested or not run.has_checkpoint:
                    continue
                history = History.from_json(load_checkpoint(run, read=read_checked_arrays)[0].metadata["history"])
                if history.finished and history.evaluations:
                    outcomes[cell, repeat] = self._outcome(history, self._model_config(cell), repeat)
        return outcomes

    def requested_outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome of each requested run, repeat by repeat, until a signal comes."""
        runs = product(range(self._request.num_repeats), self._request.cells)
        for number, (repeat, cell) in enumerate(runs, start=1):
            outcome = self._finish_run(cell, repeat, number)
            if self._interruption.signal_number is not None:
                return
            if outcome:
                yield outcome

    def _finish_run(self, cell: str, repeat: int, number: int) -> Outcome | None:
        """Return the outcome of a run, which is trained now unless it is finished; None if it has none."""
        folder, model_config = run_folder(self._request.folder, cell, repeat), self._model_config(cell)
        checkpoint = None
        if folder.has_checkpoint:
            checkpoint, warning = load_checkpoint(folder, read=read_checked_arrays)
            if warning:
                self._reporter.on_warning(warning)
        history = History.from_json(checkpoint.metadata["history"]) if checkpoint else History()
        if not history.finished:
            self._reporter.on_run_start(cell, repeat, number)
            config = replace(self._plan.training, random_seed=self._plan.training.random_seed + repeat)
            with tensorflow_ready(self._reporter, precision=config.precision, cells=[cell]):
                from charlstm.training.loop import TrainingRun
                from charlstm.training.throughput import measure_step_time

                free_networks()  # of the previous run
            self._check_folder()
            folder.create()
            dataset = split_text(self._data.corpus.ids, self._data.vocabulary, config)
            data = replace(self._data, dataset=dataset)
            run = TrainingRun(data, model_config, config, folder, checkpoint=checkpoint)
            self._interruption.stops_gracefully = True
            try:
                with tensorflow_memory_errors():
                    # builds the graph before the time of the run begins: some cells take seconds for that
                    measure_step_time(run.trainer, run.streams.batch(history.step))
                    logs, log_folder = self._request.logs, RunFolder(self._request.folder).logs
                    run.run(self._reporter, self._interruption, logs=logs, log_folder=log_folder)
            except TrainingError as error:
                self._check_folder()
                self._reporter.on_warning(f"{cell}: {error}")
                return None
            history = run.history
        return self._outcome(history, model_config, repeat) if history.evaluations else None

    def _check_folder(self) -> None:
        """Raise TrainingError if the folder is no longer the one that was locked."""
        if not is_owner(self._request.folder):
            raise TrainingError(
                f"{self._request.folder} was removed or replaced while cells were compared", hint="compare again"
            )

    def _model_config(self, cell: str) -> ModelConfig:
        return match_parameter_count(self._plan.model, cell, len(self._data.vocabulary))

    def _outcome(self, history: History, model_config: ModelConfig, repeat: int) -> Outcome:
        return Outcome.from_history(
            history,
            model_config,
            repeat=repeat,
            vocabulary_size=len(self._data.vocabulary),
            characters_per_epoch=len(self._data.dataset.training),
        )
