"""Short beginnings from the training text. The model file keeps them, for when the user gives no prompt.

Of a list of short lines, the beginnings are whole lines, each ended by a line end: the model reads them, and what it
writes next begins a line of its own. Of any other text they are the first words of lines, which the model continues.
"""

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.text.line_lists import is_line_list
from charlstm.text.vocabulary import Vocabulary

MAX_LINE_STARTS = 32
MAX_LENGTH = 16  # characters of a line start
MAX_CONTEXT = 32  # characters of whole lines
MAX_SEARCHED = 4_000_000  # characters from the start of the text
NUM_CANDIDATES = 8 * MAX_LINE_STARTS  # lines that are looked at
MIN_WHOLE_LINES, MIN_WORD_SHARE = 8, 0.9  # of line starts without a space, to be taken for lines of one word


def find_line_starts(ids: Ids, vocabulary: Vocabulary) -> list[str]:
    """Return the first words of some lines, or, of a list of short lines, some whole lines with their line ends.

    They are spread evenly over a text of ids (characters,). Lines of white space are left out.

    >>> find_line_starts(Vocabulary("\\n abc").encode("ab a\\nca b\\n\\nb\\n"), Vocabulary("\\n abc"))
    ['ab', 'b', 'ca']
    """
    ids = np.asarray(ids[:MAX_SEARCHED])
    newlines = np.flatnonzero(ids == vocabulary.characters.find("\n"))
    starts = np.concatenate([[0], newlines + 1])
    if is_line_list(ids, vocabulary):
        return _whole_lines(ids, newlines, vocabulary)
    candidates = starts[_spread(len(starts), NUM_CANDIDATES)]
    found = {_first_words(vocabulary.decode(ids[start : start + MAX_LENGTH + 1])) for start in candidates}
    usable = sorted(text for text in found if text.strip() and (vocabulary.unknown or "\n") not in text)
    return [usable[index] for index in _spread(len(usable), MAX_LINE_STARTS)]


def hide_whole_lines(line_starts: list[str]) -> list[str]:
    """Return the line starts of a model made before lists were recognised, with line ends if they are whole lines.

    They are if nearly all are single words, and not cut off: the text was a list of words or names.
    """
    is_cut = [len(start) == MAX_LENGTH // 2 for start in line_starts]
    words = [start for start in line_starts if " " not in start and "\n" not in start]
    is_list = len(line_starts) >= MIN_WHOLE_LINES and len(words) >= MIN_WORD_SHARE * len(line_starts)
    if not is_list or sum(is_cut) > len(line_starts) / 2:
        return line_starts
    return [f"{start}\n" for start in line_starts]


def begins_on_new_line(line_start: str) -> bool:
    """Return whether a line start is whole lines, after which the model begins one of its own."""
    return line_start.endswith("\n")


def sample_line_start(line_starts: list[str], random_seed: int) -> str:
    """Return one line start, determined by the random seed; an empty string if there are none."""
    if not line_starts:
        return ""
    rng = np.random.Generator(np.random.Philox(key=random_seed % 2**128).jumped())
    return line_starts[int(rng.integers(len(line_starts)))]


def _whole_lines(ids: Ids, newlines: npt.NDArray[np.intp], vocabulary: Vocabulary) -> list[str]:
    """Return the last lines before some line ends, as many as fit; of a longer line its end."""
    found = set()
    for end in newlines[_spread(len(newlines), NUM_CANDIDATES)]:
        text = vocabulary.decode(ids[max(0, end + 1 - MAX_CONTEXT) : end + 1])
        first, newline, rest = text.partition("\n")  # the first line may be cut off
        found.add(rest if rest.strip() else first + newline)
    usable = sorted(text for text in found if text.strip() and (vocabulary.unknown or "\0") not in text)
    return [usable[index] for index in _spread(len(usable), MAX_LINE_STARTS)]


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
