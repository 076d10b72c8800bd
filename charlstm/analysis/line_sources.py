"""Where the lines come from that generated ones are compared with: the model files, or else the training texts."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from charlstm.errors import CharLSTMError
from charlstm.generation.line_filter import LineFilter
from charlstm.generation.load import LoadedModel
from charlstm.storage.run_folder import RunFolder
from charlstm.text.known_lines import KnownLines


def choose_line_filter(
    models: Sequence[LoadedModel],
    on_message: Callable[[str], None],
    *,
    new: bool | None,
    unique: bool | None,
    temperature: float,
) -> LineFilter | None:
    """Return the filter for new lines, unique ones, or both; None if all lines may be written.

    With `new` None, lines must be new if the models were trained on lists of short lines and these can be found; but
    not at temperature 0, which asks for the most probable text wherever it stands. With `unique` None they must then be
    unique as well. Raises RunError or CorpusError if `new` is True, and a training text is needed and cannot be read as
    it was.
    """
    writes_list = temperature > 0 and all(loaded.is_line_list for loaded in models)
    unique = writes_list if unique is None else unique
    if new is None:
        with suppress(CharLSTMError):
            if writes_list:
                return LineFilter(known=find_known_lines(models, on_message), unique=unique)
    known = find_known_lines(models, on_message) if new else None
    return LineFilter(known=known, unique=unique) if new or unique else None


def find_known_lines(models: Sequence[LoadedModel], on_message: Callable[[str], None]) -> KnownLines:
    """Return the lines of the texts that models were trained on.

    The model of a list of short lines holds their checksums; for another one its text is read again. Raises RunError or
    CorpusError if that text cannot be read as it was.
    """
    parts = []
    for loaded in models:
        path, training = loaded.path, loaded.model.training
        if "line_checksums" in training:
            parts.append(KnownLines.from_base64(training["line_checksums"]))
            continue
        from charlstm.analysis.training_text import read_training_text  # not needed for a list, and slow to import

        on_message(f"reading the training text of {path}")
        corpus = read_training_text(RunFolder(path.parent), loaded.model, on_message)
        parts.append(KnownLines.from_chunks(corpus.chunks()))
    return KnownLines.union(parts)
