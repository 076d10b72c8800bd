"""What the model file of a list of short lines holds about its lines, and that of another text does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.analysis.evaluation import Scores
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import ModelFileError
from charlstm.storage.model_file import load_model, save_model
from charlstm.text.batches import split_for_validation
from charlstm.text.corpus import load_corpus
from charlstm.text.known_lines import KnownLines
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.history import Evaluation
from charlstm.training.snapshots import make_model
from charlstm.training.training_data import TrainingData
from tests.conftest import random_model

NAMES = [f"{first}{last}" for first in ("Ann", "Bert", "Carl", "Do") for last in ("a", "o", "in", "etta", "s", "olf")]


def trained_model(file: Path, text: str):
    """Return the model file's model of a text, with random weights."""
    file.write_text(text)
    corpus = load_corpus([file])
    vocabulary = Vocabulary(corpus.characters)
    dataset = split_for_validation(corpus.ids, validation=0.1, sequence_length=10)
    data = TrainingData(corpus, vocabulary, dataset)
    weights = random_model(characters=corpus.characters).weights
    scores = Scores(1.0, 1, 2)
    evaluation = Evaluation(1, 1.0, 1.0, 1.0, scores, 1.0, 0.1, "", True)
    config = ModelConfig(num_layers=2, units=8, embedding_dim=5)
    return make_model(data, config, TrainingConfig(epochs=1), weights, evaluation)


def test_model_of_a_list_holds_the_checksums_of_all_its_lines(tmp_path):
    model = trained_model(tmp_path / "names.txt", "\n".join(NAMES * 2) + "\nlast")
    save_model(tmp_path / "model.safetensors", model)
    known = KnownLines.from_base64(load_model(tmp_path / "model.safetensors").training["line_checksums"])
    assert len(known) == len(NAMES) + 1
    assert all(name in known for name in [*NAMES, "last"]), "the part for validation is part of the list"
    assert all(text.endswith("\n") for text in model.training["openings"])


def test_model_of_another_text_holds_none(tmp_path):
    model = trained_model(tmp_path / "text.txt", "A sentence that is as long as a line of a book is.\n" * 60)
    assert "line_checksums" not in model.training


@pytest.mark.parametrize("checksums", ["AAA=", "no base64", "A" * 2_000_000, 7])
def test_damaged_checksums_are_refused(tmp_path, checksums):
    model = trained_model(tmp_path / "names.txt", "\n".join(NAMES * 2))
    save_model(tmp_path / "m.safetensors", replace(model, training=model.training | {"line_checksums": checksums}))
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "m.safetensors")
