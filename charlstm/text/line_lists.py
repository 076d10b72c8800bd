"""Recognise a list of short lines: names, titles, one message a line. Its lines are independent of one another."""

import numpy as np

from charlstm.arrays import Ids
from charlstm.text.vocabulary import Vocabulary

MIN_LINES = 30
MAX_LINE_LENGTH = 300  # characters that all but one line in twenty must stay below
MAX_BLANK_SHARE = 0.02  # of the lines; prose and verse have more blank lines, between paragraphs and stanzas
MAX_INDENTED_SHARE = 0.02  # source code and verse have more
SHORT_LINE = 36  # characters; lines of verse and wrapped prose are longer
MIN_VARIATION = 0.4  # of the lengths of longer lines: wrapped prose fills its lines, so it varies less
MAX_SEARCHED = 1_000_000  # characters from the start of the text


def is_line_list(ids: Ids, vocabulary: Vocabulary) -> bool:
    """Return whether a text of ids (characters,) is a list of short lines, by the lengths of its lines.

    Lines of verse are not: nearly all of them are as long as one another, or longer than a name.
    """
    characters = vocabulary.characters
    newline = characters.find("\n")
    if newline < 0:
        return False
    ids = np.asarray(ids[:MAX_SEARCHED])
    ends = np.flatnonzero(ids == newline)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    written = lengths > 0
    if written.sum() < MIN_LINES or 1 - written.mean() > MAX_BLANK_SHARE:
        return False
    blanks = [index for index, character in enumerate(characters) if character in " \t\u3000"]
    if np.isin(ids[starts[written]], blanks).mean() > MAX_INDENTED_SHARE:
        return False
    lengths = lengths[written]
    if np.quantile(lengths, 0.9) <= SHORT_LINE:
        return True
    return bool(np.quantile(lengths, 0.95) <= MAX_LINE_LENGTH and lengths.std() >= MIN_VARIATION * lengths.mean())
