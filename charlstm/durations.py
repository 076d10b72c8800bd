"""Durations as people write them: 90s, 5m, 1h30m, 500ms."""

import re

from charlstm.errors import SettingError, shown

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)(?:s|$))?(?:(\d+)ms)?")


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


def format_duration(seconds: float) -> str:
    """Return a duration as people write it, to about two digits; `parse_duration` reads it again.

    >>> [format_duration(seconds) for seconds in (0.025, 0.918, 9.6, 90, 840, 5400)]
    ['25ms', '0.92s', '9.6s', '1m30s', '14m', '1h30m']
    """
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f}ms"
    if seconds < 0.995:
        return f"{seconds:.2g}s"
    if seconds < 60 and (shown := f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}") != "60":
        return f"{shown.removesuffix('.0')}s"
    step = 1 if seconds < 600 else 60
    minutes, rest = divmod(round(seconds / step) * step, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest}s" if rest else ""]
    return "".join(parts)
