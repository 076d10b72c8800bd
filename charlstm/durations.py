"""Durations as people write them: 90s, 5m, 1h30m, 500ms."""

import re

from charlstm.errors import SettingError, shown

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?(?:(\d+)ms)?")


def parse_duration(text: str | float) -> float:
    """Return the seconds in `90s`, `5m`, `1h30m`, `500ms` or a plain number of seconds.

    Raises SettingError for anything else.

    >>> parse_duration("1h30m")
    5400.0
    """
    match = _DURATION.fullmatch(str(text).strip().lower())
    if not match or not any(match.groups()):
        raise SettingError(f"{shown(text)} is not a duration", hint="write it as 90s, 5m or 1h30m")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
