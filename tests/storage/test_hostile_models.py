"""Model files from strangers: each is refused in one line, before it costs memory or time, or read without harm."""

import json
import math
import os
import random
import struct
import time
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import ModelFileError
from charlstm.storage.model_file import MAX_HEADER_BYTES, load_model, save_model
from charlstm.storage.tensor_file import open_tensors, to_bytes
from charlstm.storage.tensor_header import METADATA_KEY
from tests.conftest import random_model

METRICS = {"nats_per_character": 1.5, "bits_per_character": 2.2, "perplexity": 4.5, "accuracy": 0.5, "characters": 9}
TRAINING = {
    "about": "a dog",
    "text": "cats",
    "text_characters": 90,
    "text_sha256": "0" * 64,
    "settings": TrainingConfig().to_json(),
    "network": 2,
    "step": 5,
    "epoch": 0.5,
    "train_nats": 1.6,
    "validation": METRICS,
    "openings": ["the cat"],
    "line_checksums": "AAAAAQ==",
}


@pytest.fixture
def path(tmp_path):
    """A small model with all the metadata that training writes."""
    model = random_model(num_layers=1, units=2, embedding_dim=2, characters="ab")
    path = tmp_path / "model.safetensors"
    save_model(path, type(model)(model.config, model.vocabulary, model.weights, TRAINING))
    return path


def change(path, *keys, value):
    """Set one value of the metadata, and sign the file anew."""
    with open_tensors(path) as file:
        metadata, arrays = file.metadata, file.read()
    target: Any = metadata
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = value
    path.write_bytes(to_bytes(arrays, metadata))


def refusal(path):
    started = time.monotonic()
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert time.monotonic() - started < 5
    message = str(caught.value)
    assert len(message) < 300 + len(str(path))
    assert "\n" not in message
    assert caught.value.hint
    return message


FIGURES = [
    *(("training", key) for key, value in TRAINING.items() if isinstance(value, int | float)),
    *(("training", "validation", key) for key in METRICS),
    *(("training", "settings", key) for key in ("epochs", "batch_size", "sequence_length", "learning_rate")),
    *(("architecture", key) for key in ("num_layers", "units", "embedding_dim", "attention", "window")),
]
NOT_A_FIGURE = [math.nan, math.inf, -math.inf, 10**400, -5, 10**35, True, "3", [], {}]


@pytest.mark.parametrize("value", NOT_A_FIGURE, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("keys", FIGURES, ids="/".join)
def test_a_figure_that_is_no_sensible_number_is_refused(path, keys, value):
    if value == 10**35 and keys[-1] in ("perplexity",):
        return
    change(path, *keys, value=value)
    refusal(path)


TEXTS = [
    ("training", "about"),
    ("training", "text"),
    ("training", "text_sha256"),
    ("training", "line_checksums"),
    ("vocabulary", "characters"),
    ("vocabulary", "normalize"),
    ("architecture", "cell"),
]


@pytest.mark.parametrize("value", [None, 3, ["a"], "a" * 10_000_000], ids=["null", "number", "list", "long"])
@pytest.mark.parametrize("keys", TEXTS, ids="/".join)
def test_a_text_of_another_type_or_of_megabytes_is_refused(path, keys, value):
    change(path, *keys, value=value)
    refusal(path)


@pytest.mark.parametrize("cell", ["clockwork", "grid", "mogrifier", "feedforward", "peephole", "lstm"])
def test_a_cell_of_thousands_of_digits_is_refused(path, cell):
    change(path, "architecture", "cell", value=f"{cell}:{'7' * 5000}")
    assert "unknown cell" in refusal(path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38, -1e7])
@pytest.mark.parametrize("name", ["embedding", "layers.0.kernel", "output.bias"])
def test_weights_that_nothing_can_be_computed_with_are_refused(path, name, value):
    with open_tensors(path) as file:
        metadata, arrays = file.metadata, file.read()
    arrays[name] = arrays[name].copy()
    arrays[name].flat[-1] = value
    path.write_bytes(to_bytes(arrays, metadata))
    assert f"weight {name} has values that are not numbers from -1,000,000 to 1,000,000" in refusal(path)


def test_bounds_are_said(path):
    model = random_model(num_layers=1, units=2, embedding_dim=2, characters="ab", attention=3)
    for field in ("attention", "window"):
        save_model(path, model)
        change(path, "architecture", field, value=65_536)
        assert "65536, but it must be at least 0 and at most 1,024" in refusal(path)
    save_model(path, model)
    change(path, "vocabulary", "characters", value="".join(map(chr, range(0xE000, 0xE000 + 70_000))))
    assert "70,000 characters is too large: it may have 65,536" in refusal(path)


