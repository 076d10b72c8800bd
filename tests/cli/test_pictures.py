"""The style of pictures: labels at the lines, lines that can be told apart, sizes and colours."""

import re
from itertools import pairwise

import pytest

from charlstm.cli.display.pictures import DARK_COLOURS, LIGHT_COLOURS, PictureStyle, save_plot, spread
from charlstm.cli.display.plots import Line, Panel
from charlstm.errors import SettingError


def luminance(colour):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def words_of(path):
    return re.findall("<!-- (.+?) -->", path.read_text())  # texts are drawn, with these comments


def test_labels_do_not_overlap_and_stay_near_their_lines():
    assert spread([0.2, 0.8], 0.1) == [0.2, 0.8]
    assert spread([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])
    assert spread([0.55, 0.5], 0.1) == pytest.approx([0.575, 0.475])
    assert spread([1.0, 1.0, 0.99], 0.1) == pytest.approx([0.9, 1.0, 0.8])
    assert spread([-0.2, 0.0], 0.1) == pytest.approx([0.0, 0.1])
    crowd = sorted(spread([0.5] * 8 + [0.1, 0.95], 0.1))
    assert min(b - a for a, b in pairwise(crowd)) == pytest.approx(0.1)
    assert min(crowd) > -1e-9
    assert max(crowd) < 1 + 1e-9


def test_lines_are_told_apart_without_colours():
    style = PictureStyle()
    assert len({str(style.line(number)["linestyle"]) for number in range(6)}) == 6
    assert len({str(style.line(number)) for number in range(36)}) == 36


@pytest.mark.parametrize(("colours", "background"), [(LIGHT_COLOURS, "#ffffff"), (DARK_COLOURS, "#111111")])
def test_every_colour_is_seen_on_its_background(colours, background):
    for colour in colours:
        one, other = sorted((luminance(colour), luminance(background)))
        assert (other + 0.05) / (one + 0.05) > 2.2


def test_names_stand_at_the_lines_once(tmp_path):
    lines = [Line("lstm", [0, 1], [3.0, 2.0]), Line("lstm", [0, 1], [3.1, 2.2]), Line("rnn", [0, 1], [3.0, 2.9])]
    save_plot(tmp_path / "g.svg", [Panel(lines, "loss", "seconds", "bits")])
    words = words_of(tmp_path / "g.svg")
    assert words.count("lstm") == words.count("rnn") == 1
    assert 'id="legend' not in (tmp_path / "g.svg").read_text()


def test_too_many_names_get_a_legend(tmp_path):
    lines = [Line(f"run {number}", [0, 1], [3.0, number]) for number in range(40)]
    save_plot(tmp_path / "g.svg", [Panel(lines, "loss", "seconds", "bits")])
    assert 'id="legend' in (tmp_path / "g.svg").read_text()


def test_a_line_without_a_point_is_drawn_all_the_same(tmp_path):
    lines = [Line("zero", [0, 1], [0.0, 0.0]), Line("rnn", [0, 1], [1.0, 0.1])]
    save_plot(tmp_path / "g.svg", [Panel(lines, "norm", "back", "norm", log_y=True)])
    assert "rnn" in words_of(tmp_path / "g.svg")


def test_dark_pictures_and_font_sizes(tmp_path):
    panel = Panel([Line("rnn", [0, 1], [1.0, 2.0])], "loss", "seconds", "bits")
    save_plot(tmp_path / "light.svg", [panel])
    save_plot(tmp_path / "dark.svg", [panel], PictureStyle(dark=True, font_size=20))
    light, dark = ((tmp_path / name).read_text() for name in ("light.svg", "dark.svg"))
    assert "#111111" in dark
    assert "#111111" not in light
    assert "scale(0.2 -0.2)" in dark  # of letters
    assert "scale(0.1 -0.1)" in light


@pytest.mark.parametrize("size", [1, 41, float("nan")])
def test_font_sizes_have_a_range(size):
    with pytest.raises(SettingError, match="`font_size` is"):
        PictureStyle(font_size=size)


def test_a_long_title_is_broken_in_large_letters(tmp_path):
    panel = Panel([Line("rnn", [0, 1], [1.0, 2.0])], "a rather long title " * 3, "seconds", "bits")
    save_plot(tmp_path / "g.svg", [panel], PictureStyle(font_size=20))
    titles = [word for word in words_of(tmp_path / "g.svg") if "long" in word]
    assert len(titles) > 1
    assert max(map(len, titles)) <= 33
