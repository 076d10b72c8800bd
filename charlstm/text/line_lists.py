"""Recognise a list of short lines: names, titles, one message a line. Its lines are independent of one another."""

import numpy as np
import numpy.typing as npt

from charlstm.arrays import Ids
from charlstm.text.vocabulary import Vocabulary

MIN_LINES = 30
MAX_LINE_LENGTH = 300  # characters that all but one line in twenty must stay below
MAX_BLANK_SHARE = 0.02  # of the lines; prose and verse have more blank lines, between paragraphs and stanzas
MAX_BLANK_SHARE_OF_NAMES = 0.15  # lines of one or two words may stand in groups
MAX_INDENTED_SHARE = 0.02  # source code and verse have more; in a list either hardly any line is indented, or all are
SHORT_LINE = 36  # characters; lines of verse and wrapped prose are longer
MIN_VARIATION = 0.2  # of the lengths of longer lines: those of metrical verse vary by 0.08 to 0.15, headlines by 0.25
GREAT_VARIATION = 0.4  # lines of lyrics and free verse vary less
CONTINUES = ",;:-\u2013\u2014\u060c\u061b\uff0c\u3001\uff1b\uff1a"  # at the end of a line: the sentence goes on
MAX_CONTINUED_SHARE = 0.05  # of longer lines; verse and plays have 0.2 to 0.5, wrapped prose 0.1, headlines hardly any
MAX_REPEATED_SHARE = 0.1  # of longer lines that vary less; lyrics repeat their choruses
MIN_WRAPPED_SHARE = 0.8  # of the lines of wrapped prose; the others end paragraphs
MIN_WORDS, MIN_WRAPPED_LENGTH = 3, 15  # of an average line: a list of words of five letters is not wrapped
MAX_SEARCHED = 1_000_000  # characters from the start of the text

Positions = npt.NDArray[np.intp]  # (lines,)


def is_line_list(ids: Ids, vocabulary: Vocabulary) -> bool:
    """Return whether a text of ids (characters,) is a list of short lines, by the lengths of its lines.

    Lines of verse and lyrics are not: longer than names, they are as long as one another, repeated, or end in the
    middle of a sentence.
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
    is_blank = np.isin(ids, [index for index, character in enumerate(characters) if character in " \t\u3000"])
    num_words = 1 + _sums(is_blank, starts, ends)[written]
    are_names = np.quantile(num_words, 0.9) <= 2 if len(num_words) else False
    max_blank_share = MAX_BLANK_SHARE_OF_NAMES if are_names else MAX_BLANK_SHARE
    if written.sum() < MIN_LINES or 1 - written.mean() > max_blank_share:
        return False
    if MAX_INDENTED_SHARE < is_blank[starts[written]].mean() < 1 - MAX_INDENTED_SHARE:
        return False
    starts, ends, lengths = starts[written], ends[written], lengths[written]
    if _is_wrapped(starts, ends, is_blank, num_words) or np.quantile(lengths, 0.95) > MAX_LINE_LENGTH:
        return False
    if np.quantile(lengths, 0.9) <= SHORT_LINE:
        return True
    continues = [index for index, character in enumerate(characters) if character in CONTINUES]
    if np.isin(ids[ends - 1], continues).mean() > MAX_CONTINUED_SHARE:
        return False
    variation = lengths.std() / lengths.mean()
    if variation >= GREAT_VARIATION:
        return True
    return bool(variation >= MIN_VARIATION and _repeated_share(ids, starts, ends) <= MAX_REPEATED_SHARE)


def _repeated_share(ids: Ids, starts: Positions, ends: Positions) -> float:
    """Return the share of the lines that have stood before."""
    lines = {ids[start:end].tobytes() for start, end in zip(starts, ends, strict=True)}
    return 1 - len(lines) / len(starts)


def _is_wrapped(starts: Positions, ends: Positions, is_blank: npt.NDArray[np.bool_], num_words: Positions) -> bool:
    """Return whether lines are as long as a width allows: the first word of the next one would not fit.

    Text without spaces, such as Chinese, is wrapped if most lines have the same length.
    """
    lengths = ends - starts
    if lengths.mean() < MIN_WRAPPED_LENGTH:
        return False
    width = np.quantile(lengths, 0.98)
    if num_words.mean() < MIN_WORDS:
        return bool((lengths == lengths.max()).mean() >= MIN_WRAPPED_SHARE)
    blanks = np.append(np.flatnonzero(is_blank), len(is_blank))
    first_words = np.minimum(blanks[np.searchsorted(blanks, starts)], ends) - starts
    return bool((lengths[:-1] + 1 + first_words[1:] > width).mean() >= MIN_WRAPPED_SHARE)


def _sums(flags: npt.NDArray[np.bool_], starts: Positions, ends: Positions) -> Positions:
    """Return how many flags are set from each start to its end."""
    totals = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(totals[ends] - totals[starts], np.intp)