def test_a_large_header_is_refused_before_it_is_parsed(path):
    for count in (2_200_000, 10_000_000):
        path.write_bytes(save({"x": np.zeros(1)}, {METADATA_KEY: json.dumps([[]] * count)}))
        assert f"at most {MAX_HEADER_BYTES:,} can be read" in refusal(path)
        header = (b'{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' + b" " * (4 * count)) + b"}"
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        assert "header" in refusal(path) or "metadata" in refusal(path)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested more than 100 deep"),
        ('{"format_version": 2, "format_version": 2}', "the key 'format_version' twice"),
        ('{"format_version": ' + "9" * 5000 + "}", "an integer of 5,000 digits"),
        ('{"format_version": 1e999}', "not finite"),
        ("[]", "it is not an object"),
        ("null", "it is not an object"),
        ("{}", "format version None"),
        ("", "Expecting value"),
    ],
)
def test_metadata_that_is_not_what_charlstm_writes_is_refused(path, metadata, reason):
    path.write_bytes(save({"x": np.zeros(1)}, {METADATA_KEY: metadata}))
    assert reason in refusal(path)


def raw_file(header, content=b""):
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 10) + b"{" * 10,
        raw_file([]),
        raw_file({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}),
        raw_file({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0000"),
        raw_file({"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}, b"0000"),
        raw_file({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, b"0000"),
        raw_file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"0000"),
        raw_file(
            {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in ("a", "b")},
            b"0000",
        ),
        raw_file({"__metadata__": {METADATA_KEY: 3}}),
        raw_file({"__metadata__": [], "a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}),
        raw_file({"__metadata__": {METADATA_KEY: "{}"}, "a": {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}}),
    ],
)
def test_a_malformed_container_is_refused(path, content):
    path.write_bytes(content)
    refusal(path)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "not a regular file" in refusal(type(tmp_path)("/dev/zero"))
    assert "not a regular file" in refusal(tmp_path / "folder")


def test_a_checkpoint_is_called_one(path):
    path.write_bytes(to_bytes({}, {"kind": "checkpoint"}))
    assert "it is a checkpoint" in refusal(path)


@pytest.mark.parametrize("missing", [*((key,) for key in TRAINING), *(("validation", key) for key in METRICS), "all"])
def test_a_model_without_some_of_its_metadata_is_read_and_described(path, missing, charlstm):
    with open_tensors(path) as file:
        metadata, arrays = file.metadata, file.read()
    if missing == "all":
        metadata["training"] = {}
    elif len(missing) == 1:
        del metadata["training"][missing[0]]
    else:
        del metadata["training"]["validation"][missing[1]]
    path.write_bytes(to_bytes(arrays, metadata))
    code, out, err = charlstm("info", path)
    assert (code, err) == (0, "")
    assert "network" in out
    metadata["training"].pop("line_checksums", None)  # of no use to a reader
    assert json.loads(charlstm("info", path, "--json")[1])["training"] == metadata["training"]
    assert charlstm("generate", path, "--length", 2, "--seed", "a")[0] == 0


def test_texts_of_a_model_cannot_drive_the_terminal(path, charlstm):
    change(path, "training", "about", value="a\x1b[2J\nb")
    change(path, "training", "text", value="a\x1b[2J\u202eb\ud800\x9b\nc" + "d" * 4000)
    change(path, "vocabulary", "characters", value="".join(sorted("ab\x1b\u202e")[:2]))
    code, out, _ = charlstm("info", path)
    assert code == 0
    assert not set("\x1b\u202e\ud800\x9b") & set(out)
    assert len(out.splitlines()) == 9
    assert "d" * 3000 not in out
    json.loads(charlstm("info", path, "--json")[1])


def test_a_file_with_changed_bytes_gives_no_traceback(path, charlstm, tmp_path):
    content, rng = path.read_bytes(), random.Random(5)
    text = tmp_path / "text.txt"
    text.write_text("abab")
    commands = (["info", path], ["info", path, "--json"], ["generate", path, "--length", 5], ["evaluate", path, text])
    for number in range(60):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            damaged[rng.randrange(len(content))] = rng.choice((0, 255, rng.randrange(256), *b'019-"{}[],:e'))
        path.write_bytes(damaged)
        code, out, err = charlstm(*commands[number % 4])
        assert code in (0, 1), err
        assert (code == 0) == (out != ""), err


def test_configs_of_a_model_of_today_are_in_range():
    assert ModelConfig.from_json(ModelConfig(attention=1024, window=1024).to_json())
