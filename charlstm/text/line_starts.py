"""Short line starts of the training text. The model file keeps them, as prompts for when the user gives none."""

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.text.vocabulary import Vocabulary

MAX_LINE_STARTS = 32
MAX_LENGTH = 16  # characters of a line start
MAX_SEARCHED = 4_000_000  # characters from the start of the text
NUM_CANDIDATES = 8 * MAX_LINE_STARTS  # lines that are looked at


def find_line_starts(ids: Ids, vocabulary: Vocabulary) -> list[str]:
    """Return the first words of some lines, spread evenly over a text of ids (characters,).

    Lines of white space are left out.

    >>> find_line_starts(Vocabulary("\\n abc").encode("ab a\\nca b\\n\\nb\\n"), Vocabulary("\\n abc"))
    ['ab', 'b', 'ca']
    """
    ids = np.asarray(ids[:MAX_SEARCHED])
    newlines = np.flatnonzero(ids == vocabulary.characters.find("\n"))
    starts = np.concatenate([[0], newlines + 1])
    candidates = starts[_spread(len(starts), NUM_CANDIDATES)]
    found = {_first_words(vocabulary.decode(ids[start : start + MAX_LENGTH + 1])) for start in candidates}
    usable = sorted(text for text in found if text.strip() and (vocabulary.unknown or "\n") not in text)
    return [usable[index] for index in _spread(len(usable), MAX_LINE_STARTS)]


def sample_line_start(line_starts: list[str], random_seed: int) -> str:
    """Return one line start, determined by the random seed; an empty string if there are none."""
    if not line_starts:
        return ""
    rng = np.random.Generator(np.random.Philox(key=random_seed % 2**128).jumped())
    return line_starts[int(rng.integers(len(line_starts)))]


def _spread(length: int, count: int) -> npt.NDArray[np.int_]:
    """Return at most `count` indices, spread evenly over a sequence of this length."""
    return np.unique(np.linspace(0, length - 1, count).round().astype(int)) if length else np.empty(0, int)


def _first_words(text: str) -> str:
    """Return the start of a line without its last word, which may be cut off.

    A single word is kept if the line ends after it; otherwise only the first half of the maximum length is.
    """
    line, newline, _ = text.partition("\n")
    words, space, _ = line.rpartition(" ")
    if space and words.strip():
        return words
    return line[:MAX_LENGTH] if newline else line[: MAX_LENGTH // 2]
