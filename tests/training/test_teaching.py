"""The last network of a run learns what the networks before it predict."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from charlstm.config import MAX_PROBABILITIES, ModelConfig
from charlstm.errors import SettingError, TrainingError
from charlstm.generation.sampling import softmax
from charlstm.generation.stepper import make_stepper
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.run_folder import RunFolder
from charlstm.text.batches import Streams
from charlstm.text.vocabulary import Vocabulary
from charlstm.training import teacher_checks
from charlstm.training.clock import TrainingClock
from charlstm.training.history import History
from charlstm.training.interruption import Interruption
from charlstm.training.networks import Networks
from charlstm.training.pace import Pace
from charlstm.training.schedule import STUDENT_TIME, TrainingPlan, network_ends
from charlstm.training.soft_targets import SoftTargets
from charlstm.training.student import GENERATING, PREDICTING, Lesson, Student
from charlstm.training.teaching import average_predictions, generate_passages
from tests.conftest import random_model
from tests.training.small_runs import SHORT, SMALL, TEXT, Recorder, make_run, resume_run

WITH_TEACHERS = replace(SHORT, epochs=4, recurrent_dropout=0.1, teachers=2)


def on():
    """Go on, as a run does that nobody has interrupted."""
    return True


class StopFromStep(Recorder):
    """Interrupts the run at the first report from a step on."""

    def __init__(self, interruption, step):
        super().__init__()
        self.interruption, self.step = interruption, step

    def on_step(self, progress):
        if progress.step >= self.step:
            self.interruption.signal_number = 2


class StopWhileTeachersWork(Recorder):
    """Interrupts the run at one of the reports that come before the student's first step."""

    def __init__(self, interruption, report):
        super().__init__()
        self.interruption, self.report = interruption, report

    def on_step(self, progress):
        self.steps.append(progress)
        if len([step for step in self.steps if step.network == 3]) == self.report:
            assert progress.teachers_generate
            self.interruption.signal_number = 2


def assert_same_end(folder, whole_folder):
    assert folder.model.read_bytes() == whole_folder.model.read_bytes()
    ends = [load_checkpoint(one)[0] for one in (whole_folder, folder)]
    assert ends[0].arrays.keys() == ends[1].arrays.keys()
    assert all(np.array_equal(array, ends[1].arrays[name]) for name, array in ends[0].arrays.items())


def test_teachers_share_the_time_that_their_student_leaves():
    assert network_ends(0) == [1.0]
    assert network_ends(1) == [1 - STUDENT_TIME, 1.0]
    assert network_ends(2) == pytest.approx([(1 - STUDENT_TIME) / 2, 1 - STUDENT_TIME, 1.0])


def test_a_plan_up_to_a_fraction_ends_there():
    plan = TrainingPlan(num_steps=101, max_time=60.0).until(0.25)
    assert (plan.num_steps, plan.max_time) == (25, 15.0)
    assert TrainingPlan(num_steps=3, max_time=None).until(0.1).num_steps == 1


def test_predictions_are_the_mean_of_what_the_teachers_give_to_each_character():
    models = [random_model(num_layers=2, units=8, characters="abc", scale=scale) for scale in (0.1, 0.5)]
    steppers = [make_stepper(model) for model in models]
    ids = np.random.default_rng(0).integers(0, 3, 20_000)
    targets = average_predictions(steppers, ids, proceed=on)
    assert targets is not None
    predictions = targets.at(np.arange(20_000))

    expected = []
    for stepper in steppers:
        logits, _ = stepper.read(ids[None, :2000], stepper.initial_states())
        expected.append(softmax(logits[0]))
    # beyond the first stream, whose first characters follow on the end of the text
    np.testing.assert_allclose(predictions[500:2000], np.mean(expected, axis=0)[499:1999], rtol=0.05)


