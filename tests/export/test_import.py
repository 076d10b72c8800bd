"""Models of Keras and PyTorch, read without either."""

import io
import json
import pickle
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
from safetensors.numpy import load, save

from charlstm.errors import CharLSTMError, ModelFileError, SettingError, VocabularyError
from charlstm.export.check import log_probabilities
from charlstm.export.foreign_vocabulary import vocabulary_from_json
from charlstm.export.import_model import import_model
from charlstm.export.torch_format import torch_file
from charlstm.generation.stepper import Stepper, make_stepper
from tests.conftest import random_model

CHARACTERS = "\n \"'abc😀"
UNORDERED = "cb\na '😀\""  # the same by the ids of another library


def logits_of(model, ids):
    stepper = Stepper(model)
    return stepper.read(ids[None], stepper.initial_states(1))[0][0]


def vocabulary_file(folder, characters=UNORDERED):
    path = folder / "characters.json"
    path.write_text(json.dumps(characters if isinstance(characters, dict) else list(characters)))
    return path


def torch_weights(model):
    """The weights in PyTorch's names, with the ids of UNORDERED and names as a module of someone else has them."""
    ids = [CHARACTERS.index(character) for character in UNORDERED]
    weights = load(torch_file(model))
    for name in ("embedding.weight", "output.weight", "output.bias"):
        weights[name] = np.ascontiguousarray(weights[name][ids])
    other = {"embedding": "emb", "output": "decoder", "lstm": "rnn.lstm", "gru": "rnn.gru"}
    return {name.replace(name.split(".")[0], other[name.split(".")[0]], 1): array for name, array in weights.items()}


def write_torch(path, weights, **metadata):
    path.write_bytes(save({name: np.ascontiguousarray(weight) for name, weight in weights.items()}, metadata))
    return path


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_weights_of_pytorch_with_characters_in_any_order(tmp_path, cell, num_layers):
    model = random_model(cell=cell, num_layers=num_layers, residual=False, characters=CHARACTERS)
    path = write_torch(tmp_path / "m.safetensors", torch_weights(model))
    imported = import_model(path, vocabulary_file(tmp_path))
    assert imported.config == model.config
    assert imported.vocabulary == replace(model.vocabulary, normalize="none")
    for name, weight in model.weights.items():
        np.testing.assert_allclose(imported.weights[name], weight, atol=1e-6)
    assert imported.training == {"about": "imported from m.safetensors"}


def test_a_one_hot_input_becomes_an_identity_embedding_and_biases_are_added(tmp_path):
    model = random_model(embedding_dim=len(CHARACTERS), num_layers=1, residual=False, characters=CHARACTERS)
    weights = load(torch_file(model))
    del weights["embedding.weight"]
    weights["lstm.bias_hh_l0"] = weights["lstm.bias_ih_l0"] / 2
    path = write_torch(tmp_path / "m.safetensors", {name: w.astype(np.float64) for name, w in weights.items()})
    imported = import_model(path, vocabulary_file(tmp_path, CHARACTERS))
    assert np.array_equal(imported.weights["embedding"], np.eye(len(CHARACTERS)))
    np.testing.assert_allclose(imported.weights["layers.0.bias"], model.weights["layers.0.bias"] * 1.5, rtol=1e-6)


def test_without_biases_they_are_zero(tmp_path):
    model = random_model(num_layers=2, residual=False, characters=CHARACTERS)
    weights = {name: weight for name, weight in torch_weights(model).items() if "bias" not in name}
    imported = import_model(write_torch(tmp_path / "m.safetensors", weights), vocabulary_file(tmp_path))
    assert not imported.weights["layers.1.bias"].any()
    assert not imported.weights["output.bias"].any()
    np.testing.assert_allclose(imported.weights["embedding"], model.weights["embedding"])


@pytest.mark.parametrize("residual", [True, False])
def test_what_charlstm_exported_needs_no_vocabulary(tmp_path, residual):
    model = random_model(characters=CHARACTERS, lowercase=True, residual=residual, window=7)
    (tmp_path / "m.torch.safetensors").write_bytes(torch_file(model))
    imported = import_model(tmp_path / "m.torch.safetensors")
    assert (imported.config, imported.vocabulary) == (model.config, model.vocabulary)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rnn.lstm.weight_ih_l0_reverse": np.zeros((32, 5), np.float32)}, "directions"),
        ({"rnn.lstm.weight_hr_l0": np.zeros((3, 8), np.float32)}, "projections"),
        ({"rnn.lstm.weight_hh_l0": np.zeros((30, 8), np.float32)}, "do not fit"),
        ({"rnn.lstm.weight_hh_l1": np.zeros((24, 8), np.float32)}, "do not fit"),
        ({"rnn.lstm.bias_hh_l1": np.zeros(3, np.float32)}, "biases of layer 1"),
        ({"rnn.lstm.weight_ih_l999": np.zeros((32, 8), np.float32)}, "layer 2"),
        ({"norm.weight": np.zeros(8, np.float32)}, "beside its recurrent layers"),
        ({"decoder.bias": np.zeros(5, np.float32)}, "does not fit"),
        ({"emb.weight": np.zeros((8, 6), np.float32)}, "contradicts itself"),
        ({"emb.weight": np.zeros((9, 5), np.float32)}, "reads 9 and predicts 8"),
        ({"emb.weight": np.full((8, 5), np.nan, np.float32)}, "not numbers"),
        ({"emb.weight": np.zeros((8, 5), np.int8)}, "as I8"),
    ],
)
def test_other_networks_of_pytorch_are_refused(tmp_path, change, message):
    weights = torch_weights(random_model(residual=False, characters=CHARACTERS)) | change
    with pytest.raises(CharLSTMError, match=message):
        import_model(write_torch(tmp_path / "m.safetensors", weights), vocabulary_file(tmp_path))


