"""The loop over layers, with numbers in place of arrays."""

from charlstm.cells.stack import has_residual, run_stack
from charlstm.config import ModelConfig


def run_layer(layer, x, lower):
    """Multiply by 10, pass the layer's index up, and return all that was read as the state."""
    return 10 * x, layer, (x, lower)


def test_layers_run_on_top_of_each_other():
    hidden, states = run_stack(3, 1, run_layer, residual=False)
    assert hidden == 1000
    assert states == [(1, None), (10, 0), (100, 1)]


def test_residual_layers_add_their_input_except_the_first():
    hidden, states = run_stack(3, 1, run_layer, residual=True)
    assert states == [(1, None), (10, 0), (110, 1)]
    assert hidden == 1210


def test_after_layer_changes_outputs_after_the_residual():
    hidden, states = run_stack(2, 1, run_layer, residual=True, after_layer=lambda layer, x: x + layer)
    assert states == [(1, None), (10, 0)]
    assert hidden == 111


def test_residual_depends_on_the_cell_and_the_setting():
    assert has_residual(ModelConfig(cell="gru"))
    assert not has_residual(ModelConfig(cell="gru", residual=False))
    assert not has_residual(ModelConfig(cell="grid"))
