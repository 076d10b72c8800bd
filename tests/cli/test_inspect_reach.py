"""The reach of one prediction, as a terminal shows it and as JSON."""

import json

import numpy as np
import pytest
from rich.cells import cell_len

from charlstm.cli.display.inspect_reach import NUM_STRONGEST, reach_to_json, reach_view
from tests.conftest import random_model

HOSTILE = "\n ab\x1b\u202e\u4e2d\u0301"


def echo_model():
    """A network without memory: each prediction depends on the last character only."""
    model = random_model(cell="rnn", num_layers=1)
    model.weights["layers.0.recurrent_kernel"][:] = 0
    return model


def ids_of(model, text):
    return model.vocabulary.encode(text)


def test_the_strongest_character_has_the_9_and_the_whole_share():
    model = echo_model()
    view = reach_view(model, ids_of(model, "once upon"), 4, width=80)
    lines = view.plain.splitlines()
    assert lines[0].startswith("at 4: ")
    assert lines[0].endswith("the text has ' '; half of its reach: 1 character")
    assert lines[2:4] == ["once", "0009"]
    assert lines[5].split() == ["back", "character", "norm", "share"]
    assert lines[6].split()[0:2] == ["1", "'e'"]
    assert lines[6].split()[3] == "100%"


def test_it_fits_a_terminal_and_escapes_what_can_drive_it():
    model = random_model(characters=HOSTILE)
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), 100)
    for width in (40, 80):
        plain = reach_view(model, ids, 100, width=width).plain
        assert max(map(cell_len, plain.splitlines())) <= max(width, 58)
        assert not set(plain) & {"\x1b", "\u202e"}
        assert len(plain.splitlines()) <= 24
    rows = plain.splitlines()
    assert len(rows) == rows.index("back  character      norm  share") + 1 + NUM_STRONGEST
    start = rows.index("") + 1
    assert cell_len(rows[start]) >= cell_len(rows[start + 1].rstrip()), "digits stand below their characters"


def test_the_prediction_after_the_text_and_a_chosen_character():
    model = random_model()
    ids = ids_of(model, "once")
    (target,) = ids_of(model, "q")
    view = reach_view(model, ids, 4, width=80, target=int(target)).plain
    assert view.startswith("at 4: 'q' with p = ")
    assert "the text has" not in view


def test_a_prediction_that_nothing_moves():
    model = random_model()
    model.weights["output.kernel"][:] = 0
    assert "no character before it moves it" in reach_view(model, ids_of(model, "once"), 4, width=80).plain


def test_json():
    model = random_model()
    result = json.loads(json.dumps(reach_to_json(model, ids_of(model, "once upon a time"), 6)))
    assert (result["at"], result["before"]) == (6, "once u")
    assert len(result["norms"]) == 6
    assert result["log_probability"] < 0
    assert result["norms"][0] == pytest.approx(max(result["norms"]), rel=1)
