"""What can go wrong in a way that a user can mend.

Every kind carries a hint (what to do about it) and the exit code the command ends with.
"""


class CharLSTMError(Exception):
    """Something the user can mend: one line that says what is wrong, and a hint that says what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SettingError(CharLSTMError):
    """A setting outside its range: wrong usage."""

    exit_code = 2


class CorpusError(CharLSTMError):
    """A text that cannot be read, or cannot be learned from."""


class VocabularyError(CharLSTMError):
    """A character that a model does not know."""


class TensorFileError(CharLSTMError):
    """A file of arrays and facts that is missing, damaged, or not one of ours."""


class ModelFileError(TensorFileError):
    """A model file that is missing, damaged, or not one of ours."""


class RunError(CharLSTMError):
    """A run folder that is missing, taken, or cannot be written."""


class TrainingError(CharLSTMError):
    """A training that cannot go on."""
