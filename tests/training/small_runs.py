"""Runs of small networks on a small text, and reporters that record or stop them."""

from dataclasses import replace
from pathlib import Path

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.training_data import TrainingData

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 60
SMALL = ModelConfig(num_layers=2, units=24, embedding_dim=8)
SHORT = TrainingConfig(epochs=12, batch_size=4, sequence_length=20, learning_rate=0.02, dropout=0.1, patience=99)
MEDIUM = replace(SHORT, epochs=3, recurrent_dropout=0.2)


class Recorder:
    """Records everything that a run reports."""

    def __init__(self):
        self.steps, self.evaluations, self.warnings, self.evaluation_starts = [], [], [], []

    def on_warning(self, message):
        self.warnings.append(message)

    def on_step(self, progress):
        self.steps.append(progress)

    def on_evaluation_start(self):
        self.evaluation_starts.append(len(self.evaluations))

    def on_evaluation(self, evaluation):
        self.evaluations.append(evaluation)


class StopAfterReports(Recorder):
    """Interrupts the run after some reports of progress, as a signal would."""

    def __init__(self, interruption, num_reports):
        super().__init__()
        self.interruption, self.num_reports = interruption, num_reports

    def on_step(self, progress):
        super().on_step(progress)
        if len(self.steps) == self.num_reports:
            self.interruption.signal_number = 15


class StopAtStep(Recorder):
    """Interrupts the run at one step; the first step after an evaluation is always reported."""

    def __init__(self, interruption, step):
        super().__init__()
        self.interruption, self.step = interruption, step

    def on_step(self, progress):
        if progress.step == self.step:
            self.interruption.signal_number = 2


def load_text(folder: Path, text: str):
    path = folder.with_name("cats.txt")
    path.write_text(text)
    return load_corpus([path])


def make_run(
    folder: Path, config: TrainingConfig = SHORT, text: str = TEXT, model_config: ModelConfig = SMALL, **start
):
    """A run on the text, which `start` continues from a checkpoint or a model."""
    from charlstm.training.loop import TrainingRun

    corpus = load_text(folder, text)
    vocabulary = Vocabulary.from_text(text)
    dataset = split_for_validation(
        vocabulary.encode(text), validation=config.validation, sequence_length=config.sequence_length
    )
    run_folder = RunFolder(folder)
    run_folder.create()
    return TrainingRun(TrainingData(corpus, vocabulary, dataset), model_config, config, run_folder, **start)


def resume_run(folder: Path, config: TrainingConfig, text: str = TEXT):
    checkpoint, warning = load_checkpoint(RunFolder(folder))
    assert warning == ""
    return make_run(folder, config, text, checkpoint=checkpoint)
