import pytest

from charlstm.durations import format_duration, parse_duration
from charlstm.errors import SettingError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h0m1s", 3601),
        ("45", 45),
        (2.5, 2.5),
        ("0.5s", 0.5),
        ("2H", 7200),
        ("1ms", 0.001),
        ("500ms", 0.5),
        ("2s250ms", 2.25),
    ],
)
def test_durations_are_converted_to_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-3m", "1d", "m", "3m2h", "1ms2s", True, None])
def test_anything_else_is_refused(text):
    with pytest.raises(SettingError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 9.5, 45, 60, 90, 599, 840, 3600, 5400, 36060])
def test_a_duration_that_was_written_is_read_again(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.96, "10s"), (59.7, "1m"), (61.4, "1m1s"), (845, "14m"), (3590, "1h"), (7290, "2h2m")]
)
def test_durations_are_rounded(seconds, text):
    assert format_duration(seconds) == text
