"""What a run learns, reports and leaves in its folder."""

import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.evaluation import CharacterLosses, score_text
from charlstm.analysis.evaluation_streams import evaluation_streams
from charlstm.config import TrainingConfig
from charlstm.errors import TrainingError
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model, load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import split_for_validation
from charlstm.training.clock import TrainingClock
from charlstm.training.finetuning import extend_vocabulary
from charlstm.training.schedule import MAX_STEPS_PER_CALL
from charlstm.training.training_data import TrainingData
from tests.training.small_runs import SHORT, SMALL, TEXT, Recorder, load_text, make_run, resume_run

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    recorder = Recorder()
    run = make_run(tmp_path_factory.mktemp("runs") / "cats")
    return run, run.run(recorder), recorder


def test_it_learns_to_predict_the_text(trained):
    _, result, _ = trained
    assert result.best.validation.nats_per_character < 0.2
    assert result.best.validation.accuracy > 0.9


def test_the_run_folder_holds_everything(trained):
    run, result, recorder = trained
    history = [json.loads(line) for line in run.folder.history.read_text().splitlines()]
    assert len(history) == len(recorder.evaluations)
    assert recorder.evaluation_starts == [*range(len(recorder.evaluations))]
    assert list(history[0]) == [
        "step",
        "epoch",
        "seconds",
        "train_nats",
        "validation_nats",
        "characters_per_second",
        "learning_rate",
        "gradient_norm",
        "logit_scale",
        "network",
    ]
    assert [entry["step"] for entry in history] == sorted({entry["step"] for entry in history})
    assert min(entry["validation_nats"] for entry in history) == result.best.validation.nats_per_character
    settings = json.loads(run.folder.config.read_text())
    assert settings["model"] == SMALL.to_json()
    assert settings["training"] == SHORT.to_json()
    assert run.folder.samples.read_text().count("--- step") == len(history)
    assert run.folder.checkpoint.exists()
    assert run.folder.previous_checkpoint.exists()
    folder = run.folder
    logs = (folder.csv_log, folder.event_file)
    absent = (folder.damaged_checkpoint, folder.text, folder.index, folder.ensemble, *logs)
    expected = {path.name for path in folder.files} - {path.name for path in absent}
    assert {path.name for path in run.folder.path.iterdir()} == expected


def test_the_saved_model_is_the_best_and_its_metadata_is_true(trained):
    run, result, _ = trained
    model = load_model(run.folder.model)
    assert model.training["step"] == result.best.step
    assert model.training["text"] == "cats"
    stepper = Stepper(model)
    ids = model.vocabulary.encode(TEXT)
    validation = split_for_validation(ids, validation=0.1, sequence_length=20).validation
    scores = CharacterLosses.join(score_text(stepper.read, stepper.initial_states(), validation)).scores
    assert scores.nats_per_character == pytest.approx(model.training["validation"]["nats_per_character"], abs=1e-4)


def test_progress_is_reported_every_few_steps(trained):
    _, _, recorder = trained
    steps = np.array([progress.step for progress in recorder.steps])
    assert steps[0] == 1
    assert np.diff(steps).min() >= 1
    assert 1 < np.diff(steps).max() <= MAX_STEPS_PER_CALL
    assert recorder.steps[-1].fraction_done == 1


def test_scores_in_streams_are_those_of_a_carried_state(trained):
    run, _, _ = trained
    ids = run.data.vocabulary.encode(TEXT)
    scores, _ = run.trainer.evaluate(evaluation_streams(ids, warmup=100))
    stepper = Stepper(Model(SMALL, run.data.vocabulary, run.trainer.network.get_named_weights(), {}))
    expected = CharacterLosses.join(score_text(stepper.read, stepper.initial_states(), ids)).scores
    assert scores.characters == expected.characters
    assert scores.nats_per_character == pytest.approx(expected.nats_per_character, abs=1e-4)


def test_a_run_can_start_from_a_model_with_another_alphabet(tmp_path, trained):
    model = load_model(trained[0].folder.model)
    text = TEXT.replace("cat", "gnu")[:1500]
    vocabulary = extend_vocabulary(model, text)
    dataset = split_for_validation(vocabulary.encode(text), validation=0.1, sequence_length=20)
    from charlstm.training.loop import TrainingRun

    folder = RunFolder(tmp_path / "gnus")
    folder.create()
    data = TrainingData(load_text(tmp_path, text), vocabulary, dataset)
    config = replace(SHORT, epochs=3, learning_rate=0.005)
    TrainingRun(data, SMALL, config, folder, start_from=model).run(recorder := Recorder())
    assert set(vocabulary.characters) == set(TEXT) | set(text)
    assert recorder.evaluations[0].train_nats < trained[2].evaluations[0].train_nats / 2


def test_the_same_seed_gives_the_same_model_to_the_byte(tmp_path):
    config = TrainingConfig(epochs=1, batch_size=4, sequence_length=20)
    for name in "ab":
        make_run(tmp_path / name, config).run(Recorder())
    assert RunFolder(tmp_path / "a").model.read_bytes() == RunFolder(tmp_path / "b").model.read_bytes()


def test_a_run_that_does_not_improve_stops_early(tmp_path):
    noise = "".join(np.random.default_rng(0).choice(list("abcdefghij"), 900))
    config = TrainingConfig(epochs=200, batch_size=4, sequence_length=20, patience=2, learning_rate=0.02, dropout=0)
    assert make_run(tmp_path / "noise", config, noise).run(Recorder()).stopped_early


