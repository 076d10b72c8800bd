"""Divide a text for validation: its end, whole lines of it, or blocks of it, drawn over the whole text."""

import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.errors import CorpusError
from charlstm.machine import CACHE_HINT, make_cache_folder
from charlstm.text.id_files import CHUNK_IDS, in_chunks
from charlstm.text.line_lists import is_line_list
from charlstm.text.vocabulary import Vocabulary

MIN_BLOCK, MAX_BLOCK = 500, 4000  # characters
NUM_BLOCKS = 5  # for validation, of a short text
MAX_IN_MEMORY = 1 << 24  # ids of a part that is not kept in a file
_SEED = 0x5B117  # so that these random numbers are not those of another use of the same random seed

Flags = npt.NDArray[np.bool_]  # (pieces,)
Positions = npt.NDArray[np.int64]


def default_validation_split(ids: Ids, vocabulary: Vocabulary) -> str:
    """Return how a text is divided unless the user says so: at its end, and a list of short lines by lines."""
    return "lines" if is_line_list(ids, vocabulary) else "end"


def block_size(num_characters: int, validation: float) -> int:
    """Return the length of the blocks of a text of which the share `validation` is drawn."""
    share = int(num_characters * validation)
    return max(2, min(share, max(MIN_BLOCK, min(MAX_BLOCK, share // NUM_BLOCKS))))


def line_pieces(ids: Ids, vocabulary: Vocabulary) -> Positions:
    """Return where each line starts in a text of ids (characters,)."""
    newline = vocabulary.characters.find("\n")  # -1, which no id is, without one
    after_newlines = (start + 1 + np.flatnonzero(chunk == newline) for start, chunk in _numbered_chunks(ids))
    starts = np.concatenate([np.zeros(1, np.int64), *after_newlines])
    return starts[starts < len(ids)]


def block_pieces(ids: Ids, vocabulary: Vocabulary, *, size: int) -> Positions:
    """Return where each block starts; it is cut at the next line end, or else at the next space, if one is near."""
    separators = [vocabulary.characters.find(character) for character in "\n "]
    cuts = [0]
    for position in range(size, len(ids) - size // 2, size):
        near = np.asarray(ids[position : position + size // 2])
        found = next((np.flatnonzero(near == separator) for separator in separators if (near == separator).any()), None)
        cuts.append(position if found is None else position + int(found[0]) + 1)
    return np.array(cuts, np.int64)


def draw_pieces(num_pieces: int, share: float, random_seed: int) -> Flags:
    """Return which pieces are drawn: their share, at least one, and one from each of so many equal parts."""
    num_drawn = min(num_pieces, max(1, round(num_pieces * share)))
    edges = np.arange(num_drawn + 1) * num_pieces // num_drawn
    uniform = np.random.default_rng((random_seed, _SEED)).random(num_drawn)
    drawn = np.zeros(num_pieces, np.bool_)
    drawn[edges[:-1] + (uniform * np.diff(edges)).astype(np.int64)] = True
    return drawn


def join_pieces(ids: Ids, starts: Positions, chosen: Flags) -> Ids:
    """Return the chosen pieces of a text in their order. Many ids are put into a file, which is mapped into memory.

    Raises CorpusError or RunError if that file cannot be written.
    """
    size = int(np.diff(starts, append=len(ids))[chosen].sum())
    chunks = _chosen_ids(ids, starts, chosen)
    if size <= MAX_IN_MEMORY:
        return np.concatenate([np.empty(0, ids.dtype), *chunks])
    folder = make_cache_folder()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:  # has no name, so nothing is left of it after the process
            for chunk in chunks:
                file.write(chunk.tobytes())
            file.flush()
            return np.asarray(np.memmap(file, dtype=ids.dtype, mode="r"))
    except OSError as error:
        raise CorpusError(f"{folder} cannot be written: {error.strerror}", hint=CACHE_HINT) from error


def _chosen_ids(ids: Ids, starts: Positions, chosen: Flags) -> Iterator[Ids]:
    for start, chunk in _numbered_chunks(ids):
        end = start + len(chunk)
        first, last = int(np.searchsorted(starts, start, "right")) - 1, int(np.searchsorted(starts, end, "left"))
        edges = np.concatenate([[start], starts[first + 1 : last], [end]])
        yield np.asarray(chunk)[np.repeat(chosen[first:last], np.diff(edges))]


def _numbered_chunks(ids: Ids) -> Iterator[tuple[int, Ids]]:
    for number, chunk in enumerate(in_chunks(ids)):
        yield number * CHUNK_IDS, chunk
