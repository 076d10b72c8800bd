"""The compiled network of every cell against the one in NumPy: reading, and sampling in one call."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from charlstm.generation.sampling import sample_ids
from charlstm.generation.stepper import Stepper
from charlstm.kernels.isa import ISA_VARIABLE
from tests.conftest import random_model
from tests.kernels.cases import PRODUCTS, RECURRENT_CELLS, float32_isa, relative_error

pytestmark = pytest.mark.usefixtures("used_memory")
VOCABULARY = 28


@cache
def steppers(isa_name, precision, **settings):
    """Return the stepper in NumPy, and the compiled one."""
    model = replace(random_model(**settings), training={"settings": {"precision": precision}})
    stepper = Stepper(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ISA_VARIABLE, isa_name)
        compiled = stepper.compiled()
    assert compiled is not stepper
    return stepper, compiled


def random_ids(streams, time):
    return np.random.default_rng(streams).integers(0, VOCABULARY, (streams, time))


def assert_same_states(actual, expected):
    for layer, same_layer in zip(actual, expected, strict=True):
        for state, same in zip(layer, same_layer, strict=True):
            np.testing.assert_array_equal(state, same)


def check_against_numpy(stepper, compiled, *, tolerance):
    ids = random_ids(3, 20)
    expected, expected_states = stepper.read(ids, stepper.initial_states(3))
    logits, states = compiled.read(ids, compiled.initial_states(3))
    assert relative_error(logits, expected) < tolerance
    for layer, same_layer in zip(states, expected_states, strict=True):
        for state, same in zip(layer, same_layer, strict=True):
            assert relative_error(state, same) < tolerance


def check_steps(compiled):
    """Reading step by step, or in two parts, gives the same bits as reading at once."""
    ids = random_ids(3, 11)
    logits, last = compiled.read(ids, compiled.initial_states(3))
    states = compiled.initial_states(3)
    for time in range(11):
        step, states = compiled.step(ids[:, time], states)
        np.testing.assert_array_equal(step, logits[:, time])
    assert_same_states(states, last)
    first, between = compiled.read(ids[:, :4], compiled.initial_states(3))
    second, after = compiled.read(ids[:, 4:], between)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), logits)
    assert_same_states(after, last)


def check_streams(compiled):
    """A stream has the same bits alone and among others, read and sampled."""
    streams, time = 37, 12
    logits, states = compiled.read(random_ids(streams, 5), compiled.initial_states(streams))
    uniforms = np.random.default_rng(0).random((time, streams))
    ids, before, last, after = compiled.sample(logits[:, -1], states, uniforms, 0.9)
    for rows in (slice(0, 1), slice(7, 8), slice(20, 37)):
        read, _ = compiled.read(random_ids(streams, 5)[rows], compiled.initial_states(rows.stop - rows.start))
        np.testing.assert_array_equal(read, logits[rows])
        row_states = [tuple(state[rows] for state in layer) for layer in states]
        alone = compiled.sample(logits[rows, -1], row_states, uniforms[:, rows], 0.9)
        np.testing.assert_array_equal(alone[0], ids[:, rows])
        np.testing.assert_array_equal(alone[1], before[:, rows])
        np.testing.assert_array_equal(alone[2], last[rows])
        assert_same_states(alone[3], [tuple(state[rows] for state in layer) for layer in after])


@pytest.mark.parametrize("name", RECURRENT_CELLS)
def test_every_cell(name):
    stepper, compiled = steppers(float32_isa().name, "float32", cell=name, units=20, embedding_dim=12)
    check_against_numpy(stepper, compiled, tolerance=1e-5)
    check_steps(compiled)
    check_streams(compiled)


@pytest.mark.parametrize(("isa", "product"), PRODUCTS)
def test_every_instruction_set(isa, product):
    stepper, compiled = steppers(isa.name, product.precision, units=37, num_layers=3)
    tolerance = 1e-5 if product.precision == "float32" else 3e-4  # nearly a tie may be rounded otherwise
    check_against_numpy(stepper, compiled, tolerance=tolerance)
    check_steps(compiled)
    check_streams(compiled)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_layers": 1, "units": 1, "embedding_dim": 1},
        {"num_layers": 1, "units": 5},
        {"num_layers": 2, "units": 300, "scale": 0.1},
        {"num_layers": 3, "residual": False},
        {"embedding_dim": 1, "encoding": "integer"},
        {"cell": "grid", "num_layers": 3},
        {"cell": "depth-gated", "num_layers": 3},
    ],
    ids=str,
)
def test_any_shape_of_network(settings):
    stepper, compiled = steppers(float32_isa().name, "float32", **settings)
    check_against_numpy(stepper, compiled, tolerance=1e-5)


def test_logits_before_each_character_are_those_that_reading_gives():
    _, compiled = steppers(float32_isa().name, "float32", scale=1.5)
    start, states = compiled.read(random_ids(4, 3), compiled.initial_states(4))
    uniforms = np.random.default_rng(1).random((30, 4))
    ids, before, last, after = compiled.sample(start[:, -1], states, uniforms, 1.0)
    np.testing.assert_array_equal(before[0], start[:, -1])
    read, read_states = compiled.read(ids.T, states)
    np.testing.assert_array_equal(read[:, :-1].swapaxes(0, 1), before[1:])
    np.testing.assert_array_equal(read[:, -1], last)
    assert_same_states(read_states, after)


@pytest.mark.parametrize("temperature", [0, 0.05, 0.7, 1, 3])
def test_characters_are_sampled_as_in_numpy(temperature):
    _, compiled = steppers(float32_isa().name, "float32", scale=1.5)
    uniforms = np.random.default_rng(1).random((100, 6))
    uniforms[0], uniforms[1] = 0, np.nextafter(1, 0)
    logits = np.random.default_rng(2).normal(size=(6, VOCABULARY)).astype(np.float32)
    ids, before, _, _ = compiled.sample(logits, compiled.initial_states(6), uniforms, temperature)
    for row_logits, sampled, uniform in zip(before, ids, uniforms, strict=True):
        exact = row_logits.astype(np.float64)
        expected = sample_ids(exact / temperature, uniform) if temperature else exact.argmax(axis=-1)
        np.testing.assert_array_equal(sampled, expected)


def test_the_first_of_equal_logits_is_taken_and_impossible_characters_are_not():
    _, compiled = steppers(float32_isa().name, "float32", scale=1.5)
    logits = np.full((2, VOCABULARY), -np.inf, np.float32)
    logits[:, [5, 9, 20]] = 3.0
    for temperature in (0, 1):
        for uniform, expected in (
            (0.0, 5),
            (0.5, 5 if temperature == 0 else 9),
            (0.999, 5 if temperature == 0 else 20),
        ):
            uniforms = np.full((1, 2), uniform)
            ids, *_ = compiled.sample(logits, compiled.initial_states(2), uniforms, temperature)
            assert ids.tolist() == [[expected] * 2]


def test_no_characters_leave_the_states_as_they_are():
    stepper, compiled = steppers(float32_isa().name, "float32", scale=1.5)
    _, states = compiled.read(random_ids(3, 2), compiled.initial_states(3))
    for reader in (stepper, compiled):
        logits, after = reader.read(random_ids(3, 0), states)
        assert logits.shape == (3, 0, VOCABULARY)
        assert_same_states(after, states)


def test_what_is_given_stays_as_it_is():
    _, compiled = steppers(float32_isa().name, "float32", scale=1.5)
    logits, states = compiled.read(random_ids(3, 2), compiled.initial_states(3))
    logits, copies = logits[:, -1].copy(), [[state.copy() for state in layer] for layer in states]
    before, uniforms = logits.copy(), np.random.default_rng(0).random((9, 3))
    compiled.sample(logits, states, uniforms, 1.0)
    np.testing.assert_array_equal(logits, before)
    assert_same_states(states, copies)


def test_a_network_without_one_layer_of_a_kind_shares_its_code_with_any_size(monkeypatch):
    """The code depends on the cell, not on units, layers above the second, or the vocabulary."""
    from charlstm.kernels import compiler

    steppers(float32_isa().name, "float32", num_layers=2, units=9)

    def refuse(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(compiler, "compile_module", refuse)
    for settings in ({"units": 31}, {"num_layers": 4}, {"characters": "abc"}):
        steppers(float32_isa().name, "float32", **{"units": 9} | settings)
