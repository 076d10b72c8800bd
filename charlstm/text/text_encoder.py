"""Texts to ids while they are read: each new character gets the next id, and the ids are sorted at the end."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from charlstm.errors import CorpusError
from charlstm.text.id_files import IdSpool
from charlstm.text.vocabulary import MAX_VOCABULARY, from_code_points, to_code_points

CHUNK_CHARACTERS = 1 << 20  # encoded at once
NUM_CODE_POINTS = 0x110000  # of Unicode


class TextEncoder:
    """Appends texts, each from a new line, to a spool of ids; counts the characters and digests the text."""

    def __init__(self, spool: IdSpool) -> None:
        self._spool = spool
        self._code_points: list[int] = []  # of the characters in the order in which they were found
        self._digest = hashlib.sha256()
        self._ids_by_code_point = np.full(NUM_CODE_POINTS, -1, np.int32)
        self._counts = np.zeros(MAX_VOCABULARY, np.int64)
        self._last_character = "\n"

    @property
    def digest(self) -> str:
        """The SHA-256 of the text in UTF-8."""
        return self._digest.hexdigest()

    def append(self, chunks: Iterable[str]) -> bool:
        """Append a text, and return whether it has any characters.

        If its chunks end with an error, nothing of the text remains, and the error is raised.
        """
        size, num_known, last_character = len(self._spool), len(self._code_points), self._last_character
        counts, digest = self._counts[:num_known].copy(), self._digest.copy()
        try:
            for index, chunk in enumerate(filter(None, chunks)):
                if index == 0 and self._last_character != "\n":
                    self._encode("\n")
                for start in range(0, len(chunk), CHUNK_CHARACTERS):
                    self._encode(chunk[start : start + CHUNK_CHARACTERS])
        except CorpusError:
            self._spool.truncate(size)
            self._ids_by_code_point[self._code_points[num_known:]] = -1
            del self._code_points[num_known:]
            self._counts[:num_known], self._counts[num_known:] = counts, 0
            self._digest, self._last_character = digest, last_character
            raise
        return len(self._spool) > size

    def ordered(self) -> tuple[str, tuple[int, ...], npt.NDArray[np.unsignedinteger]]:
        """Return the characters ordered by code point, their counts, and for each id its index in that order."""
        order = np.argsort(self._code_points)
        ranks = np.empty(len(order), np.min_scalar_type(len(order) - 1))
        ranks[order] = np.arange(len(order))
        characters = from_code_points(np.array(self._code_points, np.uint32)[order])
        return characters, tuple(self._counts[order].tolist()), ranks

    def _encode(self, text: str) -> None:
        code_points = to_code_points(text)
        ids = self._ids_by_code_point[code_points]
        if (ids < 0).any():
            is_new = np.zeros(NUM_CODE_POINTS, np.bool_)
            is_new[code_points[ids < 0]] = True
            self._add(np.flatnonzero(is_new))
            ids = self._ids_by_code_point[code_points]
        counts = np.bincount(ids)
        self._counts[: len(counts)] += counts
        self._digest.update(text.encode("utf-8", "surrogatepass"))
        self._spool.append(ids.astype(np.uint16))
        self._last_character = text[-1]

    def _add(self, code_points: npt.NDArray[np.intp]) -> None:
        num_known = len(self._code_points)
        if num_known + len(code_points) > MAX_VOCABULARY:
            raise CorpusError(
                f"the text has more than {MAX_VOCABULARY:,} different characters",
                hint="check that it is a text, and its encoding",
            )
        self._ids_by_code_point[code_points] = num_known + np.arange(len(code_points))
        self._code_points.extend(code_points.tolist())
