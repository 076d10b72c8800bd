"""What several tests share: a small random model, and the command line as a function."""

import gc
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.cells.shapes import weight_shapes
from charlstm.config import PRECISIONS, ModelConfig
from charlstm.machine import save_throughput
from charlstm.network.backend import import_tensorflow
from charlstm.storage.model_file import Model, save_model
from charlstm.text.vocabulary import Vocabulary

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell that runs the tests in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests start must not ignore it too

ALPHABET = "\n abcdefghijklmnopqrstuvwxyz"


def pytest_collection_modifyitems(config, items):
    """Begin with the files that need TensorFlow, which take longest, so that no process ends with a long one alone.

    Only where processes share the tests: a single one keeps the order of the folders.
    """
    if hasattr(config, "workerinput"):
        files = {item.path for item in items if item.get_closest_marker("tensorflow")}
        items.sort(key=lambda item: item.path not in files)


def random_model(
    *, num_layers=2, units=8, embedding_dim=5, characters=ALPHABET, lowercase=False, scale=0.4, **settings
):
    """A model with random weights of every shape, so that a swapped gate or layer shows."""
    vocabulary = Vocabulary.from_text(characters, lowercase=lowercase)
    config = ModelConfig(num_layers=num_layers, units=units, embedding_dim=embedding_dim, **settings)
    rng = np.random.default_rng(num_layers)
    weights = {
        name: rng.normal(0, scale, shape).astype(np.float32)
        for name, shape in weight_shapes(config, len(vocabulary)).items()
    }
    return Model(config, vocabulary, weights, {})


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory):
    """No test touches the user's cache; processes that run tests side by side share compiled code.

    The speed of this machine stands in it, since measuring it takes two seconds.
    """
    cache = tmp_path_factory.mktemp("cache")
    base = tmp_path_factory.getbasetemp()
    compiled = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled-kernels"
    compiled.mkdir(exist_ok=True)
    (cache / "kernels").symlink_to(compiled)
    os.environ["CHARLSTM_CACHE"] = str(cache)
    for precision in PRECISIONS:
        save_throughput(1e10, precision=precision)


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_disks():
    """No file of a test has to survive a power failure: a flush that reaches the disk takes milliseconds."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "fsync", os.fstat)  # which fails for a closed file too
        yield


@pytest.fixture(autouse=True)
def _short_measurements(request, monkeypatch):
    """Measure no longer than needed how long a step of a run takes."""
    if request.node.get_closest_marker("tensorflow"):
        if "tensorflow" not in sys.modules:
            import_tensorflow()
            gc.freeze()
        monkeypatch.setattr("charlstm.training.throughput.STEP_TIMES_TIME", 0.0)


@pytest.fixture(autouse=True, scope="module")
def _frozen_graphs():
    """Leave the graphs that TensorFlow keeps, like its modules, out of garbage collection.

    The commands that train several networks collect garbage after each, which would take up to a second.
    """
    yield
    if "tensorflow" in sys.modules:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_shipped_models(tmp_path_factory):
    """No test depends on the models that ship: their folder is empty, unless a test puts one there."""
    folder = tmp_path_factory.mktemp("no-models")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("charlstm.storage.shipped_models.models_folder", lambda: folder)
        yield


@pytest.fixture
def shipped_models_folder(tmp_path_factory, monkeypatch):
    """Return a folder for models that ship."""
    folder = tmp_path_factory.mktemp("shipped-models")
    monkeypatch.setattr("charlstm.storage.shipped_models.models_folder", lambda: folder)
    return folder


@pytest.fixture
def english(shipped_models_folder):
    """Ship a small random model as `english`."""
    path = shipped_models_folder / "english.safetensors"
    save_model(path, replace(random_model(units=12), training={"text": "novels"}), weight_format="int8")
    return path


def letter_model(frequencies, **settings):
    """A model that predicts each of these characters by its frequency, whatever comes before it."""
    model = random_model(characters="".join(frequencies), **settings)
    counts = np.array([frequencies[character] for character in model.vocabulary.characters], np.float32)
    weights = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    return replace(model, weights=weights | {"output.bias": np.log(counts / counts.sum())})


def letter_text(frequencies, length, *, random_seed=0):
    """A text of these characters, each drawn by its frequency."""
    shares = np.array(list(frequencies.values()), float)
    letters = np.random.default_rng(random_seed).choice(list(frequencies), length, p=shares / shares.sum())
    return "".join(letters)


@pytest.fixture
def model():
    return random_model()


@pytest.fixture
def run(tmp_path: Path, model: Model, monkeypatch):
    """A folder to work in, with one run in it: runs/tiny."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    save_model(folder / "model.safetensors", model)
    return folder


@pytest.fixture
def charlstm(capsys):
    """Run a command: returns its exit code, stdout and stderr."""
    from charlstm.cli.app import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def trained(run, model):
    """Return the run with its training text, as training leaves it."""
    from charlstm.text.corpus import load_corpus

    Path("text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    text = {"sources": [str(Path("text.txt").absolute())], "reading": {}, "unknown": "skip"}
    (run / "config.json").write_text(json.dumps({"text": text}))
    metadata = {
        "text": "text.txt",
        "text_characters": 1760,
        "text_sha256": load_corpus(["text.txt"]).digest,
        "settings": {"validation": 0.1, "sequence_length": 20},
        "openings": ["the quick", "over"],
    }
    save_model(run / "model.safetensors", replace(model, training=metadata))
    return run
