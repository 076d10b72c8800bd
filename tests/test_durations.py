import pytest

from charlstm.durations import parse_duration
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
    ],
)
def test_durations_are_converted_to_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-3m", "1d", "m", "3m2h", "1ms2s", True, None])
def test_anything_else_is_refused(text):
    with pytest.raises(SettingError, match="is not a duration"):
        parse_duration(text)
