"""Messages to Python programs, through the logging of the standard library."""

import logging
from collections.abc import Mapping

MAX_NAMED = 8  # characters in a message

logger = logging.getLogger("charlstm")


def warn_of_changes(changes: Mapping[str, str]) -> None:
    """Log a warning that names the characters that a model does not know, and what took their place."""
    replaced = [f"{old!r} with {new!r}" for old, new in changes.items() if new]
    left_out = [repr(old) for old, new in changes.items() if not new]
    if replaced:
        logger.warning("characters that the model does not know were replaced: %s", _shortened(replaced))
    if left_out:
        logger.warning("characters that the model does not know were left out: %s", _shortened(left_out))


def _shortened(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
