"""Score texts with a trained model, in compiled code if they are long enough: one text, or many side by side."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from charlstm.analysis.evaluation import CharacterLosses, chunk_length, losses_of, num_chunks, score_text
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.arrays import Ids
from charlstm.generation.stepper import make_stepper
from charlstm.generation.window_stepper import SequenceReader
from charlstm.libraries import can_compile
from charlstm.storage.model_file import Model

COLD_WINDOW = 256  # characters that are predicted from a zero state, as nanoGPT's evaluation counts
MAX_UNCOMPILED_LENGTH = COLD_WINDOW  # characters; up to here NumPy is done before compiled code is loaded
MAX_STREAMS = 64  # texts that are read side by side


def scoring_stepper(model: Model, num_characters: int, *, reporter: EvaluationReporter = SILENT) -> SequenceReader:
    """Return what reads a number of characters fastest."""
    stepper = make_stepper(model)
    if num_characters > MAX_UNCOMPILED_LENGTH and can_compile():
        with reporter.compiling():
            return stepper.compiled()
    return stepper


def score_carried(stepper: SequenceReader, ids: Ids, *, reporter: EvaluationReporter = SILENT) -> CharacterLosses:
    """Return the losses of ids (characters,) but the first, with the state carried from zero states to the end."""
    length = chunk_length(len(stepper.vocabulary))
    chunks = score_text(stepper.read, stepper.initial_states(), ids, length)
    return CharacterLosses.join(reporter.progress(chunks, "scoring", total=num_chunks(ids, length)))


def score_side_by_side(
    stepper: SequenceReader, texts: Sequence[Ids], *, label: str = "scoring", reporter: EvaluationReporter = SILENT
) -> list[CharacterLosses]:
    """Return the losses of many texts, ids (characters,) each: every one from zero states, without its first character.

    They are read in batches, those of similar length together.
    """
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
    batches = [order[start : start + MAX_STREAMS] for start in range(0, len(order), MAX_STREAMS)]
    losses: dict[int, CharacterLosses] = {}
    for batch in reporter.progress(batches, label, total=len(batches)):
        losses |= zip(batch, _score_batch(stepper, [texts[index] for index in batch]), strict=True)
    return [losses[index] for index in range(len(texts))]


def cold_windows(ids: Ids, window: int = COLD_WINDOW) -> list[Ids]:
    """Cut ids (characters,) into windows that predict `window` characters each; the last one may be shorter.

    A window begins with the last character of the one before, so each character of the text but the first is scored
    once.
    """
    return [ids[start : start + window + 1] for start in range(0, len(ids) - 1, window)]


def _score_batch(stepper: SequenceReader, texts: Sequence[Ids]) -> list[CharacterLosses]:
    """Score texts, the longest first, side by side; those that have ended leave the batch."""
    lengths = np.array([max(0, len(text) - 1) for text in texts])  # characters that are scored
    padded = np.zeros((len(texts), max(map(len, texts), default=0)), np.intp)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = text
    nats, correct = np.zeros(padded.shape), np.zeros(padded.shape, np.bool_)
    states, start = stepper.initial_states(len(texts)), 0
    while active := int((lengths > start).sum()):
        stop = _chunk_end(lengths[:active], start, chunk_length(len(stepper.vocabulary) * active))
        states = [tuple(state[:active] for state in layer) for layer in states]
        logits, states = stepper.read(padded[:active, start:stop], states)
        losses = losses_of(logits, padded[:active, start + 1 : stop + 1])
        nats[:active, start:stop], correct[:active, start:stop] = losses.nats, losses.correct
        start = stop
    rows = zip(nats, correct, lengths, strict=True)
    return [CharacterLosses(row[:length], is_correct[:length]) for row, is_correct, length in rows]


def _chunk_end(lengths: npt.NDArray[np.int_], start: int, length: int) -> int:
    """Return where to end the chunk that begins at `start`: little is read past the end of the shorter texts."""
    middle = int(np.median(lengths))
    return min(start + length, middle if middle > start else int(lengths.max()))
