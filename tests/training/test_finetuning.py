import numpy as np

from charlstm.cells.shapes import weight_shapes
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model
from charlstm.training.auto_config import AutoConfigInputs, choose_settings
from charlstm.training.finetuning import FineTuning, extend_vocabulary, extend_weights
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


def test_a_run_on_top_of_a_model_has_settings_of_its_own_unless_the_user_fixes_them():
    inputs = AutoConfigInputs(90_000, 60, 2, 1e11)
    shape = {"units": 256, "num_layers": 2, "embedding_dim": 64}
    usual = choose_settings(inputs, shape | {"max_time": 600.0})
    tuning = FineTuning(
        learning_rate_factor=0.25, batch_size=64, max_dropout=0.2, max_recurrent_dropout=0.05, max_epochs=9
    )
    settings = tuning.choose_settings(inputs, shape | {"max_time": 600.0})
    assert settings["learning_rate"] == 0.25 * usual["learning_rate"]
    assert (settings["dropout"], settings["recurrent_dropout"], settings["batch_size"]) == (0.2, 0.05, 64)
    assert (settings["epochs"], settings["max_time"]) == (9, 600.0)
    assert tuning.choose_settings(inputs, shape)["epochs"] <= 9
    given = {"learning_rate": 0.008, "dropout": 0.4, "recurrent_dropout": 0.3, "batch_size": 16, "epochs": 50.0}
    fixed = tuning.choose_settings(inputs, shape | given)
    assert {name: fixed[name] for name in given} == given


def test_a_long_text_gets_no_more_dropout_than_a_new_network():
    inputs = AutoConfigInputs(5_000_000, 60, 2, 1e11)
    settings = FineTuning().choose_settings(
        inputs, {"units": 256, "num_layers": 2, "embedding_dim": 64, "max_time": 60.0}
    )
    assert (settings["dropout"], settings["recurrent_dropout"]) == (0.0, 0.0)
