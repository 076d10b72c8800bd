import pytest
import typer

from charlstm.cli.display.messages import clock, visible
from charlstm.cli.options import duration


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("45", 45)])
def test_duration(text, seconds):
    assert duration(text) == seconds


def test_wrong_duration():
    with pytest.raises(typer.BadParameter, match="90s, 5m or 1h30m"):
        duration("soon")


def test_clock():
    assert [clock(seconds) for seconds in (0, 61, 3723)] == ["0:00", "1:01", "1:02:03"]


def test_control_characters_are_made_visible():
    assert visible("a\x1b[2J\nb\u202e") == "a\\x1b[2J\\nb\\u202e"
    assert visible("a\nb", keep="\n") == "a\nb"
