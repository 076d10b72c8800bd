"""How well models without a neural network predict the same text: n-grams, PPMd and xz."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.analysis.bootstrap import Interval, mean_interval
from charlstm.analysis.compressors import Compressor, added_bits, ppmd_compressor, xz_size
from charlstm.analysis.evaluation import nats_to_bits
from charlstm.analysis.kneser_ney import kneser_ney_nats
from charlstm.analysis.report import EvaluationReport
from charlstm.analysis.reporting import EvaluationReporter
from charlstm.analysis.trained_text import learned_ids
from charlstm.arrays import Ids
from charlstm.errors import CharLSTMError, LibraryError
from charlstm.storage.model_file import Model
from charlstm.storage.run_folder import RunFolder

NGRAM_ORDER = 6  # characters of context; of 4 to 14 the best on tiny Shakespeare, by little
MAX_TRAINING = 16_000_000  # characters, the last ones of the training text: more takes minutes
AFTER_TRAINING, COLD = "after the training text", "cold"


@dataclass(frozen=True)
class Baseline:
    """How well one model without a network predicts a text."""

    name: str
    knows: str  # AFTER_TRAINING, or COLD: it knows nothing before it reads the text
    learns: bool  # while it reads the text, which the network does not
    nats_per_character: float
    difference: float  # nats per character more than the network
    interval: Interval | None = None  # of the difference; a compressor does not say what each character takes

    @property
    def bits_per_character(self) -> float:
        return nats_to_bits(self.nats_per_character)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "knows": self.knows,
            "learns": self.learns,
            "nats_per_character": self.nats_per_character,
            "bits_per_character": self.bits_per_character,
            "difference": self.difference,
            "interval": self.interval and self.interval.to_json(),
        }


def baselines_of_run(
    report: EvaluationReport, path: Path, model: Model, *, reporter: EvaluationReporter
) -> list[Baseline]:
    """Return the baselines of the text of a report, which learn from what the model in a file has learned from.

    If that text cannot be read, there are only those that know nothing before they read the text of the report.
    """
    training = None
    try:
        training = learned_ids(RunFolder(path.parent), model)
    except CharLSTMError as problem:
        reporter.on_warning(f"the baselines cannot learn from the training text: {problem}")
    return measure_baselines(report, training, reporter=reporter)


def measure_baselines(
    report: EvaluationReport, training: Ids | None, *, reporter: EvaluationReporter
) -> list[Baseline]:
    """Return the baselines of the text of a report; `training` are the ids (characters,) to learn from, if any.

    PPMd is left out, with a warning, if its library is not installed.
    """
    if training is not None and len(training) > MAX_TRAINING:
        reporter.on_message(f"the baselines learn from the last {MAX_TRAINING:,} characters of the training text")
        training = training[-MAX_TRAINING:]
    compressors: dict[str, Compressor] = {"xz": xz_size}
    try:
        compressors = {"PPMd": ppmd_compressor()} | compressors
    except LibraryError as problem:
        reporter.on_warning(f"PPMd is left out: {problem}; {problem.hint}")
    num_steps = len(compressors) * (1 if training is None else 2) + (training is not None)
    return list(reporter.progress(_baselines(report, training, compressors), "baselines", total=num_steps))


def _baselines(
    report: EvaluationReport, training: Ids | None, compressors: dict[str, Compressor]
) -> Iterator[Baseline]:
    vocabulary, ids = report.vocabulary, report.ids
    if training is not None:
        yield _ngrams(report, np.asarray(training))
    text = vocabulary.decode(ids)
    before = "" if training is None else vocabulary.decode(np.asarray(training))
    for name, compress in compressors.items():
        if before:
            yield _compressed(name, AFTER_TRAINING, added_bits(compress, text, after=before), report)
        yield _compressed(name, COLD, added_bits(compress, text), report)


def _ngrams(report: EvaluationReport, training: Ids) -> Baseline:
    nats = kneser_ney_nats(training, report.ids, vocabulary_size=len(report.vocabulary), max_order=NGRAM_ORDER)
    differences = nats - report.losses.nats
    return Baseline(
        f"Kneser-Ney, {NGRAM_ORDER + 1}-grams",
        AFTER_TRAINING,
        learns=False,
        nats_per_character=float(nats.mean()),
        difference=float(differences.mean()),
        interval=mean_interval(differences),
    )


def _compressed(name: str, knows: str, bits: float, report: EvaluationReport) -> Baseline:
    """Return the baseline of a compressor, which takes these bits for all characters of the text."""
    nats = bits * math.log(2) / len(report.ids)
    difference = nats - report.scores.nats_per_character
    return Baseline(name, knows, learns=True, nats_per_character=nats, difference=difference)
