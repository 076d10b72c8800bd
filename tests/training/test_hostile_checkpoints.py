"""Checkpoints from strangers: each is refused in one line, and the one before is used; nothing else changes."""

import copy
import json
import math
import os
import random

import numpy as np
import pytest
from safetensors.numpy import save

from charlstm.analysis.evaluation import Scores
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import RunError
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.tensor_file import to_bytes
from charlstm.storage.tensor_header import METADATA_KEY
from charlstm.text.batches import split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.checkpoint_checks import expected_arrays, read_checked_arrays
from charlstm.training.history import Evaluation, History
from charlstm.training.snapshots import make_checkpoint, run_settings
from charlstm.training.training_data import TrainingData

MODEL = ModelConfig(num_layers=1, units=2, embedding_dim=2)
TRAINING = TrainingConfig(batch_size=2, sequence_length=4, epochs=1)
DTYPES = {"F32": np.float32, "I64": np.int64}
HUGE = 10**400


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The arrays and the metadata of a checkpoint, as a training run of two evaluations writes them."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "cats.txt").write_text("the cat sat\n" * 20)
    corpus = load_corpus([folder / "cats.txt"])
    vocabulary = Vocabulary.from_text(corpus.text)
    ids = vocabulary.encode(corpus.text)
    data = TrainingData(corpus, vocabulary, split_for_validation(ids, validation=0.1, sequence_length=4))
    history = History(step=9, seconds=1.5, first_nats=2.0, recent_nats=1.9)
    for step in (4, 8):
        history.add(Evaluation(step, 0.5, 1.0, 1.9, Scores(40.0, 7.0, 23), 1e4, 1e-3, "tac", True))
    history.interval.add(1.9, None, 1.0)
    types = expected_arrays(MODEL, TRAINING, len(vocabulary))
    arrays = {name: np.zeros(shape, DTYPES[dtype]) for name, (dtype, shape) in types.items()}
    best = {name.removeprefix("best/"): arrays.pop(name) for name in list(arrays) if name.startswith("best/")}
    settings = run_settings(data, MODEL, TRAINING, RunOrigin.now(command=["charlstm", "train"]))
    checkpoint = make_checkpoint(settings, history, arrays, best)
    metadata = checkpoint.metadata | {"kind": "checkpoint", "format_version": 1}
    return checkpoint.arrays, json.loads(json.dumps(metadata))


def refusal(run, content):
    """Return why a run with this checkpoint cannot be resumed."""
    run.checkpoint.write_bytes(content)
    with pytest.raises(RunError) as caught:
        load_checkpoint(run, read=read_checked_arrays)
    message = str(caught.value)
    assert len(message) < 400 + len(str(run.path))
    assert "\n" not in message
    return message