@pytest.mark.parametrize("name", ["m.safetensors", "m.keras"])
@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"PK\x03\x04" + b"\0" * 50, b"\x08" + b"\0" * 7 + b"[[[[[[[["])
def test_damaged_files_are_refused_in_a_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError):
        import_model(tmp_path / name, vocabulary_file(tmp_path))


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pkl", "m.bin"])
def test_pickles_are_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ModelFileError, match="pickle"):
        import_model(tmp_path / name)


def test_the_vocabulary_is_asked_for(tmp_path):
    path = write_torch(tmp_path / "m.safetensors", torch_weights(random_model(characters=CHARACTERS)))
    with pytest.raises(SettingError, match="`vocabulary` is missing"):
        import_model(path)
    with pytest.raises(ModelFileError, match="the vocabulary has 3"):
        import_model(path, vocabulary_file(tmp_path, "abc"))


@pytest.mark.parametrize("value", [["b", "a", "1"], "ba1", {"b": 0, "1": 2, "a": 1}, {"0": "b", "1": "a", "2": "1"}])
def test_forms_of_a_vocabulary(value):
    found = vocabulary_from_json(value)
    assert (found.vocabulary.characters, found.ids) == ("1ab", [2, 1, 0])


def test_a_longer_entry_is_the_stand_in_for_rare_characters():
    found = vocabulary_from_json(["[UNK]", "b", "a"])
    assert (found.vocabulary.characters, found.vocabulary.unknown, found.ids) == ("ab\ufffd", "\ufffd", [2, 1, 0])


@pytest.mark.parametrize(
    "value",
    [["a", "a"], ["<s>", "</s>"], {"a": 0, "b": 2}, {"a": True}, [1], [], 3, None, {"a": "b"}, ["\ud800"], {"a": -1}],
)
def test_what_is_no_vocabulary_is_refused(value):
    with pytest.raises(VocabularyError):
        vocabulary_from_json(value)


def keras_layer(kind, name, inputs=None, **config):
    nodes = [{"args": [{"config": {"keras_history": [name, 0, 0]}} for name in inputs]}] if inputs else []
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "inbound_nodes": nodes}


