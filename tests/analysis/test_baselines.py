import lzma
import math

import numpy as np
import pytest

from charlstm.analysis.baselines import AFTER_TRAINING, COLD, NGRAM_ORDER, measure_baselines
from charlstm.analysis.compressors import added_bits, ppmd_compressor, xz_size
from charlstm.analysis.kneser_ney import kneser_ney_nats
from charlstm.analysis.report import evaluate_ids
from charlstm.analysis.reporting import Silent
from charlstm.errors import LibraryError

LINE = "the quick brown fox jumps over the lazy dog\n"
TEXT = "a lazy dog and the quick brown fox\n" * 3


class Recorder(Silent):
    def __init__(self):
        self.warnings = []

    def on_warning(self, message):
        self.warnings.append(message)


@pytest.fixture
def report(model):
    return evaluate_ids(model, model.vocabulary.encode(TEXT))


def test_a_text_adds_little_to_one_that_it_is_like():
    pytest.importorskip("pyppmd")
    for compress in (xz_size, ppmd_compressor()):
        alone, after = added_bits(compress, TEXT), added_bits(compress, TEXT, after=LINE * 20)
        assert alone == 8 * compress(TEXT.encode())
        assert after == 8 * (compress((LINE * 20 + TEXT).encode()) - compress((LINE * 20).encode()))
        assert after < alone


def test_the_sizes_are_those_of_the_compressors():
    pyppmd = pytest.importorskip("pyppmd")
    content = TEXT.encode()
    encoder = pyppmd.Ppmd7Encoder(6, 1 << 28)
    assert ppmd_compressor()(content) == len(encoder.encode(content)) + len(encoder.flush())
    assert lzma.decompress(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)) == content
    assert xz_size(content) == len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def test_each_baseline_is_compared_with_the_network(report, model):
    pytest.importorskip("pyppmd")
    training = model.vocabulary.encode(LINE * 20)
    ngrams, *compressed = measure_baselines(report, training, reporter=Silent())
    nats = kneser_ney_nats(training, report.ids, vocabulary_size=len(model.vocabulary), max_order=NGRAM_ORDER)
    assert ngrams.nats_per_character == pytest.approx(nats.mean())
    assert ngrams.difference == pytest.approx(nats.mean() - report.scores.nats_per_character)
    assert ngrams.interval is not None
    assert ngrams.interval.low < ngrams.difference < ngrams.interval.high
    assert [(one.name, one.knows) for one in compressed] == [
        ("PPMd", AFTER_TRAINING), ("PPMd", COLD), ("xz", AFTER_TRAINING), ("xz", COLD)
    ]  # fmt: skip
    bits = added_bits(ppmd_compressor(), TEXT, after=LINE * 20)
    assert compressed[0].bits_per_character == pytest.approx(bits / len(TEXT))
    assert compressed[0].nats_per_character == pytest.approx(bits / len(TEXT) * math.log(2))
    assert all(one.learns and one.interval is None for one in compressed)


def test_without_a_training_text_they_know_nothing(report):
    assert {one.knows for one in measure_baselines(report, None, reporter=Silent())} == {COLD}


def test_without_its_library_ppmd_is_left_out(report, monkeypatch):
    def fail():
        raise LibraryError("pyppmd cannot be imported", hint="install it")

    monkeypatch.setattr("charlstm.analysis.baselines.ppmd_compressor", fail)
    recorder = Recorder()
    names = {one.name for one in measure_baselines(report, np.array([1, 2, 3]), reporter=recorder)}
    assert names == {f"Kneser-Ney, {NGRAM_ORDER + 1}-grams", "xz"}
    assert recorder.warnings == ["PPMd is left out: pyppmd cannot be imported; install it"]


def test_of_a_long_training_text_the_end_is_taken(report, monkeypatch):
    monkeypatch.setattr("charlstm.analysis.baselines.MAX_TRAINING", 100)
    vocabulary = report.vocabulary
    long, end = (vocabulary.encode(text) for text in ("xyz " * 50 + LINE * 5, (LINE * 5)[-100:]))
    both = [measure_baselines(report, training, reporter=Silent()) for training in (long, end)]
    assert both[0] == both[1]
