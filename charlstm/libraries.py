"""Errors for the libraries that charlstm needs for some commands only, when they are missing or broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version

from charlstm.errors import CharLSTMError, LibraryError

MEMORY_MESSAGES = ("failed to map segment", "cannot allocate memory")  # of the system's loader, lower case


@contextmanager
def library_imports(title: str, *distributions: str, without: str, extra: str = "") -> Iterator[None]:
    """Import a library in this context; raises LibraryError if it cannot be imported or has another version.

    `title` is the library's name in messages, `distributions` are the packages that it is installed by, and `without`
    says what works without it. `extra` names the extra of charlstm that installs it, if it is an optional one.
    """
    install = (
        f"pip install 'charlstm[{extra}]'" if extra else f"pip install --force-reinstall {' '.join(distributions)}"
    )
    for name in distributions:
        _check_version(name, hint=f"{without}; install it with: {install}")
    try:
        yield
    except (CharLSTMError, MemoryError):
        raise
    except Exception as error:  # whatever it is: a broken library can raise anything while it is imported
        reason = _reason(error)
        hint = f"{without}; install it with: {install}"
        if any(message in reason.lower() for message in MEMORY_MESSAGES):
            hint = f"there is not enough memory for it: end other programs, or allow this one more; {without}"
        raise LibraryError(f"{title} cannot be imported: {reason}", hint=hint) from error


def _check_version(name: str, *, hint: str) -> None:
    """Raise LibraryError if a package that is installed is not of a version that charlstm requires."""
    try:
        installed, lines = version(name), requires("charlstm") or []
        from packaging.requirements import Requirement
    except (PackageNotFoundError, ImportError):  # another package may provide it, or charlstm runs from its source
        return
    for requirement in map(Requirement, lines):
        is_ours = requirement.name == name and requirement.marker is None
        if is_ours and not requirement.specifier.contains(installed, prereleases=True):
            raise LibraryError(f"{name} {installed} is installed, but charlstm needs {requirement}", hint=hint)


def _reason(error: BaseException) -> str:
    """Return in one line why an import failed. TensorFlow's own message is a traceback; its cause says it shorter."""
    while str(error).lstrip().startswith("Traceback") and (cause := error.__cause__ or error.__context__):
        error = cause
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".removesuffix(": ")