def write_keras(path, layers, arrays, *, kind="Sequential", **parts):
    """A .keras file with these layers, and arrays by their place below layers/."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for place, array in arrays.items():
            file[f"layers/{place}"] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": kind, "config": {"layers": layers}}))
        archive.writestr("model.weights.h5", buffer.getvalue())
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def tutorial_model(length, *, activation="tanh", **settings):
    """Two LSTMs on one-hot characters that predict the next one from the last `length`."""
    model = random_model(embedding_dim=8, residual=False, characters=CHARACTERS)
    weights = model.weights
    layers = [
        keras_layer("InputLayer", "in", batch_shape=[None, length, 8]),
        keras_layer("LSTM", "a", units=8, return_sequences=True, activation=activation, **settings),
        keras_layer("Dropout", "drop", rate=0.2),
        keras_layer("LSTM", "b", units=8, return_sequences=False),
        keras_layer("Dense", "out", units=8, activation="softmax"),
    ]
    arrays = {"dense/vars/0": weights["output.kernel"], "dense/vars/1": weights["output.bias"]}
    for number, group in enumerate(("lstm", "lstm_1")):
        parts = ("kernel", "recurrent_kernel", "bias")
        arrays |= {f"{group}/cell/vars/{n}": weights[f"layers.{number}.{part}"] for n, part in enumerate(parts)}
    return replace(model, weights=weights | {"embedding": np.eye(8, dtype=np.float32)}), layers, arrays


def test_a_keras_model_on_a_window_of_one_hot_characters(tmp_path):
    model, layers, arrays = tutorial_model(12)
    imported = import_model(write_keras(tmp_path / "m.keras", layers, arrays), vocabulary_file(tmp_path, CHARACTERS))
    assert imported.config.window == 12
    ids = np.arange(12) % 8
    stepper = make_stepper(imported)
    logits = stepper.read(ids[None], stepper.initial_states(1))[0][0, -1]
    np.testing.assert_allclose(logits, logits_of(model, ids)[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "relu"}, "activation 'relu', not 'tanh'"),
        ({"recurrent_activation": "hard_sigmoid"}, "recurrent_activation"),
        ({"go_backwards": True}, "go_backwards"),
    ],
)
def test_settings_that_charlstm_has_not_are_refused(tmp_path, settings, message):
    _, layers, arrays = tutorial_model(12, **settings)
    with pytest.raises(ModelFileError, match=message):
        import_model(write_keras(tmp_path / "m.keras", layers, arrays), vocabulary_file(tmp_path, CHARACTERS))


@pytest.mark.parametrize("kind", ["Lambda", "Bidirectional", "BatchNormalization", "MyLayer", "Flatten", "Sequential"])
def test_other_layers_of_keras_are_refused_by_name(tmp_path, kind):
    _, layers, arrays = tutorial_model(12)
    layers[2] = keras_layer(kind, "other", function="__import__('os').system('touch owned')")
    with pytest.raises(ModelFileError, match=f"'other' is a '{kind}'"):
        import_model(write_keras(tmp_path / "m.keras", layers, arrays), vocabulary_file(tmp_path, CHARACTERS))


def change_units(layers, arrays):
    layers[3]["config"]["units"] = 6
    arrays |= {"lstm_1/cell/vars/0": np.zeros((8, 24)), "lstm_1/cell/vars/1": np.zeros((6, 24))}


def change_shape(layers, arrays):
    arrays["lstm/cell/vars/1"] = np.zeros((9, 32), np.float32)


def leave_out(layers, arrays):
    del arrays["lstm_1/cell/vars/1"]


def mangle(layers, arrays):
    del layers[1]["config"]["units"]


def put_dense_first(layers, arrays):
    layers.insert(1, layers.pop())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_units, "6 and 8 units"),
        (change_shape, "contradicts itself"),
        (leave_out, "damaged"),
        (mangle, "not Keras's"),
        (put_dense_first, "dense layer"),
    ],
)
def test_keras_files_that_contradict_themselves(tmp_path, change, message):
    _, layers, arrays = tutorial_model(12)
    change(layers, arrays)
    with pytest.raises(ModelFileError, match=message):
        import_model(write_keras(tmp_path / "m.keras", layers, arrays), vocabulary_file(tmp_path, CHARACTERS))


def external_link(file, secret):
    file["layers/lstm/cell"] = h5py.ExternalLink(str(secret), "/secret")


def external_storage(file, secret):
    file.create_dataset("layers/lstm/cell/vars/0", (8, 32), "f4", external=[(str(secret), 0, 1024)])


def compressed_zeros(file, secret):
    file.create_dataset("layers/lstm/cell/vars/0", (8, 32), "f4", compression="gzip")


@pytest.mark.parametrize("attack", [external_link, external_storage, compressed_zeros])
def test_no_other_file_is_read_through_a_file_of_weights(tmp_path, attack):
    _, layers, _ = tutorial_model(12)
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret/vars/0"] = np.ones((8, 32), np.float32)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        attack(file, secret)
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        archive.writestr("model.weights.h5", (tmp_path / "w.h5").read_bytes())
    with pytest.raises(ModelFileError, match=r"other files|outside of itself"):
        import_model(path, vocabulary_file(tmp_path, CHARACTERS))


def test_an_archive_that_would_unpack_to_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"\0" * 10_000_000)
    with pytest.raises(ModelFileError, match="10,000,000 bytes"):
        import_model(tmp_path / "m.keras", vocabulary_file(tmp_path, CHARACTERS))


@pytest.mark.tensorflow
def test_models_that_keras_itself_has_saved(tmp_path):
    from charlstm.network.backend import import_tensorflow

    import_tensorflow()
    import keras
    from keras import layers

    ids = layers.Input((None,), dtype="int32")
    first = layers.GRU(6, return_sequences=True)(layers.Dropout(0.1)(layers.Embedding(8, 5)(ids)))
    second = layers.Add()([first, layers.GRU(6, return_sequences=True, use_bias=False)(first)])
    functional = keras.Model(ids, layers.TimeDistributed(layers.Dense(8, activation="softmax"))(second))
    plain = keras.Sequential([layers.Input((None, 8)), layers.SimpleRNN(4, return_sequences=True), layers.Dense(8)])
    some = np.arange(20) % 8
    for model, given in ((functional, some[None]), (plain, np.eye(8, dtype=np.float32)[some][None])):
        model.save(tmp_path / "m.keras")
        imported = import_model(tmp_path / "m.keras", vocabulary_file(tmp_path, CHARACTERS))
        assert imported.config.residual == (model is functional)
        expected = np.asarray(model.predict_on_batch(given))[0]
        expected = np.log(expected) if model is functional else log_probabilities(expected)
        np.testing.assert_allclose(log_probabilities(logits_of(imported, some)), expected, atol=1e-5)
