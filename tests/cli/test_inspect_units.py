"""`charlstm inspect --view units`: what is printed, what the viewer shows, and JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from wcwidth import wcswidth

from charlstm.analysis.features import Feature, find_features
from charlstm.analysis.finder import find_units
from charlstm.analysis.inspection import Inspection
from charlstm.analysis.trace import LayerTrace, Trace
from charlstm.cli.display.inspect_units import UnitsView, findings_to_json, report_lines
from charlstm.cli.display.inspect_view import Selection
from charlstm.storage.model_file import save_model
from tests.conftest import random_model
from tests.known_text import known_text

TEXT = known_text(1200)


def findings_of(text, patterns=()):
    """A network of one unit, whose cell state is where the quotations are not, and its output where they are."""
    features = find_features(text, patterns)
    quotes = features[0].values.astype(np.float32)
    layer = LayerTrace(quotes[:, None], -2 * quotes[:, None], {})
    trace = Trace(np.zeros(len(text), np.int64), np.zeros((len(text), 1), np.float32), (layer,))
    return find_units(trace, text, features)


def printed(findings, width=80):
    return ["".join(span.text for span in line) for line in report_lines(findings, width=width)]


@pytest.fixture
def inspection():
    model = random_model(characters=TEXT)
    return Inspection.of(model, model.vocabulary.encode(TEXT))


def test_the_table_names_the_best_unit_its_score_and_chance():
    lines = printed(findings_of(TEXT))
    assert lines[0] == "1,200 characters, 2 outputs and cell states that vary"
    quotes = next(line for line in lines if line.startswith("inside quotes "))
    assert quotes.split()[2:6] == ["+1:1", "output", "area", "1.000"]
    assert any(line == "then -1:1 cell area 1.000" for line in lines)
    assert any("left out, the same everywhere in the text: stage direction" in line for line in lines)


def test_a_score_that_chance_reaches_is_marked():
    lines = printed(findings_of(TEXT))
    findings = findings_of(TEXT)
    weak = [finding.feature.name for finding in findings.found if not finding.is_above_chance]
    marked = [line for line in lines if line.endswith("  no better")]
    assert weak
    assert len(marked) == len(weak)


def test_passages_stand_with_their_extremes_below_each_other():
    lines = printed(findings_of(TEXT))
    start = lines.index("inside quotes: +1:1 output area 1.000")
    column = lines[start + 2].index("v")
    findings = findings_of(TEXT)
    for line, passage in zip(lines[start + 3 : start + 8], findings.found[0].passages, strict=True):
        assert line[column] in (TEXT[passage.peak], "\u21b5")
        assert line.startswith(f"{passage.peak + 1:>9,}   +1.00 ")


@pytest.mark.parametrize("width", [40, 60, 72, 80, 200])
def test_lines_fit_the_terminal(width):
    text = TEXT[:600] + "\u4e2d\u6587 \u0301x\t\0\u202e (\u4e2d)\n" * 30
    lines = printed(findings_of(text, ["[a-z]+ \u4e2d*|a very long expression that does not end soon|sea"]), width)
    assert max(map(wcswidth, lines)) <= min(width, 80)


def test_hostile_texts_and_expressions_are_escaped():
    text = 'a "\x1b[31m\u202e\0\u2028" b\n' * 40
    lines = printed(findings_of(text, ["\x1b", "\u202e|\n"]))
    assert not set("\x1b\u202e\0\u2028\n\r\ud800") & set("".join(lines))
    assert "\\x1b" in "".join(lines)


def test_a_text_without_features():
    model = random_model(characters="-x")
    inspection = Inspection.of(model, model.vocabulary.encode("-" * 250))
    findings = find_units(inspection.trace, inspection.text, [Feature("all", np.ones(250, np.bool_))])
    assert printed(findings)[-1] == "left out, the same everywhere in the text: all"
    view = UnitsView(inspection, Selection(inspection, 0))
    assert view.heading().startswith("position in the line")
    assert view.shades(0).shape == (250,)


def test_the_viewer_says_why_it_shows_no_units():
    model = random_model(characters="-x")
    inspection = Inspection.of(model, model.vocabulary.encode("-x" * 50))
    view = UnitsView(inspection, Selection(inspection, 0))
    assert view.heading().startswith("units: the text has 100 characters, but")
    assert not view.lines_at(0, 80)
    assert not view.shades(0).any()
    assert view.change_unit(1)


def test_the_viewer_goes_through_features_and_shows_their_units_elsewhere(inspection):
    selection = Selection(inspection, 0, patterns=["sea"])
    view = UnitsView(inspection, selection)
    headings = set()
    for _ in range(20):
        assert view.change_unit(1)
        headings.add(view.heading().split(":")[0])
        assert f"{selection.name()} {selection.quantity}" in view.heading()
        assert view.shades(0).shape == (1200,)
        assert len(view.lines_at(5, 80)) == 7
        assert view.lines_at(5, 20)
    assert {"inside quotes", "position in the line", "sea"} <= headings


def test_json_has_all_that_was_found():
    found = findings_to_json(findings_of(TEXT, ["sea"]))
    json.dumps(found)
    assert (found["characters"], found["units"], found["shuffles"]) == (1200, 2, 19)
    quotes = found["features"][0]
    assert (quotes["feature"], quotes["measure"], quotes["above_chance"]) == ("inside quotes", "area", True)
    assert quotes["units"][0] == {"unit": "1:1", "state": "output", "score": 1.0, "sign": 1}
    assert quotes["units"][1] == {"unit": "1:1", "state": "cell", "score": 1.0, "sign": -1}
    for passage in quotes["passages"]:
        assert TEXT[passage["start"] :].startswith(passage["text"])
        assert passage["values"][passage["place"] - passage["start"]] == 1
    assert found["features"][-1]["feature"] == "sea"
    assert "stage direction" in found["left_out"]


@pytest.fixture
def known(run, model):
    """A run whose model knows the characters of a text, and that text."""
    save_model(run / "model.safetensors", replace(random_model(characters=TEXT), training=model.training))
    Path("known.txt").write_text(TEXT)
    return "known.txt"


def test_the_command_prints_the_units(charlstm, known):
    code, out, _ = charlstm("inspect", "tiny", known, "--view", "units")
    assert code == 0
    assert out.startswith("1,200 characters, 32 outputs and cell states that vary\n")


def test_an_expression_asks_for_the_units(charlstm, known):
    code, out, _ = charlstm("inspect", "tiny", known, "--feature", "sea", "--feature", "wind|boat", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["view"] == "units"
    assert [feature["feature"] for feature in found["features"]][-2:] == ["sea", "wind|boat"]


def test_errors_name_the_option(charlstm, known):
    code, _, err = charlstm("inspect", "tiny", known, "--feature", "(")
    assert (code, "--feature '(' is no regular expression" in err) == (2, True)
    code, _, err = charlstm("inspect", "tiny", known, "--view", "units", "--characters", "150")
    assert (code, "150 characters" in err) == (1, True)