class SlowClock:
    """A clock on which 20 ms pass each time that it is read, and that a test sets."""

    def __init__(self, monkeypatch):
        self.seconds = 0.0
        clock = partial(TrainingClock, now=self.read)
        monkeypatch.setattr("charlstm.training.loop.TrainingClock", clock)

    def read(self):
        self.seconds += 0.02
        return self.seconds


def test_a_run_takes_as_long_as_its_max_time(tmp_path, monkeypatch):
    SlowClock(monkeypatch)
    config = TrainingConfig(epochs=None, max_time=4, batch_size=4, sequence_length=20)
    assert 3 < make_run(tmp_path / "timed", config).run(Recorder()).seconds < 5


def test_a_run_takes_a_step_however_short_its_max_time(tmp_path):
    config = TrainingConfig(epochs=None, max_time=1e-9, batch_size=4, sequence_length=20)
    result = make_run(tmp_path / "timed", config).run(recorder := Recorder())
    assert result.best.step == result.fraction_done == 1
    assert 0 < recorder.evaluations[0].learning_rate < config.learning_rate


def test_the_time_for_which_a_run_is_stopped_does_not_count(tmp_path, monkeypatch):
    clock = SlowClock(monkeypatch)

    class Stopper(Recorder):
        def on_step(self, progress):
            super().on_step(progress)
            if len(self.steps) == 3:
                clock.seconds += 1000

    config = TrainingConfig(epochs=None, max_time=3, batch_size=4, sequence_length=20)
    result = make_run(tmp_path / "timed", config).run(recorder := Stopper())
    assert clock.seconds > 1000
    assert 2 < result.seconds < 4
    assert len(recorder.steps) > 10
    assert max(evaluation.seconds for evaluation in recorder.evaluations) < 4


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_learning_rate_follows_the_schedule(tmp_path, schedule):
    recorder = Recorder()
    make_run(tmp_path / "run", replace(SHORT, epochs=2, schedule=schedule)).run(recorder)
    rates = [evaluation.learning_rate for evaluation in recorder.evaluations]
    late = rates[-3] / 0.02  # of the peak
    assert {"linear": 0.02 < late < 0.2, "cosine": late < 0.06, "constant": late == 1}[schedule]


def test_a_loss_that_diverges_rolls_back_to_a_lower_learning_rate(tmp_path):
    run = make_run(tmp_path / "run", replace(SHORT, epochs=3))
    train_steps = run.trainer.train_steps

    def diverge_once(batches, *, step, **rates):
        losses, norms = train_steps(batches, step=step, **rates)
        return np.where(np.arange(step, step + len(losses)) == 50, np.nan, losses), norms

    run.trainer.train_steps = diverge_once
    result = run.run(recorder := Recorder())
    assert len(recorder.warnings) == 1
    assert "diverged at step 51" in recorder.warnings[0]
    assert run.history.learning_rate_scale == 0.5
    assert np.isfinite(result.best.validation.nats_per_character)


def test_a_run_that_keeps_diverging_is_given_up_with_advice(tmp_path):
    run = make_run(tmp_path / "run", replace(SHORT, learning_rate=1000.0))
    with pytest.raises(TrainingError, match="diverged") as caught:
        run.run(recorder := Recorder())
    assert len(recorder.warnings) == 3
    assert "`learning_rate`" in caught.value.hint
    if run.folder.model.exists():
        assert np.isfinite(load_model(run.folder.model).training["validation"]["nats_per_character"])


def test_the_command_trains_and_the_model_generates(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    small = ["--units", 8, "--layers", 1, "--epochs", 1, "--batch-size", 4, "--sequence-length", 20]
    code, out, err = charlstm("train", "cats.txt", "--lowercase", *small)
    assert (code, out) == (0, "")
    assert "charlstm generate runs/cats" in err
    assert sum(line.startswith("step ") for line in err.splitlines()) > 1
    code, out, _ = charlstm("generate", "--seed", "The Cat", "--length", 20)
    assert (code, out[:7], len(out)) == (0, "The Cat", 27)
    assert charlstm("train", "cats.txt", "--overwrite", "--quiet", *small) == (0, "", "")


def test_the_seconds_of_an_evaluation_include_the_time_that_it_took_to_score(tmp_path):
    run = make_run(tmp_path / "run", replace(SHORT, epochs=1))
    evaluate = run.trainer.evaluate

    def slowly(streams, *, logit_scale):
        time.sleep(0.5)
        return evaluate(streams, logit_scale=logit_scale)

    run.trainer.evaluate = slowly
    evaluations = run.run(Recorder()).history
    assert evaluations[-1].seconds >= 0.5 * len(evaluations)


class RecordsCosts(Recorder):
    """Records what an evaluation was thought to cost after each of them."""

    def __init__(self, history):
        super().__init__()
        self.history, self.costs = history, []

    def on_evaluation(self, evaluation):
        super().on_evaluation(evaluation)
        self.costs.append(self.history.evaluation_cost)


def test_the_first_evaluation_of_a_process_does_not_count_as_the_cost_of_one(tmp_path):
    run = make_run(tmp_path / "run", replace(SHORT, epochs=1))
    run.run(before := RecordsCosts(run.history))
    assert before.costs[0] == 0 < before.costs[1]
    run = resume_run(tmp_path / "run", replace(SHORT, epochs=2))
    run.run(after := RecordsCosts(run.history))
    assert after.costs[0] == before.costs[-1] != after.costs[1]
