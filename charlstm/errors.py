"""Errors that the user can fix.

Each carries a hint, which says how to fix it, and the exit code that the command ends with.
"""


class CharLSTMError(Exception):
    """An error that the user can fix: a one-line message and a hint that says how."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SettingError(CharLSTMError):
    """A setting is out of range: wrong usage."""

    exit_code = 2


class CorpusError(CharLSTMError):
    """A text cannot be read, or cannot be used for training."""


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


class LibraryError(CharLSTMError):
    """A library that charlstm needs is missing, broken, or of another version."""
