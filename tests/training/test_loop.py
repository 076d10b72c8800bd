"""TrainingRun on small texts, in TensorFlow."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.evaluation import evaluation_streams, score_text
from charlstm.cells.registry import CELLS
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import TrainingError
from charlstm.generation.stepper import Stepper
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.finetuning import grown_vocabulary
from charlstm.training.interruption import Interruption
from charlstm.training.schedule import STEPS_AT_ONCE

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 60
SMALL = ModelConfig(num_layers=2, units=24, embedding_dim=8)
SHORT = TrainingConfig(epochs=12, batch_size=4, sequence_length=20, learning_rate=0.02, dropout=0.1, patience=99)


class Recorder:
    def __init__(self):
        self.steps, self.evaluations, self.troubles = [], [], []

    def on_warning(self, message):
        self.troubles.append(message)

    def on_step(self, progress):
        self.steps.append(progress)

    def on_evaluation(self, evaluation):
        self.evaluations.append(evaluation)


def corpus_of(folder: Path, text: str):
    path = folder.with_name("cats.txt")
    path.write_text(text)
    return load_corpus([path])


def training(
    folder: Path, config: TrainingConfig = SHORT, text: str = TEXT, model_config: ModelConfig = SMALL, **settings
):
    from charlstm.training.loop import TrainingRun

    corpus = corpus_of(folder, text)
    vocabulary = Vocabulary.from_text(text)
    dataset = split_for_validation(
        vocabulary.encode(text), validation=config.validation, sequence_length=config.sequence_length
    )
    run = RunFolder(folder)
    run.create()
    return TrainingRun(corpus, vocabulary, dataset, model_config, config, run, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    recorder = Recorder()
    job = training(tmp_path_factory.mktemp("runs") / "cats")
    return job, job.run(recorder), recorder


def test_it_learns_to_foretell_the_text(trained):
    _, result, _ = trained
    assert result.best.validation.nats_per_character < 0.2
    assert result.best.validation.accuracy > 0.9


def test_the_run_folder_holds_everything(trained):
    job, result, recorder = trained
    history = [json.loads(line) for line in job.folder.history.read_text().splitlines()]
    assert len(history) == len(recorder.evaluations)
    assert list(history[0]) == [
        "step",
        "epoch",
        "seconds",
        "train_nats",
        "validation_nats",
        "characters_per_second",
        "learning_rate",
    ]
    assert [entry["step"] for entry in history] == sorted({entry["step"] for entry in history})
    assert min(entry["validation_nats"] for entry in history) == result.best.validation.nats_per_character
    settings = json.loads(job.folder.config.read_text())
    assert settings["model"] == SMALL.to_json()
    assert settings["training"] == SHORT.to_json()
    assert job.folder.samples.read_text().count("--- step") == len(history)
    assert job.folder.checkpoint.exists()
    assert job.folder.previous_checkpoint.exists()
    expected = {path.name for path in job.folder.files} - {
        path.name for path in (job.folder.damaged_checkpoint, job.folder.text, job.folder.index)
    }
    assert {path.name for path in job.folder.path.iterdir()} == expected


def test_the_saved_model_is_the_best_and_scores_what_it_says(trained):
    job, result, _ = trained
    model = load_model(job.folder.model)
    assert model.training["step"] == result.best.step
    assert model.training["text"] == "cats"
    stepper = Stepper(model)
    ids = model.vocabulary.encode(TEXT)
    validation = split_for_validation(ids, validation=0.1, sequence_length=20).validation
    *_, scores = score_text(stepper.read, stepper.initial_states(), validation)
    assert scores.nats_per_character == pytest.approx(model.training["validation"]["nats_per_character"], abs=1e-4)


def test_progress_is_reported_every_few_steps(trained):
    _, _, recorder = trained
    steps = np.array([progress.step for progress in recorder.steps])
    assert steps[0] == 1
    assert np.diff(steps).min() >= 1
    assert 1 < np.diff(steps).max() <= STEPS_AT_ONCE
    assert recorder.steps[-1].done == 1


def test_the_same_seed_gives_the_same_model_to_the_byte(tmp_path):
    config = TrainingConfig(epochs=1, batch_size=4, sequence_length=20)
    for name in "ab":
        training(tmp_path / name, config).run(Recorder())
    assert RunFolder(tmp_path / "a").model.read_bytes() == RunFolder(tmp_path / "b").model.read_bytes()


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    noise = "".join(np.random.default_rng(0).choice(list("abcdefghij"), 900))
    config = TrainingConfig(epochs=200, batch_size=4, sequence_length=20, patience=2, learning_rate=0.02, dropout=0)
    result = training(tmp_path / "noise", config, noise).run(Recorder())
    assert result.stopped_early


def test_max_time_is_kept(tmp_path):
    config = TrainingConfig(epochs=None, max_time=4, batch_size=4, sequence_length=20)
    result = training(tmp_path / "timed", config).run(Recorder())
    assert 3 < result.seconds < 7


def test_scores_in_streams_are_those_of_the_carried_state(trained):
    job, _, _ = trained
    ids = job.vocabulary.encode(TEXT)
    scores = job.learner.evaluate(evaluation_streams(ids, warmup=100))
    from charlstm.storage.model_file import Model

    stepper = Stepper(Model(SMALL, job.vocabulary, job.learner.network.get_named_weights(), {}))
    *_, expected = score_text(stepper.read, stepper.initial_states(), ids)
    assert scores.characters == expected.characters
    assert scores.nats_per_character == pytest.approx(expected.nats_per_character, abs=1e-4)


def test_a_command_trains_and_the_model_writes(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    small = ["--units", 8, "--layers", 1, "--epochs", 1, "--batch-size", 4, "--sequence-length", 20]
    code, out, err = charlstm("train", "cats.txt", "--lowercase", *small)
    assert (code, out) == (0, "")
    assert "charlstm generate runs/cats" in err
    assert sum(line.startswith("step ") for line in err.splitlines()) > 1
    code, out, _ = charlstm("generate", "--seed", "The Cat", "--length", 20)
    assert (code, out[:7], len(out)) == (0, "The Cat", 27)
    code, out, err = charlstm("train", "cats.txt", "--overwrite", "--quiet", *small)
    assert (code, out, err) == (0, "", "")


class Stopper(Recorder):
    """Asks to stop after some reports, as a signal would."""

    def __init__(self, interruption, after):
        super().__init__()
        self.interruption, self.after = interruption, after

    def on_step(self, progress):
        super().on_step(progress)
        if len(self.steps) == self.after:
            self.interruption.signal_number = 15


MEDIUM = replace(SHORT, epochs=3, recurrent_dropout=0.2)
WALL_CLOCK = ("seconds", "characters_per_second")


def without_clock(run):
    lines = [json.loads(line) for line in run.history.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in WALL_CLOCK} for line in lines]


def resumed(folder, config, text=TEXT):
    checkpoint, trouble = load_checkpoint(RunFolder(folder))
    assert trouble == ""
    return training(folder, config, text, checkpoint=checkpoint)


def test_a_training_stopped_again_and_again_ends_as_if_it_had_not_been(tmp_path):
    training(tmp_path / "whole", MEDIUM).run(Recorder())
    training(tmp_path / "parts", MEDIUM).run(Stopper(stop := Interruption(), 5), stop)
    for reports in (1, 2, 4):
        stop = Interruption()
        assert resumed(tmp_path / "parts", MEDIUM).run(Stopper(stop, reports), stop).interrupted
    result = resumed(tmp_path / "parts", MEDIUM).run(Recorder())
    assert not result.interrupted
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    assert parts.model.read_bytes() == whole.model.read_bytes()
    assert parts.samples.read_bytes() == whole.samples.read_bytes()
    assert without_clock(parts) == without_clock(whole)
    ends = [load_checkpoint(run)[0] for run in (whole, parts)]
    assert all(np.array_equal(array, ends[1].arrays[name]) for name, array in ends[0].arrays.items())


def test_how_often_it_is_evaluated_changes_nothing_in_the_weights(tmp_path):
    for every in (7, 40):
        training(tmp_path / str(every), replace(MEDIUM, evaluate_every=every)).run(Recorder())
    seldom, often = (load_checkpoint(RunFolder(tmp_path / every))[0].arrays for every in ("40", "7"))
    assert all(np.array_equal(array, often[name]) for name, array in seldom.items() if not name.startswith("best/"))
    steps = [line["step"] for line in without_clock(RunFolder(tmp_path / "40"))]
    assert steps[:2] == [40, 80]


def test_a_longer_plan_trains_on_and_the_same_plan_does_not(tmp_path):
    training(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
    model = RunFolder(tmp_path / "run").model.read_bytes()
    resumed(tmp_path / "run", replace(SHORT, epochs=1)).run(recorder := Recorder())
    assert recorder.steps == []
    assert RunFolder(tmp_path / "run").model.read_bytes() == model
    resumed(tmp_path / "run", replace(SHORT, epochs=2)).run(recorder := Recorder())
    assert recorder.steps[0].epoch > 1
    assert recorder.steps[-1].epoch == pytest.approx(2, abs=0.1)


def test_a_lost_model_file_is_written_again_on_resume(tmp_path):
    training(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
    run = RunFolder(tmp_path / "run")
    model = run.model.read_bytes()
    for damage in (run.model.unlink, lambda: run.model.write_bytes(model[:-9])):
        damage()
        resumed(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
        assert run.model.read_bytes() == model


def test_a_loss_that_explodes_goes_back_and_lower(tmp_path):
    job = training(tmp_path / "run", replace(SHORT, epochs=3))
    learn = job.learner.train_steps

    def explode_once(batches, *, step, learning_rates):
        losses = learn(batches, step=step, learning_rates=learning_rates)
        return np.where(np.arange(step, step + len(losses)) == 50, np.nan, losses)

    job.learner.train_steps = explode_once
    result = job.run(recorder := Recorder())
    assert len(recorder.troubles) == 1
    assert "exploded at step 51" in recorder.troubles[0]
    assert job.history.learning_rate_scale == 0.5
    assert np.isfinite(result.best.validation.nats_per_character)


def test_a_loss_that_keeps_exploding_is_given_up_with_advice(tmp_path):
    job = training(tmp_path / "run", replace(SHORT, learning_rate=1000.0))
    with pytest.raises(TrainingError, match="diverged") as caught:
        job.run(recorder := Recorder())
    assert len(recorder.troubles) == 3
    assert "--learning-rate" in caught.value.hint
    if job.folder.model.exists():
        assert np.isfinite(load_model(job.folder.model).training["validation"]["nats_per_character"])


def test_a_full_disk_is_told_and_written_to_again_when_there_is_room(tmp_path, monkeypatch):
    job = training(tmp_path / "run", replace(SHORT, epochs=2))
    monkeypatch.setattr("charlstm.training.run_writer.TRY_AGAIN_AFTER", 0.01)
    fsync = os.fsync
    full: list[bool] = []

    def fill(descriptor):
        if full:
            full.pop()
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    class Filler(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 20:
                full.extend([True] * 8)

    monkeypatch.setattr(os, "fsync", fill)
    job.run(filler := Filler())
    assert "No space left" in filler.troubles[0]
    assert len(filler.troubles) == 8
    assert load_model(job.folder.model).training["step"] == job.history.best.step
    assert load_checkpoint(job.folder)[0].metadata["history"]["finished"]


def test_a_run_folder_that_vanishes_is_made_again(tmp_path):
    class Vandal(Recorder):
        def on_evaluation(self, evaluation):
            super().on_evaluation(evaluation)
            if len(self.evaluations) == 3:
                shutil.rmtree(tmp_path / "run")

    job = training(tmp_path / "run", replace(SHORT, epochs=1))
    job.run(vandal := Vandal())
    assert vandal.troubles
    assert load_model(job.folder.model).training["step"] == job.history.best.step


def test_a_training_can_start_from_a_model_of_another_alphabet(tmp_path, trained):
    start = load_model(trained[0].folder.model)
    new = TEXT.replace("cat", "gnu")[:1500]
    vocabulary = grown_vocabulary(start, new)
    dataset = split_for_validation(vocabulary.encode(new), validation=0.1, sequence_length=20)
    from charlstm.training.loop import TrainingRun

    run = RunFolder(tmp_path / "gnus")
    run.create()
    corpus = corpus_of(tmp_path, new)
    config = replace(SHORT, epochs=3, learning_rate=0.005)
    TrainingRun(corpus, vocabulary, dataset, SMALL, config, run, start=start).run(recorder := Recorder())
    assert set(vocabulary.characters) == set(TEXT) | set(new)
    assert recorder.evaluations[0].train_nats < trained[2].evaluations[0].train_nats / 2


class StopAt(Recorder):
    """A user who presses Ctrl-C at some step; the first after an evaluation is sure to be reported."""

    def __init__(self, step, interruption):
        super().__init__()
        self.step, self.interruption = step, interruption

    def on_step(self, progress):
        if progress.step == self.step:
            self.interruption.signal_number = 2


DEEP = ("depth-gated", "grid")
NETWORKS = [{"cell": cell, "num_layers": 2 if cell in DEEP else 1} for cell in CELLS if cell != "lstm"] + [
    {"attention": 5, "num_layers": 1},
    {"num_layers": 1, "embedding_dim": 1, "encoding": "integer", "window": 7, "residual": False},
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_network_learns_and_goes_on_exactly_where_it_was_stopped(tmp_path, network):
    """In the second run everything that the first step does is thrown away but its checkpoint."""
    shape = replace(SMALL, units=16, **network)
    config = replace(  # seven is not unrolled, so that the graph is built soon
        SHORT, epochs=0.02 if shape.window else 0.15, sequence_length=7, recurrent_dropout=0.1, evaluate_every=5
    )
    whole = training(tmp_path / "whole", config, model_config=shape)
    whole.run(Recorder())
    stopped = training(tmp_path / "stopped", config, model_config=shape)
    interruption = Interruption()
    assert stopped.run(StopAt(6, interruption), interruption).interrupted
    checkpoint, _ = load_checkpoint(stopped.folder)
    training(tmp_path / "stopped", config, model_config=shape, checkpoint=checkpoint).run(Recorder())
    assert stopped.folder.model.read_bytes() == whole.folder.model.read_bytes()
    losses = [evaluation.validation.nats_per_character for evaluation in whole.history.evaluations]
    assert losses[-1] < losses[0] < 4
    assert whole.history.first_nats == pytest.approx(np.log(len(whole.vocabulary)), abs=1.0)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_learning_rate_follows_the_schedule(tmp_path, schedule):
    recorder = Recorder()
    training(tmp_path / "run", replace(SHORT, epochs=2, schedule=schedule)).run(recorder)
    rates = [evaluation.learning_rate for evaluation in recorder.evaluations]
    late = rates[-3] / 0.02  # of the highest
    assert {"linear": 0.02 < late < 0.2, "cosine": late < 0.06, "constant": late == 1}[schedule]