def test_models_generate_passages_as_they_would_alone():
    models = [random_model(num_layers=2, units=8, characters="abc\n", scale=scale) for scale in (0.1, 0.5)]
    steppers = [make_stepper(model) for model in models]
    ids = np.random.default_rng(0).integers(0, 4, 5000)

    def generated_with(random_seed, num_characters=20_000):
        passages = generate_passages(steppers, ids, num_characters, random_seed=random_seed, proceed=on)
        assert passages is not None
        return passages

    generated = generated_with(3)
    assert len(generated) == pytest.approx(20_000, rel=0.02)
    assert np.array_equal(generated, generated_with(3))
    assert not np.array_equal(generated, generated_with(4))
    half = len(generated) // 2
    for stepper, own in zip(steppers, (generated[:half], generated[half:]), strict=True):
        logits, _ = stepper.read(own[None], stepper.initial_states())
        expected = softmax(logits[0, :-1])
        counts = np.bincount(own[1:], minlength=4) / (half - 1)
        np.testing.assert_allclose(counts, expected.mean(axis=0), atol=0.02)
    for num_characters in (0, 3, 250, 7000):
        assert num_characters * 0.9 - 2 <= len(generated_with(3, num_characters=num_characters)) <= num_characters


@pytest.mark.tensorflow
def test_a_student_learns_and_each_network_has_its_own_schedule(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    result = run.run(reporter := Recorder())
    networks = [evaluation.network for evaluation in result.history]
    assert sorted(set(networks)) == [1, 2, 3]
    assert networks == sorted(networks)
    assert {(step.network, step.num_networks) for step in reporter.steps} == {(1, 3), (2, 3), (3, 3)}
    for network in (1, 2, 3):
        own = [evaluation for evaluation in result.history if evaluation.network == network]
        assert own[-1].validation.nats_per_character < own[0].validation.nats_per_character
        assert own[-1].learning_rate < 0.1 * own[0].learning_rate
    ends = [
        evaluation.step
        for one, evaluation in zip(networks[1:], result.history, strict=False)
        if one > evaluation.network
    ]
    assert ends == [run.plan.until(end).num_steps for end in network_ends(2)[:-1]]
    lines = [json.loads(line) for line in run.folder.history.read_text().splitlines()]
    assert [line["network"] for line in lines] == networks


@pytest.mark.tensorflow
def test_a_student_learns_the_distribution_and_not_only_the_next_character(tmp_path):
    """Of a text that is noise no prediction is better than the frequencies, and a student cannot learn it by heart."""
    noise = "".join(np.random.default_rng(0).choice(list("abcdefgh"), 3000))
    run = make_run(tmp_path / "run", replace(SHORT, epochs=8, teachers=2, calibration=False), noise)
    result = run.run(Recorder())
    teacher = [evaluation for evaluation in result.history if evaluation.network == 1][-1]
    student = result.history[-1]
    teachers = [make_stepper(model) for model in run._networks.teachers({1, 2, 3})]
    ids = run.data.dataset.training
    targets = average_predictions(teachers, ids, proceed=on)
    assert targets is not None
    predictions = targets.at(np.arange(len(ids)))
    entropy = -(predictions * np.log(predictions + 1e-9)).sum(axis=1).mean()
    assert student.train_nats == pytest.approx(entropy, abs=0.1)
    assert student.validation.nats_per_character < teacher.validation.nats_per_character + 0.02


@pytest.mark.tensorflow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_a_run_with_teachers_stopped_anywhere_ends_like_one_that_was_not(tmp_path, share):
    whole = make_run(tmp_path / "whole", WITH_TEACHERS)
    whole.run(Recorder())
    stop = Interruption()
    parts = make_run(tmp_path / "parts", WITH_TEACHERS)
    parts.run(StopFromStep(stop, round(share * parts.plan.num_steps)), stop)
    checkpoint, _ = load_checkpoint(RunFolder(tmp_path / "parts"))
    assert checkpoint.metadata["history"]["network"] == 1 + sum(end < share for end in network_ends(2))
    resume_run(tmp_path / "parts", WITH_TEACHERS).run(Recorder())
    assert_same_end(RunFolder(tmp_path / "parts"), RunFolder(tmp_path / "whole"))


@pytest.mark.tensorflow
@pytest.mark.parametrize("report", [1, 3])  # while they generate, and while they predict
def test_a_run_that_is_stopped_while_its_teachers_generate_or_predict_can_be_resumed(tmp_path, report):
    make_run(tmp_path / "whole", WITH_TEACHERS).run(Recorder())
    stop = Interruption()
    parts = make_run(tmp_path / "parts", WITH_TEACHERS)
    assert parts.run(StopWhileTeachersWork(stop, report), stop).signal_number == 2
    assert parts.history.network == 3
    assert parts.history.step == parts.history.network_step
    assert parts.history.num_generated > 0
    resume_run(tmp_path / "parts", WITH_TEACHERS).run(Recorder())
    assert_same_end(RunFolder(tmp_path / "parts"), RunFolder(tmp_path / "whole"))


@pytest.mark.tensorflow
def test_networks_share_the_time_of_a_plan_in_seconds(tmp_path):
    run = make_run(tmp_path / "run", replace(WITH_TEACHERS, epochs=None, max_time=2.0))
    result = run.run(Recorder())
    assert {evaluation.network for evaluation in result.history} == {1, 2, 3}
    assert result.fraction_done == 1
    assert run.history.network_seconds >= 1.5 * 0.9
    assert result.history[-1].learning_rate < 0.3 * WITH_TEACHERS.learning_rate


@pytest.mark.tensorflow
@pytest.mark.parametrize("cell", ["gru", "echo-state"])
def test_other_cells_have_teachers_too(tmp_path, cell):
    config = replace(SMALL, cell=cell)
    result = make_run(tmp_path / "run", replace(WITH_TEACHERS, recurrent_dropout=0.0), model_config=config).run(
        Recorder()
    )
    assert result.history[-1].network == 3
    assert result.history[-1].validation.nats_per_character < result.history[0].validation.nats_per_character


def test_the_teachers_generate_a_share_of_what_the_student_can_read():
    lesson = Lesson.plan(num_training=1000, num_read=40_000.0, num_teachers=2, vocabulary_size=2)
    assert lesson == Lesson(num_training=1000, num_generated=6_000)


def test_a_lesson_is_no_longer_than_its_student_can_read():
    lesson = Lesson.plan(num_training=1_000_000, num_read=40_000.0, num_teachers=2, vocabulary_size=2)
    assert lesson == Lesson(num_training=29_565, num_generated=5_217)  # 34,000 and 6,000 of them at most


@pytest.mark.parametrize("num_teachers", [2, 5, 16])
@pytest.mark.parametrize("num_read", [1.0, 1e3, 1e5, 1e7, 1e9])
def test_preparing_a_lesson_takes_no_more_than_half_of_the_students_time(num_teachers, num_read):
    lesson = Lesson.plan(num_training=1_000_000, num_read=num_read, num_teachers=num_teachers, vocabulary_size=2)
    predicted = num_teachers * (lesson.num_training + lesson.num_generated)
    assert PREDICTING * predicted + GENERATING * lesson.num_generated <= 0.5 * num_read * 1.01 + 8


def test_a_lesson_has_room():
    for num_training in (MAX_PROBABILITIES // 2 - 30, MAX_PROBABILITIES):
        lesson = Lesson.plan(num_training=num_training, num_read=1e12, num_teachers=2, vocabulary_size=2)
        assert lesson.num_training + lesson.num_generated == MAX_PROBABILITIES // 2


def test_probabilities_take_a_byte_each_and_lose_little():
    rng = np.random.default_rng(0)
    probabilities = softmax(rng.normal(scale=3, size=(500, 60))).astype(np.float32)
    targets = SoftTargets(1000, 60)
    positions = rng.permutation(1000)[:500]
    targets.put(positions, probabilities)
    again = targets.at(positions.reshape(50, 10)).reshape(500, 60)
    likely = probabilities > 1e-4
    np.testing.assert_allclose(again[likely], probabilities[likely], rtol=0.045)
    assert again[~likely].max() < 1.1e-4
    np.testing.assert_allclose(again.sum(axis=1), 1, atol=1e-5)


class TakesTargets:
    """A trainer that only records what it is given to learn."""

    def become_student(self):
        pass

    def train_steps(self, batches, *, step, learning_rates, soft_targets):
        self.batches, self.targets = batches, soft_targets


def test_a_student_learns_the_characters_of_the_training_text_too():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 5, 600)
    probabilities = softmax(rng.normal(size=(600, 5))).astype(np.float32)
    predictions = SoftTargets(600, 5)
    predictions.put(np.arange(600), probabilities)
    trainer: Any = TakesTargets()
    streams = Streams(ids, batch_size=4, sequence_length=10)
    Student(trainer, streams, predictions, num_training=300).take_steps(7, [0.1, 0.1])
    for index, step in enumerate((7, 8)):
        places = streams.positions(step)[:, 1:].T  # (time, batch)
        expected = probabilities[places]
        expected[places < 300] *= 0.5
        expected[places < 300] += 0.5 * np.eye(5, dtype=np.float32)[ids[places[places < 300]]]
        np.testing.assert_allclose(trainer.targets[index], expected, rtol=0.05)
        np.testing.assert_array_equal(trainer.batches[index], ids[streams.positions(step)])
    assert (places < 300).any()
    assert (places >= 300).any()


def test_no_call_takes_steps_beyond_the_end_of_a_network():
    config = replace(WITH_TEACHERS, epochs=1, teachers=2)
    plan, history = TrainingPlan(num_steps=800, max_time=None), History()
    pace = Pace(plan, config, history, TrainingClock(0.0))
    history.interval.timed_steps, history.interval.seconds = 1000, 1.0
    for step, expected in ((0, 16), (295, 5), (300, 1)):  # the first teacher has 300 steps
        history.step = step
        assert pace.steps_per_call == expected


@pytest.mark.tensorflow
def test_a_complete_run_with_teachers_is_extended_with_its_student_alone(tmp_path):
    make_run(tmp_path / "run", WITH_TEACHERS).run(Recorder())
    longer = resume_run(tmp_path / "run", replace(WITH_TEACHERS, epochs=5))
    num_before = len(longer.history.evaluations)
    result = longer.run(Recorder())
    assert {evaluation.network for evaluation in result.history[num_before:]} == {3}
    assert result.history[-1].epoch == pytest.approx(5, rel=0.01)


@pytest.mark.tensorflow
def test_a_teacher_that_diverges_is_trained_on_from_the_best_weights(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    train_steps = run.trainer.train_steps
    end = run.plan.until(network_ends(2)[0]).num_steps

    def diverge_at_the_end(batches, *, step, **rates):
        losses, norms = train_steps(batches, step=step, **rates)
        return np.where(np.arange(step, step + len(losses)) == end - 1, np.nan, losses), norms

    run.trainer.train_steps = diverge_at_the_end
    result = run.run(recorder := Recorder())
    assert len(recorder.warnings) == 1
    assert result.history[-1].network == 3
    assert np.isfinite(result.best.validation.nats_per_character)
    assert run.history.learning_rate_scale == 1  # of the networks after it


@pytest.mark.tensorflow
def test_a_teacher_that_keeps_diverging_ends_and_the_others_teach(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    train_steps = run.trainer.train_steps

    def diverge_in_the_second(batches, *, step, **rates):
        losses, norms = train_steps(batches, step=step, **rates)
        return (np.full_like(losses, np.nan) if run.history.network == 2 else losses), norms

    run.trainer.train_steps = diverge_in_the_second
    result = run.run(recorder := Recorder())
    assert len(recorder.warnings) == 4
    assert "the training of network 2 ends" in recorder.warnings[-1]
    assert {evaluation.network for evaluation in result.history} == {1, 3}
    assert run.history.finished


@pytest.mark.tensorflow
def test_the_graph_of_a_student_is_built_before_its_first_step(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    calls = []
    train_steps = run.trainer.train_steps

    def remember(batches, *, step, learning_rates, **targets):
        calls.append((run.history.network, step, learning_rates[0], bool(targets)))
        return train_steps(batches, step=step, learning_rates=learning_rates, **targets)

    run.trainer.train_steps = remember
    run.run(Recorder())
    of_student = [call for call in calls if call[0] == 3]
    assert of_student[0][1:] == (run.history.network_step, 0.0, True)
    assert of_student[1][1] == run.history.network_step
    assert of_student[1][2] > 0


@pytest.mark.tensorflow
def test_a_network_that_diverges_goes_back_to_its_own_weights(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    train_steps, restart_from = run.trainer.train_steps, run.trainer.restart_from
    end, restarts = run.plan.until(network_ends(2)[0]).num_steps, []

    def diverge_at_the_start(batches, *, step, **rates):
        losses, norms = train_steps(batches, step=step, **rates)
        return np.where(np.arange(step, step + len(losses)) == end, np.nan, losses), norms

    def remember(weights):
        restarts.append(weights)
        restart_from(weights)

    run.trainer.train_steps, run.trainer.restart_from = diverge_at_the_start, remember
    run.run(recorder := Recorder())
    assert "from the weights of the start" in recorder.warnings[0]
    initial, again, of_student = restarts
    assert all(np.array_equal(initial[name], again[name]) for name in initial)
    assert not np.array_equal(of_student["embedding"], initial["embedding"])


@pytest.mark.tensorflow
def test_a_network_that_was_never_evaluated_teaches_nothing():
    initial = random_model(num_layers=1, units=8, characters="ab").weights
    networks = Networks(SMALL, WITH_TEACHERS, Vocabulary.from_text("ab"), initial)
    second = networks.begin_next({1})
    assert not np.array_equal(second["embedding"], initial["embedding"])
    assert networks.begin_next({1}) is initial  # the student
    teachers = networks.teachers({1, 3})
    assert [teacher.weights for teacher in teachers] == [initial]


@pytest.mark.tensorflow
def test_a_student_without_teachers_that_learned_anything_is_given_up(tmp_path):
    run = make_run(tmp_path / "run", WITH_TEACHERS)
    run.evaluate = lambda *_: None
    with pytest.raises(TrainingError, match="training diverged"):
        run.run(Recorder())


@pytest.mark.tensorflow
def test_what_cannot_have_teachers_is_refused(tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="`attention` generates text too slowly"):
        make_run(tmp_path / "run", WITH_TEACHERS, model_config=replace(SMALL, attention=8))
    with pytest.raises(SettingError, match="a network of the cell feedforward:8 generates text too slowly"):
        make_run(tmp_path / "run", WITH_TEACHERS, model_config=replace(SMALL, cell="feedforward:8"))
    window = ModelConfig(num_layers=1, units=8, embedding_dim=4, window=20)
    with pytest.raises(SettingError, match="reads windows of a fixed length cannot have `teachers`"):
        make_run(tmp_path / "run", WITH_TEACHERS, model_config=window)
    monkeypatch.setattr(teacher_checks, "MAX_PROBABILITIES", len(TEXT))
    with pytest.raises(SettingError, match="the text is too long for `teachers`"):
        make_run(tmp_path / "run", WITH_TEACHERS, model_config=SMALL)
    with pytest.raises(SettingError, match="`workers` train one network"):
        teacher_checks.check_teachers({}, 1, object())
