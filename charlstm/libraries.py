"""The libraries that charlstm needs for some commands only: are they there, errors when they are not, their warnings.

The distribution `charlstm` requires all of them, `charlstm-core` only those that writing needs.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import Any

from charlstm.errors import CharLSTMError, LibraryError

MEMORY_MESSAGES = ("failed to map segment", "cannot allocate memory")  # of the system's loader, lower case
CORE, EVERYTHING = "charlstm-core", "train"  # the distribution with the writing part, and its extra with the rest


def can_compile() -> bool:
    """Return whether llvmlite is installed, even if it is broken; charlstm-core comes without it."""
    return find_spec("llvmlite") is not None


@contextmanager
def library_imports(title: str, *distributions: str, without: str, extra: str = "") -> Iterator[None]:
    """Import a library in this context; raises LibraryError if it cannot be imported or has another version.

    `title` is the library's name in messages, `distributions` are the packages that it is installed by, and `without`
    says what works without it. `extra` names the extra of charlstm that installs it, if it is an optional one.
    """
    hint = f"{without}; {_advice(distributions, extra)}"
    for name in distributions:
        _check_version(name, hint=hint)
    try:
        yield
    except (CharLSTMError, MemoryError):
        raise
    except Exception as error:  # whatever it is: a broken library can raise anything while it is imported
        reason = _reason(error)
        if any(message in reason.lower() for message in MEMORY_MESSAGES):
            hint = f"there is not enough memory for it: end other programs, or allow this one more; {without}"
        raise LibraryError(f"{title} cannot be imported: {reason}", hint=hint) from error


def pass_on_warnings(logger_name: str, on_message: Callable[[str], None]) -> None:
    """Let `on_message` get what a library warns of, in lines, in place of the library's own output."""
    logger = logging.getLogger(logger_name)
    logger.handlers, logger.propagate = [_LineHandler(on_message)], False


class _LineHandler(logging.Handler):
    """Passes on the first line of what is logged, without a traceback."""

    def __init__(self, on_message: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_message = on_message

    def emit(self, record: logging.LogRecord) -> None:
        error: Any = record.exc_info and record.exc_info[1]
        line = record.getMessage().strip().split("\n")[0]
        self._on_message(f"{line}: {type(error).__name__}: {error}" if error else line)


def _advice(distributions: Iterable[str], extra: str) -> str:
    """Say how to install what is missing or broken."""
    if extra:
        return f"install it with: pip install '{_own_distribution()}[{extra}]'"
    if not _is_installed(CORE) or all(map(_is_installed, distributions)):
        return f"install it with: pip install --force-reinstall {' '.join(distributions)}"
    return f"only the writing part of charlstm is installed, get the rest with: pip install '{CORE}[{EVERYTHING}]'"


def _is_installed(distribution: str) -> bool:
    with suppress(PackageNotFoundError):
        return bool(version(distribution))
    return False


def own_version() -> str:
    """Return the version of charlstm, by whichever distribution it is installed."""
    return version(_own_distribution())


def _own_distribution() -> str:
    return "charlstm" if _is_installed("charlstm") else CORE


def _check_version(name: str, *, hint: str) -> None:
    """Raise LibraryError if a package that is installed is not of a version that charlstm requires."""
    try:
        installed, lines = version(name), requires(_own_distribution()) or []
        from packaging.requirements import Requirement
    except (PackageNotFoundError, ImportError):  # another package may provide it
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        is_ours = requirement.name == name and (marker is None or marker.evaluate({"extra": EVERYTHING}))
        if is_ours and not requirement.specifier.contains(installed, prereleases=True):
            raise LibraryError(f"{name} {installed} is installed, but charlstm needs {requirement}", hint=hint)


def _reason(error: BaseException) -> str:
    """Return in one line why an import failed. TensorFlow's own message is a traceback; its cause says it shorter."""
    while str(error).lstrip().startswith("Traceback") and (cause := error.__cause__ or error.__context__):
        error = cause
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
