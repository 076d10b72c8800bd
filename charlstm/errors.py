"""Errors that the user can fix.

Each carries a hint, which says how to fix it, and the exit code that the command ends with.
"""

from collections.abc import Iterable

SIMILAR = 0.7  # the similarity of names, from 0 to 1, from which one counts as the other misspelt
MAX_SHOWN = 60  # characters of a value in a message


def shown(value: object) -> str:
    """Return a value for a message: its repr, shortened in the middle, so that a message stays one readable line.

    >>> shown("a" * 1000)
    "'aaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN * 64:  # Python refuses to write thousands of digits
        return f"an integer of {value.bit_length():,} bits"
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        value = value[:MAX_SHOWN] + value[-MAX_SHOWN:]  # a repr of megabytes takes time
    text = repr(value)
    half = (MAX_SHOWN - 3) // 2
    return text if len(text) <= MAX_SHOWN else f"{text[:half]}...{text[-half:]}"


def did_you_mean(given: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return a hint that names what a misspelt name may stand for, before the other advice; else only that.

    >>> did_you_mean("recepies", ["names", "recipes"], otherwise="charlstm runs lists them")
    "did you mean 'recipes'? charlstm runs lists them"
    """
    from difflib import get_close_matches

    matches = get_close_matches(given, list(known), 2, SIMILAR)
    return f"did you mean {' or '.join(map(repr, matches))}? {otherwise}" if matches else otherwise


class CharLSTMError(Exception):
    """An error that the user can fix: a one-line message and a hint that says how."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # for tracebacks; the command line shows the hint itself


class SettingError(CharLSTMError):
    """A setting is out of range: wrong usage."""

    exit_code = 2


class CorpusError(CharLSTMError):
    """A text cannot be read, or cannot be used for training."""


class ChangedTextError(CorpusError):
    """The text of a run is not the one that it was started with."""


class VocabularyError(CharLSTMError):
    """A text has characters that a model does not know, or a vocabulary is malformed."""


class TensorFileError(CharLSTMError):
    """A file of arrays and metadata is missing, damaged, or not written by charlstm."""


class ModelFileError(TensorFileError):
    """A model file is missing, damaged, or not written by charlstm."""


class RunError(CharLSTMError):
    """A run folder is missing or in use, or a file cannot be written."""


class TrainingError(CharLSTMError):
    """Training cannot continue."""


class GenerationError(CharLSTMError):
    """The model cannot write what was asked for."""


class ExportError(CharLSTMError):
    """A format cannot hold a model, or its file would not predict what the model does."""


class HubError(CharLSTMError):
    """The Hugging Face Hub refuses something, or cannot be reached."""


class LibraryError(CharLSTMError):
    """A library that charlstm needs is missing, broken, or of another version."""