def paths_below(value, path=()):
    """Yield the path of each value in a JSON document: keys and indices."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths_below(item, (*path, key))


def changed(metadata, path, value):
    metadata = copy.deepcopy(metadata)
    target = metadata
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return metadata


def test_whole_checkpoint_is_read(whole, tmp_path):
    run = RunFolder(tmp_path)
    run.checkpoint.write_bytes(to_bytes(*whole))
    checkpoint, warning = load_checkpoint(run, read=read_checked_arrays)
    assert warning == ""
    assert checkpoint.arrays.keys() == whole[0].keys()


def test_every_value_of_the_metadata_is_checked(whole, tmp_path):
    """A value of another type anywhere in the metadata is refused; null is a value that some settings may have."""
    arrays, metadata = whole
    run, count = RunFolder(tmp_path), 0
    for path in paths_below(metadata):
        value = metadata
        for key in path:
            value = value[key]
        wrong = ["wrong"] if isinstance(value, dict | str) or value is None else {"wrong": 1}
        refusal(run, to_bytes(arrays, changed(metadata, path, wrong)))
        count += 1
        if isinstance(value, int | float) and not isinstance(value, bool):
            for figure in (math.nan, math.inf, -(10**12), HUGE, "3", True):
                refusal(run, to_bytes(arrays, changed(metadata, path, figure)))
                count += 1
    assert count > 250


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("history", "step"), 10**30),
        (("history", "evaluations", 0, "step"), 10),
        (("history", "evaluations", 1, "sample"), "a" * 1_000_000),
        (("history", "evaluations", 1, "validation", "characters"), 0),
        (("history", "evaluations"), [None] * 1_000_000),
        (("history", "evaluations"), [{}]),
        (("history", "rate_scale"), 0),
        (("history", "network"), 2),
        (("history", "network_step"), 10),
        (("history", "num_generated"), 10**12),
        (("history", "num_taught"), 0),
        (("history", "num_taught"), 10**12),
        (("history", "more"), 1),
        (("model", "cell"), "mogrifier:" + "3" * 5000),
        (("model", "attention"), 65_536),
        (("model", "window"), 1000),
        (("model", "units"), 16_384),
        (("model", "num_layers"), 100),
        (("training", "epochs"), HUGE),
        (("training", "batch_size"), 10**9),
        (("training", "batch_size"), 16_000),
        (("training", "sequence_length"), 10**9),
        (("training", "num_shards"), 10**9),
        (("training", "precision"), "float64"),
        (("training", "more"), 1),
        (("vocabulary", "characters"), ""),
        (("vocabulary", "characters"), "ba"),
        (("vocabulary", "characters"), "\ud800"),
        (("vocabulary", "characters"), "".join(map(chr, range(0x10000, 0x10000 + 70_000)))),
        (("vocabulary", "unknown"), "xy"),
        (("vocabulary", "normalize"), "x"),
        (("text", "sources"), []),
        (("text", "sources"), [3]),
        (("text", "sources"), ["a\0b"]),
        (("text", "sources"), ["\ud800"]),
        (("text", "sources"), ["a" * 10_000]),
        (("text", "parts"), []),
        (("text", "parts"), {}),
        (("text", "parts"), {"training": {}, "validation": {"sources": ["a\0b"]}}),
        (("text", "parts"), {"training": {}, "test": {"start": 9, "end": 3}}),
        (("text", "reading", "encoding"), "klingon"),
        (("text", "reading", "normalize"), "x"),
        (("text", "unknown"), "guess"),
        (("origin", "min_count"), 0),
        (("origin", "command"), ["charlstm", 3]),
        (("origin", "environment"), {"numpy": 2}),
        (("origin", "more"), 1),
        (("environment", "numpy"), "2" * 10_000),
        (("format_version",), 2),
        (("kind",), "model"),
    ],
)
def test_a_value_out_of_range_is_refused(whole, tmp_path, path, value):
    arrays, metadata = whole
    refusal(RunFolder(tmp_path), to_bytes(arrays, changed(metadata, path, value)))


@pytest.mark.parametrize("key", ["text", "vocabulary", "model", "training", "history", "environment", "kind"])
def test_missing_metadata_is_refused(whole, tmp_path, key):
    arrays, metadata = whole
    without = {name: value for name, value in metadata.items() if name != key}
    refusal(RunFolder(tmp_path), to_bytes(arrays, without))


def test_what_earlier_versions_did_not_write_may_be_missing(whole, tmp_path):
    arrays, metadata = whole
    earlier = copy.deepcopy(metadata)
    for *path, key in (
        ("origin",),
        ("text", "keeps_rare"),
        ("vocabulary", "normalize"),
        ("training", "validation_split"),
    ):
        target = earlier
        for name in path:
            target = target[name]
        del target[key]
    run = RunFolder(tmp_path)
    run.checkpoint.write_bytes(to_bytes(arrays, earlier))
    assert load_checkpoint(run, read=read_checked_arrays)[1] == ""


def test_arrays_must_be_those_of_the_network(whole, tmp_path):
    arrays, metadata = whole
    run = RunFolder(tmp_path)
    for name, array in arrays.items():
        without = {other: value for other, value in arrays.items() if other != name}
        assert name in refusal(run, to_bytes(without, metadata))
        other_dtype = array.astype(np.float64 if array.dtype == np.float32 else np.int32)
        assert name in refusal(run, to_bytes(arrays | {name: other_dtype}, metadata))
        assert name in refusal(run, to_bytes(arrays | {name: np.zeros((*array.shape, 2), array.dtype)}, metadata))
    assert "'extra'" in refusal(run, to_bytes(arrays | {"extra": np.zeros(3)}, metadata))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_best_weights_must_be_numbers(whole, tmp_path, value):
    arrays, metadata = whole
    best = arrays["best/output.bias"].copy()
    best[0] = value
    assert "weight best/output.bias" in refusal(
        RunFolder(tmp_path), to_bytes(arrays | {"best/output.bias": best}, metadata)
    )


def test_current_weights_may_be_nan_but_not_huge(whole, tmp_path):
    arrays, metadata = whole
    run, name = RunFolder(tmp_path), "weights/output.bias"
    for bias in (np.full_like(arrays[name], math.nan), np.where(np.arange(len(arrays[name])), 0, math.nan)):
        run.checkpoint.write_bytes(to_bytes(arrays | {name: bias.astype(np.float32)}, metadata))
        load_checkpoint(run, read=read_checked_arrays)
    huge = np.full_like(arrays[name], 3e38)
    assert f"weight {name}" in refusal(run, to_bytes(arrays | {name: huge}, metadata))


@pytest.mark.parametrize(
    "metadata",
    ["[" * 100_000, '{"kind": "checkpoint", "kind": "checkpoint"}', "[]", "3", "9" * 5000, "[[]," * 9_000_000],
)
def test_malformed_metadata_is_refused(tmp_path, metadata):
    refusal(RunFolder(tmp_path), save({"x": np.zeros(1)}, {METADATA_KEY: metadata}))


def test_the_checkpoint_before_is_used_instead(whole, tmp_path):
    arrays, metadata = whole
    run = RunFolder(tmp_path)
    run.previous_checkpoint.write_bytes(to_bytes(arrays, metadata))
    run.checkpoint.write_bytes(to_bytes(arrays, changed(metadata, ("history", "step"), -1)))
    checkpoint, warning = load_checkpoint(run, read=read_checked_arrays)
    assert checkpoint.metadata["history"]["step"] == 9
    assert "its step is -1" in warning
    assert run.previous_checkpoint.name in warning


@pytest.mark.parametrize("command", ["resume", "train --resume", "info", "train --from"])
def test_commands_refuse_it_in_one_line(whole, tmp_path, charlstm, monkeypatch, command):
    arrays, metadata = whole
    monkeypatch.chdir(tmp_path)
    run = RunFolder(tmp_path / "run")
    run.create()
    run.checkpoint.write_bytes(to_bytes(arrays, changed(metadata, ("history", "step"), [])))
    (tmp_path / "text.txt").write_text("some text\n" * 99)
    lines = {
        "resume": ["resume", "run"],
        "train --resume": ["train", "text.txt", "--output", "run", "--resume"],
        "info": ["info", "run/checkpoint.safetensors"],
        "train --from": ["train", "text.txt", "--from", "run"],
    }
    code, out, err = charlstm(*lines[command])
    assert (code, out) == (1, "")
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize("source", ["/dev/zero", "pipe"])
def test_a_text_that_is_a_device_or_a_pipe_is_not_read(whole, tmp_path, charlstm, source):
    arrays, metadata = whole
    os.mkfifo(tmp_path / "pipe")
    run = RunFolder(tmp_path / "run")
    run.create()
    sources = [str(tmp_path / source)]  # an absolute path stands for itself
    run.checkpoint.write_bytes(to_bytes(arrays, changed(metadata, ("text", "sources"), sources)))
    code, _, err = charlstm("resume", run.path)
    assert code == 1
    assert "is not a file" in err
    run.checkpoint.unlink()
    os.mkfifo(run.checkpoint)
    code, _, err = charlstm("resume", run.path)
    assert code == 1
    assert "not a regular file" in err


def test_a_checkpoint_with_changed_bytes_is_refused_or_the_same(whole, tmp_path):
    content, rng, run = to_bytes(*whole), random.Random(3), RunFolder(tmp_path)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            damaged[rng.randrange(len(content))] = rng.choice((0, 255, *b'019-"{}[],:e'))
        run.checkpoint.write_bytes(damaged)
        try:
            checkpoint, _ = load_checkpoint(run, read=read_checked_arrays)
        except RunError:
            continue
        assert checkpoint.metadata == whole[1]


@pytest.mark.tensorflow
@pytest.mark.parametrize("settings", [{}, {"attention": 2}, {"embedding_dim": 1, "encoding": "integer", "window": 4}])
@pytest.mark.parametrize(
    "cell", ["lstm", "peephole:f", "gru", "depth-gated", "grid", "mogrifier", "feedforward:3", "echo-state"]
)
def test_expected_arrays_are_those_of_a_trainer(cell, settings):
    from charlstm.training.train_step import Trainer

    config = ModelConfig(**({"cell": cell, "num_layers": 2, "units": 6, "embedding_dim": 5} | settings))
    trainer = Trainer(config, TRAINING, 7)
    names = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
    arrays = {name: (names[array.dtype], array.shape) for name, array in trainer.arrays().items()}
    expected = expected_arrays(config, TRAINING, 7)
    assert {name: expected[name] for name in expected if not name.startswith("best/")} == arrays
