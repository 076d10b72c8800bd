import numpy as np

from charlstm.cells.shapes import weight_shapes
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model
from charlstm.training.finetuning import grown_vocabulary, grown_weights
from tests.conftest import random_model


def test_new_characters_are_added_wherever_they_stand():
    model = random_model(characters="bdf")
    assert grown_vocabulary(model, "gecab").characters == "abcdefg"
    lower = random_model(characters="bdf", lowercase=True)
    assert grown_vocabulary(lower, "BCD").characters == "bcdf"
    assert grown_vocabulary(lower, "BCD").lowercase


def test_known_characters_are_read_and_foretold_as_before():
    model = random_model(characters="bdf")
    vocabulary = grown_vocabulary(model, "aceg")
    shapes = weight_shapes(model.config, len(vocabulary))
    fresh = {name: np.full(shape, 9, np.float32) for name, shape in shapes.items()}
    grown = Model(model.config, vocabulary, grown_weights(model, vocabulary, fresh), {})
    logits = []
    for each in (model, grown):
        stepper = Stepper(each)
        read, _ = stepper.read(each.vocabulary.encode("fbdd")[None], stepper.initial_states())
        logits.append(read[0][:, each.vocabulary.encode("bdf")])
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-6)
    assert (grown.weights["embedding"][vocabulary.encode("aceg")] == 9).all()
    assert model.weights["embedding"].shape[0] == 3
