"""`inspect --view reach`: on made-up networks, and as a user runs it."""

import json

import numpy as np
import pytest
from rich.cells import cell_len

from charlstm.analysis.inspection import Inspection
from charlstm.cli.display.inspect_reach import BLOCK, ReachView
from charlstm.cli.display.inspect_view import Selection
from charlstm.errors import SettingError
from tests.conftest import random_model

HOSTILE = "\n ab\x1b\u202e\u4e2d\u0301"


def view_of(model, text):
    inspection = Inspection.of(model, model.vocabulary.encode(text))
    return ReachView(inspection, Selection(inspection, 0))


def lines_of(view, place, *, has_colours=False):
    return ["".join(span.text for span in line) for line in view.report(place, has_colours=has_colours)]


def echo_model():
    """A network without memory: each prediction depends on the last character only."""
    model = random_model(cell="rnn", num_layers=1)
    model.weights["layers.0.recurrent_kernel"][:] = 0
    return model


def test_the_strongest_character_has_the_9_and_the_whole_share():
    view = view_of(echo_model(), "once upon")
    heading, text, strip, legend, expected, half, strongest, *_ = lines_of(view, 4)
    assert heading.startswith("reach")
    assert (text, strip) == ("once", "...9")
    assert legend == "1 to 9: tenths of the strongest"
    assert expected.startswith("at ' ' the likeliest is '")
    assert half == "half of its reach: 1 character"
    assert strongest.split() == ["'e'", "1", "back", "100.0%", "\u2588" * 10]
    assert view.shades(4).tolist() == [0, 0, 0, 4, 0, 0, 0, 0, 0]


def test_places_are_measured_when_they_are_looked_at(monkeypatch):
    from charlstm.analysis import reach

    measured = []
    measure = reach.measure_reach

    def counting(*arguments, **settings):
        measured.append(settings["first"])
        return measure(*arguments, **settings)

    monkeypatch.setattr("charlstm.analysis.reach.measure_reach", counting)
    view = view_of(random_model(), "once upon a time " * 10)
    assert measured == []
    for place in (5, 6, BLOCK, BLOCK + 1, BLOCK + 5, 169):
        assert view.shades(place).max() == 4
        assert view.shades(place)[place:].max(initial=0) == 0
    assert measured == [1, BLOCK + 1]


def test_the_first_character_has_nothing_before_it():
    assert lines_of(view_of(random_model(), "once"), 0)[-1] == "nothing comes before 'o'"


def test_a_prediction_that_nothing_moves():
    model = random_model()
    model.weights["output.kernel"][:] = 0
    assert lines_of(view_of(model, "once"), 3)[-1] == "no character before moves it"


@pytest.mark.parametrize("has_colours", [True, False])
def test_a_hostile_text_is_escaped_and_fits(has_colours):
    model = random_model(characters=HOSTILE)
    text = "".join(np.random.default_rng(0).choice(list(HOSTILE), 100))
    lines = lines_of(view_of(model, text), 99, has_colours=has_colours)
    assert not set("".join(lines)) & {"\x1b", "\u202e", "\n"}
    assert max(map(cell_len, lines)) <= 80


def test_a_network_without_a_measured_gradient_is_refused():
    with pytest.raises(SettingError, match="is not measured"):
        view_of(random_model(cell="feedforward"), "once")


def test_a_network_with_attention():
    lines = lines_of(view_of(random_model(attention=4), "once upon a time"), 12)
    assert lines[5].startswith("half of its reach")


def test_the_command(charlstm, run, tmp_path):
    (tmp_path / "t.txt").write_text("once upon a time")
    code, out, _ = charlstm("inspect", "tiny", "t.txt", "--view", "reach", "--at", 7)
    assert code == 0
    assert out.splitlines()[1] == "once u"
    assert "at 'p' the likeliest is" in out
    code, out, _ = charlstm("inspect", "tiny", "t.txt", "--view", "reach", "--json")
    reach = json.loads(out)["reach"]
    assert [len(one["norms"]) for one in reach] == list(range(1, 16))
