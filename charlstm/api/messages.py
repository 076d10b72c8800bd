"""Messages to Python programs, through the logging of the standard library."""

import logging
from collections.abc import Mapping

logger = logging.getLogger("charlstm")


def warn_of_changes(changes: Mapping[str, str]) -> None:
    """Log a warning that names the characters that a model does not know, and what took their place."""
    replaced = {old: new for old, new in changes.items() if new}
    left_out = [old for old, new in changes.items() if not new]
    if replaced:
        logger.warning("characters that the model does not know were replaced: %s", replaced)
    if left_out:
        logger.warning("characters that the model does not know were left out: %s", left_out)
