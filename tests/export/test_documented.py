"""The code in docs/export.md and docs/model-file.md runs as it is printed."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.export.check import log_probabilities, read_in_float32
from charlstm.export.formats import KERAS, ONNX, TORCH
from charlstm.export.write import file_content
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import save_model
from tests.conftest import random_model

DOCS = Path(__file__).parents[2] / "docs"


def printed_code(page, heading):
    """The Python code below a heading."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)[0]


@pytest.mark.parametrize("settings", [{"cell": "lstm"}, {"cell": "gru", "residual": False}, {"cell": "rnn"}])
def test_the_loader_for_pytorch(tmp_path, settings):
    torch = pytest.importorskip("torch")
    model = random_model(num_layers=3, scale=0.2, **settings)
    (tmp_path / "m.torch.safetensors").write_bytes(file_content(model, TORCH))
    names: dict[str, Any] = {}
    exec(compile(printed_code("export.md", "## PyTorch"), "docs/export.md", "exec"), names)  # noqa: S102
    loaded = names["CharacterModel"](tmp_path / "m.torch.safetensors")
    ids, stepper = np.arange(50) % len(model.vocabulary), Stepper(model)
    with torch.no_grad():
        first, states = loaded(torch.tensor(ids[None, :20]))
        logits = torch.cat([first, loaded(torch.tensor(ids[None, 20:]), states)[0]], 1)[0].numpy()
    expected = stepper.read(ids[None], stepper.initial_states(1))[0][0]
    np.testing.assert_allclose(log_probabilities(logits), log_probabilities(expected), atol=1e-5)


@pytest.mark.tensorflow
def test_the_loader_for_keras(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = random_model(characters="Tomorw")
    Path("macbeth.keras").write_bytes(file_content(model, KERAS))
    names: dict[str, Any] = {}
    exec(compile(printed_code("export.md", "## Keras"), "docs/export.md", "exec"), names)  # noqa: S102
    expected = read_in_float32(model, model.vocabulary.encode("Tomorrow"))
    np.testing.assert_allclose(log_probabilities(names["logits"][0]), log_probabilities(expected), atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "feedforward:3", "clockwork"])
def test_writing_with_onnx_runtime(tmp_path, monkeypatch, capsys, cell):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    model = random_model(characters="Tomorw", cell=cell)
    Path("macbeth.onnx").write_bytes(file_content(model, ONNX))
    exec(compile(printed_code("export.md", "## ONNX"), "docs/export.md", "exec"), {})  # noqa: S102
    written = capsys.readouterr().out
    assert len(written) == 200
    assert set(written) <= set("Tomorw")


def test_reading_the_model_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(Path("model.safetensors"), random_model())
    page = (DOCS / "model-file.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(compile(code, "docs/model-file.md", "exec"), {})  # noqa: S102
    assert "'embedding': (28, 5)" in capsys.readouterr().out
