"""A few beginnings of lines of the training text, kept in the model file: what writing starts from by itself."""

import numpy as np

from charlstm.arrays import Ids
from charlstm.text.vocabulary import Vocabulary

MOST, LONGEST = 32, 16  # line_starts, and characters of one
SEARCHED = 4_000_000  # characters from the beginning of the text


def find_line_starts(ids: Ids, vocabulary: Vocabulary) -> list[str]:
    """The first words of some lines, spread evenly over the text; nothing that is only white space.

    >>> find_line_starts(Vocabulary("\\n abc").encode("ab a\\nca b\\n\\nb\\n"), Vocabulary("\\n abc"))
    ['ab', 'b', 'ca']
    """
    ids = np.asarray(ids[:SEARCHED])
    ends = np.flatnonzero(ids == vocabulary.characters.find("\n"))
    starts = np.concatenate([[0], ends + 1])
    chosen = starts[np.unique(np.linspace(0, len(starts) - 1, 8 * MOST).round().astype(int))]
    found = {_first_words(vocabulary.decode(ids[start : start + LONGEST + 1])) for start in chosen}
    usable = sorted(text for text in found if text.strip() and (vocabulary.unknown or "\n") not in text)
    return (
        [usable[place] for place in np.unique(np.linspace(0, len(usable) - 1, MOST).round().astype(int))]
        if usable
        else []
    )


def draw_line_start(line_starts: list[str], random_seed: int) -> str:
    """One of them, the same for the same random seed; nothing if there are none."""
    if not line_starts:
        return ""
    generator = np.random.Generator(np.random.Philox(key=random_seed % 2**128).jumped())
    return line_starts[int(generator.integers(len(line_starts)))]


def _first_words(text: str) -> str:
    """The beginning of a line without its last word, which may have been cut; of a single word all but its end."""
    line, end, _ = text.partition("\n")
    words, space, _ = line.rpartition(" ")
    return words if space and words.strip() else line[:LONGEST] if end else line[: LONGEST // 2]
