"""The networks that a run keeps, by their steps."""

from dataclasses import replace

import numpy as np
import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.errors import TensorFileError
from charlstm.storage.checkpoint import load_checkpoint, save_checkpoint
from charlstm.storage.run_origin import RunOrigin
from tests.training.small_runs import SHORT, Recorder, make_run

pytestmark = pytest.mark.tensorflow

CONFIG = replace(SHORT, epochs=3, random_seed=7)


def networks_of(folder):
    from charlstm.training.saved_networks import saved_networks

    return saved_networks(folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, its weights before the first step, and its last ones."""
    run = make_run(tmp_path_factory.mktemp("saved") / "run", CONFIG)
    before = run.trainer.network.get_named_weights()
    run.run(Recorder())
    return run, before, run.trainer.network.get_named_weights()


def test_the_first_network_is_the_one_that_training_began_with_and_the_last_its_last(finished):
    run, before, after = finished
    networks = networks_of(run.folder)
    assert list(networks) == sorted(networks)
    assert next(iter(networks)) == 0
    assert run.history.step in networks
    assert run.history.best.step in networks
    for step, expected in ((0, before), (run.history.step, after)):
        for name, weights in expected.items():
            np.testing.assert_array_equal(networks[step].weights[name], weights)


def changed_checkpoint(finished, tmp_path, change):
    """Return a run with one checkpoint, that of the finished run with a change."""
    run, _, _ = finished
    checkpoint, _ = load_checkpoint(run.folder)
    other = make_run(tmp_path / "other", CONFIG)
    save_checkpoint(other.folder, change(checkpoint))
    return other.folder


def test_a_run_that_started_from_a_model_has_no_initial_network(finished, tmp_path):
    origin = RunOrigin.now(start_from="old.safetensors").to_json()
    folder = changed_checkpoint(
        finished, tmp_path, lambda one: replace(one, metadata=one.metadata | {"origin": origin})
    )
    networks = networks_of(folder)
    assert networks
    assert 0 not in networks


def test_of_a_run_with_teachers_there_are_only_the_networks_of_its_student(tmp_path):
    run = make_run(tmp_path / "run", replace(CONFIG, epochs=4, teachers=2))
    run.run(Recorder())
    networks, history = networks_of(run.folder), run.history
    assert next(iter(networks)) == history.network_step > 0
    initial = run._networks.teachers({2})[0].weights
    for name, weights in networks[history.network_step].weights.items():
        np.testing.assert_array_equal(weights, initial[name])
    assert history.step in networks


def test_the_best_weights_of_a_network_are_shown_also_where_an_earlier_one_is_better(tmp_path):
    run = make_run(tmp_path / "run", replace(CONFIG, epochs=4, teachers=2))
    evaluate = run._evaluator.evaluate

    def evaluate_a_bad_student(*arguments, **figures):
        evaluation, weights = evaluate(*arguments, **figures)
        if evaluation.network == 3:
            evaluation = replace(evaluation, validation=Scores(99.0, 1, 1), is_best=False)
        return evaluation, weights

    run._evaluator.evaluate = evaluate_a_bad_student
    run.run(Recorder())
    own = run.history.best_of_network
    assert run.history.best.network < own.network == 3
    assert own.step < run.history.step
    for path in (run.folder.previous_checkpoint, run.folder.model):
        path.unlink()
    shown = networks_of(run.folder)[own.step].weights
    assert all(np.array_equal(shown[name], weights) for name, weights in run._networks.current.items())


def test_weights_that_are_not_numbers_are_left_out(finished, tmp_path):
    run, _, _ = finished

    def diverge(checkpoint):
        arrays = {
            name: np.full_like(array, np.nan) if name == "weights/output.bias" else array
            for name, array in checkpoint.arrays.items()
        }
        history = checkpoint.metadata["history"] | {"step": run.history.step + 100}
        return replace(checkpoint, arrays=arrays, metadata=checkpoint.metadata | {"history": history})

    networks = networks_of(changed_checkpoint(finished, tmp_path, diverge))
    assert run.history.step + 100 not in networks
    assert run.history.best.step in networks


def test_a_damaged_checkpoint_is_an_error_and_stays_where_it_is(finished, tmp_path):
    folder = changed_checkpoint(finished, tmp_path, lambda one: one)
    folder.checkpoint.write_bytes(b"damaged")
    with pytest.raises(TensorFileError):
        networks_of(folder)
    assert folder.checkpoint.read_bytes() == b"damaged"
