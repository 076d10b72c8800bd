"""Plots in image files and in the terminal."""

import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from charlstm.cli.display.pictures import check_image_format, save_plot
from charlstm.cli.display.plots import Line, Panel, terminal_plot
from charlstm.errors import RunError, SettingError

PANEL = Panel([Line("lstm", [0, 1, 2], [3.0, 2.0, 1.0]), Line("rnn", [0, 1], [3.0, 0.0])], "loss", "seconds", "bits")


@pytest.mark.parametrize(("name", "beginning"), [("g.png", b"\x89PNG"), ("g.SVG", b"<?xml"), ("g.pdf", b"%PDF")])
def test_plots_are_saved_in_the_format_of_the_name(tmp_path, name, beginning):
    save_plot(tmp_path / name, [PANEL, PANEL])
    assert (tmp_path / name).read_bytes().startswith(beginning)


def test_saving_a_plot_leaves_all_other_files_alone(tmp_path):
    neighbours = {".g.png.bak", ".g.png.swp", ".g.png.123", ".g.png.1.png"}  # a user's, and other processes'
    for name in neighbours:
        (tmp_path / name).write_text("mine")
    save_plot(tmp_path / "g.png", [PANEL])
    assert {path.name for path in tmp_path.iterdir()} == neighbours | {"g.png"}
    assert all((tmp_path / name).read_text() == "mine" for name in neighbours)


def test_a_plot_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "g.png").write_bytes(b"old")

    def fsync_on_full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync_on_full_disk)
    with pytest.raises(RunError, match="No space left"):
        save_plot(tmp_path / "g.png", [PANEL])
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("g.png", b"old")]


def test_other_image_formats_are_refused():
    check_image_format(None)
    check_image_format(Path("a/b.PDF"))
    with pytest.raises(SettingError, match=r"x\.doc is not the name of an image file"):
        check_image_format(Path("x.doc"))


def test_a_plot_in_the_terminal_has_its_labels_and_names():
    plot = terminal_plot(PANEL, width=60, colours=False)
    assert "\x1b" not in plot
    assert all(label in plot for label in ("loss", "seconds", "bits", "lstm", "rnn"))


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_that_is_not_utf_8_gets_ascii(monkeypatch, colours):
    assert not terminal_plot(PANEL, width=60, colours=colours).isascii()
    monkeypatch.setattr("charlstm.cli.display.messages.TERMINAL_ENCODING", "cp437")
    plot = terminal_plot(PANEL, width=60, colours=colours)
    assert plot.isascii()
    assert "lstm" in plot


def test_names_do_not_hide_lines():
    names = [f"network {number}" for number in range(8)]
    plot = terminal_plot(
        Panel([Line(name, [0, 1], [2, 1]) for name in names], "loss", "s", "bits"), width=40, height=14
    )
    heading, rest = plot.split("\u250c")
    assert all(name in heading for name in names)
    assert not any(name in rest for name in names)
    assert len(plot.splitlines()) == 14
    assert max(cell_len(line) for line in Text.from_ansi(plot).plain.splitlines()) == 40


@pytest.mark.parametrize(
    ("x", "y", "label"),
    [([2e5, 1.2e6], [3.0, 1.0], "million characters"), ([0, 9], [1.600001, 1.600002], "characters")],
)
def test_axes_have_no_exponents_and_no_offset(tmp_path, x, y, label):
    panel = Panel([Line("lstm", x, y)], "loss", "characters", "bits")
    assert label in terminal_plot(panel, width=80, colours=False)
    save_plot(tmp_path / "g.svg", [panel])
    words = re.findall("<!-- (.+?) -->", (tmp_path / "g.svg").read_text())  # texts are drawn, with these comments
    assert label in words
    assert not [word for word in words if re.search(r"\de[+\u2212-]?\d", word)]


def test_each_line_has_a_marker_of_its_own_without_colours():
    panel = Panel([Line(f"run {n}", [0, 1], [n, n]) for n in range(20)], "loss", "seconds", "bits")
    heading = terminal_plot(panel, width=60, height=60, colours=False).partition("\u250c")[0]
    markers = re.findall(r"(\S) run", heading)
    assert len(set(markers)) == 20
