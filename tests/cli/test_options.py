import pytest
import typer

from charlstm.cli.display.messages import clock, visible
from charlstm.cli.options import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h0m1s", 3601), ("45", 45), ("0.5s", 0.5), ("2H", 7200)],
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-3m", "1d", "m", "3m2h"])
def test_wrong_durations(text):
    with pytest.raises(typer.BadParameter, match="90s, 5m or 1h30m"):
        duration(text)


def test_clock():
    assert [clock(seconds) for seconds in (0, 61, 3723)] == ["0:00", "1:01", "1:02:03"]


def test_control_characters_are_made_visible():
    assert visible("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"
    assert visible("a\nb", keep="\n") == "a\nb"
