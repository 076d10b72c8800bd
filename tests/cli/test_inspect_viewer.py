"""The viewer of `charlstm inspect`: its screens, and its keys."""

import asyncio
import os
import signal

import numpy as np
import pytest
from prompt_toolkit.input import DummyInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from charlstm.analysis.inspection import Inspection
from charlstm.cli.display.inspect_view import Selection, columns_of, digits, signed_shades, wrap_text
from charlstm.cli.display.inspect_viewer import Viewer
from charlstm.cli.display.inspect_views import VIEWS, is_available, views_of
from tests.conftest import ALPHABET, random_model

TEXT = "the quick brown fox\njumps over\n\nthe lazy dog\n" * 20


def make_viewer(*, text=TEXT, place=0, view="surprise", **settings):
    model = random_model(**{"attention": 0 if view == "reach" else 3} | settings)
    inspection = Inspection.of(model, model.vocabulary.encode(text))
    selection = Selection(inspection, 1)
    names = [name for name in VIEWS if is_available(name, inspection)]
    return Viewer(inspection, selection, views_of(inspection, selection, names), view, place)


def texts(viewer, columns=80, rows=24):
    return ["".join(span.text for span in line) for line in viewer.lines(columns, rows)]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 15), (200, 50), (20, 6)])
@pytest.mark.parametrize("place", [0, 400, len(TEXT) - 1])
def test_every_screen_fits_and_shows_the_cursor(view, columns, rows, place):
    viewer = make_viewer(view=view, place=place)
    lines = viewer.lines(columns, rows)
    assert len(lines) == rows
    if columns >= 40:
        assert max(map(columns_of, texts(viewer, columns, rows))) <= columns
    cursors = [span.text for line in lines[1:-1] for span in line if span.emphasis == "cursor"]
    assert viewer.inspection.text[place].replace("\n", "\u21b5") == cursors[0]


def test_the_likeliest_characters_stand_below_the_text():
    viewer = make_viewer(place=4)
    shown = "\n".join(texts(viewer))
    predictions = viewer.inspection.predictions
    for _, probability in predictions.likeliest(4, 5):
        assert f"{probability:.1%}" in shown
    assert f"'q' {predictions.surprise[4]:.2f} bits, entropy {predictions.entropy[4]:.2f}" in shown
    line = predictions.surprise[1:20]
    assert f"its line: {line.sum():.1f} bits, {line.mean():.2f} per character" in shown
    last = predictions.surprise[len(TEXT) - 13 :]
    viewer.place = len(TEXT) - 1
    assert f"its line: {last.sum():.1f} bits" in "\n".join(texts(viewer))


def test_keys_move_over_the_text_and_the_text_scrolls():
    viewer = make_viewer()
    texts(viewer, 40, 15)
    for key in ("right", "right", "down"):
        viewer.press(key)
    assert viewer.place == TEXT.index("mps over")
    viewer.press("end")
    assert viewer.inspection.text[viewer.place] == "\n"
    viewer.press("home")
    viewer.press("left")
    viewer.press("up")
    viewer.press("up")
    assert viewer.place == TEXT.index("\n")
    viewer.press("pagedown")
    viewer.press("c-end")
    viewer.press("right")
    assert viewer.place == len(TEXT) - 1
    assert texts(viewer, 40, 15)[0].endswith(f"{len(TEXT)}/{len(TEXT)} ")
    viewer.press("c-home")
    assert viewer.place == 0


def test_keys_go_through_views_units_layers_and_states():
    viewer = make_viewer(view="unit")
    viewer.selection.layer, viewer.selection.unit = 0, 7
    viewer.press("down")
    assert str(viewer.selection.name()) == "2:1"
    viewer.press("up")
    viewer.press("up")
    assert texts(viewer)[0].startswith(" unit 1:7, output")
    viewer.press("s")
    assert texts(viewer)[0].startswith(" unit 1:7, cell state")
    viewer.press("l")
    viewer.press("tab")
    assert texts(viewer)[0].startswith(" gates of unit 2:7")
    viewer.press("m")
    assert texts(viewer)[0].startswith(" gates: means of layer 2")
    viewer.press("s-tab")
    viewer.press("s-tab")
    assert texts(viewer)[0].startswith(" surprise")
    viewer.press("s-tab")
    assert texts(viewer)[0].startswith(" reach")
    viewer.press("s-tab")
    assert texts(viewer)[0].startswith(" attention")


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", 130)])
def test_q_quits_and_ctrl_c_interrupts(key, code):
    async def press(keyboard):
        application = make_viewer().application(keyboard=keyboard, screen=DummyOutput())
        running = asyncio.create_task(application.run_async())
        keyboard.send_text("\x1b[C\t" + key)
        return await running

    with create_pipe_input() as keyboard:
        assert asyncio.run(press(keyboard)) == code


def test_a_signal_ends_the_viewer():
    with create_pipe_input() as keyboard:
        viewer = make_viewer()
        application = viewer.application(keyboard=keyboard, screen=DummyOutput())

        async def end():
            running = asyncio.create_task(application.run_async(pre_run=viewer._quit_by_signals))
            await asyncio.sleep(0)
            while not application.is_running:
                await asyncio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            return await running

        assert asyncio.run(end()) == 128 + signal.SIGTERM


@pytest.mark.parametrize("no_colour", [True, False])
def test_strong_shades_are_seen_without_colours(monkeypatch, no_colour):
    monkeypatch.setattr("charlstm.cli.display.inspect_viewer.shows_colours", lambda: not no_colour)
    viewer = make_viewer(view="unit")
    viewer.application(screen=DummyOutput(), keyboard=DummyInput())
    styles = {style for style, *_ in viewer._formatted()}
    assert bool(styles & {"bold", "underline"}) == no_colour
    assert any("bg:#" in style for style in styles) != no_colour


def test_attention_colours_what_was_taken_after_the_cursor():
    viewer = make_viewer(view="attention", place=10)
    shades = viewer.views["attention"].shades(10)
    assert set(np.flatnonzero(shades)) <= {7, 8, 9}
    assert shades.max() == 4
    weights = viewer.inspection.trace.attention
    strongest = "\n".join(texts(viewer))
    assert f"{weights[10].max():.1%}" in strongest
    first = make_viewer(view="attention", place=1)
    assert "zeros before the text" in "\n".join(texts(first))


def test_hostile_characters_are_escaped_on_the_screen():
    for view in VIEWS:
        viewer = make_viewer(text="a\x1b[2Jb\u202ec\u0301", characters=ALPHABET + "\x1b[2J\u202e\u0301", view=view)
        for place in range(len(viewer.inspection)):
            viewer.place = place
            assert not set("".join(texts(viewer))) & {"\x1b", "\u202e"}


def test_rows_end_at_line_ends_and_where_they_are_full():
    rows = wrap_text("ab\ncdefg\u6f22\u6f22", 4)
    assert ["".join(row.glyphs) for row in rows] == ["ab\u21b5", "cdef", "g\u6f22", "\u6f22"]
    assert [row.start for row in rows] == [0, 3, 7, 9]
    assert wrap_text("", 4) == []


def test_shades_and_digits_are_signed_shares_of_the_largest():
    values = np.array([0, 0.05, 0.2, 0.5, 0.8, 1, -0.05, -1], np.float32)
    assert signed_shades(values, 1).tolist() == [0, 0, 1, 2, 3, 4, 0, -4]
    assert signed_shades(2 * values, 2).tolist() == [0, 0, 1, 2, 3, 4, 0, -4]
    assert digits(values) == "..2589.i"
    assert digits(np.zeros(2, np.float32), 0.0) == ".."
