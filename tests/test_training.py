"""Training on small texts, in TensorFlow."""

import json
from pathlib import Path

import numpy as np
import pytest

from charlstm.batching import split_for_validation
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.corpus import Corpus
from charlstm.evaluation import evaluation_streams, score_text
from charlstm.modelfile import load_model
from charlstm.runfolder import RunFolder
from charlstm.stepper import Stepper
from charlstm.vocabulary import Vocabulary

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 60
SMALL = ModelConfig(num_layers=2, units=24, embedding_dim=8)
SHORT = TrainingConfig(epochs=12, batch_size=4, sequence_length=20, learning_rate=0.02, dropout=0.1, patience=99)


class Recorder:
    def __init__(self):
        self.steps, self.evaluations = [], []

    def on_step(self, progress):
        self.steps.append(progress)

    def on_evaluation(self, evaluation):
        self.evaluations.append(evaluation)


def training(folder: Path, config: TrainingConfig = SHORT, text: str = TEXT):
    from charlstm.training import Training

    vocabulary = Vocabulary.of(text)
    dataset = split_for_validation(
        vocabulary.encode(text), validation=config.validation, sequence_length=config.sequence_length
    )
    run = RunFolder(folder)
    run.create()
    return Training(Corpus("cats", text, ("cats.txt",)), vocabulary, dataset, SMALL, config, run)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    recorder = Recorder()
    job = training(tmp_path_factory.mktemp("runs") / "cats")
    return job, job.go(recorder), recorder


def test_it_learns_to_foretell_the_text(trained):
    _, result, _ = trained
    assert result.best.validation.nats_per_character < 0.2
    assert result.best.validation.accuracy > 0.9


def test_the_run_folder_holds_everything(trained):
    job, result, recorder = trained
    history = [json.loads(line) for line in job.run.history.read_text().splitlines()]
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
    settings = json.loads(job.run.config.read_text())
    assert settings["model"] == SMALL.to_json()
    assert settings["training"] == SHORT.to_json()
    assert job.run.samples.read_text().count("--- step") == len(history)
    assert job.run.checkpoint.exists()
    assert job.run.previous_checkpoint.exists()
    assert {path.name for path in job.run.path.iterdir()} == {path.name for path in job.run.files}


def test_the_saved_model_is_the_best_and_scores_what_it_says(trained):
    job, result, _ = trained
    model = load_model(job.run.model)
    assert model.training["step"] == result.best.step
    assert model.training["text"] == "cats"
    stepper = Stepper(model)
    ids = model.vocabulary.encode(TEXT)
    validation = split_for_validation(ids, validation=0.1, sequence_length=20).validation
    *_, scores = score_text(stepper.read, stepper.initial_states(), validation)
    assert scores.nats_per_character == pytest.approx(model.training["validation"]["nats_per_character"], abs=1e-4)


def test_every_step_is_reported(trained):
    _, _, recorder = trained
    assert [progress.step for progress in recorder.steps] == list(range(1, len(recorder.steps) + 1))
    assert recorder.steps[-1].done == 1


def test_the_same_seed_gives_the_same_model_to_the_byte(tmp_path):
    config = TrainingConfig(epochs=1, batch_size=4, sequence_length=20)
    for name in "ab":
        training(tmp_path / name, config).go(Recorder())
    assert RunFolder(tmp_path / "a").model.read_bytes() == RunFolder(tmp_path / "b").model.read_bytes()


def test_patience_ends_a_training_that_gets_no_better(tmp_path):
    noise = "".join(np.random.default_rng(0).choice(list("abcdefghij"), 900))
    config = TrainingConfig(epochs=200, batch_size=4, sequence_length=20, patience=2, learning_rate=0.02, dropout=0)
    result = training(tmp_path / "noise", config, noise).go(Recorder())
    assert result.stopped_early


def test_max_time_is_kept(tmp_path):
    config = TrainingConfig(epochs=None, max_time=4, batch_size=4, sequence_length=20)
    result = training(tmp_path / "timed", config).go(Recorder())
    assert 3 < result.seconds < 7


def test_scores_in_streams_are_those_of_the_carried_state(trained):
    job, _, _ = trained
    ids = job.vocabulary.encode(TEXT)
    scores = job.learner.evaluate(evaluation_streams(ids, lead_in=100))
    from charlstm.modelfile import Model

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
