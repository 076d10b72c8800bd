import numpy as np

from charlstm.cells.shapes import weight_shapes
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model
from charlstm.training.finetuning import extend_vocabulary, extend_weights
from tests.conftest import random_model


def test_new_characters_are_added_in_order():
    model = random_model(characters="bdf")
    assert extend_vocabulary(model, "gecab").characters == "abcdefg"
    lower = random_model(characters="bdf", lowercase=True)
    assert extend_vocabulary(lower, "BCD").characters == "bcdf"
    assert extend_vocabulary(lower, "BCD").lowercase


def test_known_characters_keep_their_embeddings_and_logits():
    model = random_model(characters="bdf")
    vocabulary = extend_vocabulary(model, "aceg")
    shapes = weight_shapes(model.config, len(vocabulary))
    initial = {name: np.full(shape, 9, np.float32) for name, shape in shapes.items()}
    extended = Model(model.config, vocabulary, extend_weights(model, vocabulary, initial), {})
    logits = []
    for each in (model, extended):
        stepper = Stepper(each)
        outputs, _ = stepper.read(each.vocabulary.encode("fbdd")[None], stepper.initial_states())
        logits.append(outputs[0][:, each.vocabulary.encode("bdf")])
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-6)
    assert (extended.weights["embedding"][vocabulary.encode("aceg")] == 9).all()
    assert (extended.weights["output.bias"][vocabulary.encode("aceg")] == 9).all()
    assert model.weights["embedding"].shape[0] == 3
