"""JSON on stdout: in the script of the text, so that people can read it."""

import json
from typing import Any

from charlstm.cli.display.messages import DRIVES_TERMINAL


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON. Only characters that can drive a terminal are escaped, and lone surrogates."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return DRIVES_TERMINAL.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)
