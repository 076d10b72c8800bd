"""What happens inside a network while it reads: against the equations in float64."""

import numpy as np
import pytest

from charlstm.analysis.trace import trace_text
from charlstm.cells.registry import CELLS, get_cell
from charlstm.errors import SettingError
from tests.analysis.float64 import run_in_float64
from tests.conftest import random_model


def reference(model, ids):
    """The steps of every layer at every character and the logits, from the equations in float64."""
    characters, logits = run_in_float64(model, model.weights["embedding"].astype(np.float64)[ids, None])
    return characters, logits[:, 0]


@pytest.mark.parametrize("cell", CELLS)
def test_a_trace_equals_the_equations_in_float64(cell):
    model = random_model(cell=cell, units=12, num_layers=3)
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), 40)
    trace, (characters, logits) = trace_text(model, ids), reference(model, ids)
    np.testing.assert_allclose(trace.logits, logits, atol=1e-5)
    for layer, found in enumerate(trace.layers):
        steps = [character[layer] for character in characters]
        np.testing.assert_allclose(found.output, [step.output[0] for step in steps], atol=1e-5)
        if get_cell(cell).has_cell_state:
            assert found.cell_state is not None
            np.testing.assert_allclose(found.cell_state, [step.states[1][0] for step in steps], atol=1e-5)
        else:
            assert found.cell_state is None
        expected = steps[0].activations._asdict() if steps[0].activations else {}
        assert list(found.activations) == list(expected)
        for name, values in found.activations.items():
            np.testing.assert_allclose(values, [getattr(step.activations, name)[0] for step in steps], atol=1e-5)


def test_surprise_is_what_the_character_before_predicts():
    model = random_model()
    trace = trace_text(model, np.array([3, 1, 4, 1]))
    assert np.isnan(trace.surprise[0])
    probabilities = np.exp(trace.log_probabilities)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        trace.surprise[1:], [-np.log2(probabilities[t, c]) for t, c in enumerate([1, 4, 1])], rtol=1e-5
    )


def test_no_characters_and_progress():
    model = random_model()
    seen: list[int] = []
    assert trace_text(model, np.array([], np.int64)).layers[0].output.shape == (0, 8)
    trace_text(model, np.zeros(300, np.int64), on_progress=seen.append)
    assert seen == [256, 300]


def test_a_network_on_windows_is_refused():
    with pytest.raises(SettingError, match="windows"):
        trace_text(random_model(window=5), np.array([1]))


def test_attention_is_that_of_the_step_and_chunks_make_no_difference(monkeypatch):
    model = random_model(attention=7)
    ids = np.random.default_rng(1).integers(0, len(model.vocabulary), 30)
    whole = trace_text(model, ids)
    monkeypatch.setattr("charlstm.analysis.trace.CHUNK_LENGTH", 4)
    parts = trace_text(model, ids)
    assert whole.attention is not None
    assert parts.attention is not None
    assert whole.attention.shape == (30, 7)
    np.testing.assert_allclose(whole.attention.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(whole.attention[0], 1 / 7, rtol=1e-5)  # nothing before the first character
    np.testing.assert_allclose(parts.attention, whole.attention, atol=1e-6)
    np.testing.assert_allclose(parts.logits, whole.logits, atol=1e-5)
    np.testing.assert_allclose(parts.layers[1].output, whole.layers[1].output, atol=1e-6)
    assert trace_text(random_model(), ids).attention is None
