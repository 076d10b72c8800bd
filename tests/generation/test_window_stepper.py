import numpy as np
import pytest

from charlstm.generation.stepper import Stepper, make_stepper
from charlstm.generation.window_stepper import WindowStepper
from tests.conftest import random_model

WINDOW = 4


@pytest.fixture
def stepper():
    return Stepper(random_model())


def test_make_stepper_follows_the_window_of_the_model():
    assert isinstance(make_stepper(random_model(window=WINDOW)), WindowStepper)
    assert isinstance(make_stepper(random_model()), Stepper)


def test_each_prediction_reads_the_last_characters_from_initial_states(stepper):
    ids = np.random.default_rng(0).integers(0, 27, (2, 10))
    window_stepper = WindowStepper(stepper, WINDOW, units=8)
    logits, states = window_stepper.read(ids, window_stepper.initial_states(2))
    for time in range(10):
        window = ids[:, max(0, time + 1 - WINDOW) : time + 1]
        expected, _ = stepper.read(window, stepper.initial_states(2))
        np.testing.assert_allclose(logits[:, time], expected[:, -1], atol=1e-6)
    assert states[0][0].tolist() == ids[:, -WINDOW:].tolist()


def test_step_and_read_agree(stepper):
    ids = np.random.default_rng(0).integers(0, 27, (2, 6))
    window_stepper = WindowStepper(stepper, WINDOW, units=8)
    logits, _ = window_stepper.read(ids, window_stepper.initial_states(2))
    states = window_stepper.initial_states(2)
    for time in range(6):
        step_logits, states = window_stepper.step(ids[:, time], states)
        np.testing.assert_allclose(step_logits, logits[:, time], atol=1e-6)
