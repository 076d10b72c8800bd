"""`charlstm export`."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from charlstm.storage.model_file import load_model, save_model
from tests.conftest import random_model
from tests.export.pages import script
from tests.test_startup import loaded_by


def test_a_page_is_written_and_named_on_stdout(charlstm, run, tmp_path):
    code, out, err = charlstm("export", "tiny", "--to", "page.html", "--font-size", 24)
    assert (code, out) == (0, "page.html\n")
    assert "MB" in err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>tiny</title>" in page
    assert "--text-size: 24px" in page


def test_the_newest_run_is_said(charlstm, run):
    assert "the newest run: runs/tiny" in charlstm("export", "--to", "page.html")[2]


def test_a_file_that_is_there_is_kept(charlstm, run, tmp_path):
    (tmp_path / "page.html").write_text("mine")
    code, _, err = charlstm("export", "--to", "page.html")
    assert code == 1
    assert "--overwrite" in err
    assert (tmp_path / "page.html").read_text() == "mine"
    assert charlstm("export", "--to", "page.html", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--to", "model.docx"], 2, "name it FILE.html"),
        (["--to", "model"], 2, "name it FILE.html"),
        ([], 2, "--to is missing"),
        (["--to", "nowhere/page.html"], 1, "no folder nowhere"),
        (["--to", "page.html", "--font-size", "3"], 2, "--font-size is 3"),
        (["--to", "page.html", "--weights", "8-bit"], 2, "--weights is for FILE.safetensors"),
        (["--to", "page.html", "--about", "a play"], 2, "--about is for FILE.safetensors"),
        (["--to", "m.safetensors", "--font-size", "20"], 2, "--font-size is for FILE.html"),
        (["--to", "m.safetensors", "--weights", "4-bit"], 2, "--weights is '4-bit', but it must be one of 32-bit,"),
        (["--to", "m.safetensors", "--about", "a" * 5000], 2, "--about has 5,000 characters"),
        (["--to", "m.pt"], 2, "would be a pickle"),
        (["--to", "m.torch.safetensors", "--weights", "8-bit"], 2, "--weights is for FILE.safetensors"),
        (["--to", "m.onnx", "--stateful"], 2, "--stateful is for FILE.keras"),
        (["--to", "m.keras", "--batch-size", "2"], 2, "--batch-size is for layers that keep their states"),
        (["--to", "m.keras", "--stateful", "--batch-size", "0"], 2, "--batch-size is 0"),
    ],
)
def test_errors_say_what_there_is(charlstm, run, arguments, code, message):
    found, out, err = charlstm("export", *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_it_needs_no_tensorflow_and_no_compiler(run):
    loaded = loaded_by("from charlstm.cli.app import main; assert main(['export', '--to', 'p.html']) == 0; print()")
    assert not loaded & {"tensorflow", "keras", "llvmlite"}


def test_inspect_writes_the_same_page_with_its_text(charlstm, run, tmp_path):
    (tmp_path / "words.txt").write_text("some words")
    code, out, err = charlstm("inspect", "tiny", "words.txt", "--html", "page.html", "--font-size", 20)
    assert (code, out) == (0, "")
    assert "saved 10 characters to page.html" in err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"text": "some words"' in page
    assert "--text-size: 20px" in page
    assert '"look": {}' in page
    assert charlstm("inspect", "tiny", "words.txt", "--html", "page.html")[0] == 1
    assert charlstm("inspect", "tiny", "words.txt", "--html", "other.html", "--json")[0] == 2


@pytest.mark.parametrize(("size", "bits"), [("32-bit", 32), ("16-bit", 16), ("8-bit", 8)])
def test_a_model_is_written_in_fewer_bits_and_says_what_it_is(charlstm, run, model, size, bits):
    code, out, err = charlstm(
        "export", "tiny", "--to", "small.safetensors", "--weights", size, "--about", "Two\x1b cats"
    )
    assert (code, out) == (0, "small.safetensors\n")
    assert "give it to any command as RUN" in err
    loaded = load_model(Path("small.safetensors"))
    for name, weight in model.weights.items():
        assert np.allclose(loaded.weights[name], weight, atol=0.01)
    _, described, _ = charlstm("info", "small.safetensors")
    assert f"weights of {bits} bits" in described
    assert "about        Two\\x1b cats" in described
    shown = json.loads(charlstm("info", "small.safetensors", "--json")[1])
    assert (shown["bits"], shown["training"]["about"]) == (bits, "Two\x1b cats")
    assert charlstm("generate", "small.safetensors", "--length", 20)[0] == 0


def test_what_a_model_says_of_itself_is_kept(charlstm, run):
    charlstm("export", "tiny", "--to", "a.safetensors", "--about", "cats")
    charlstm("export", "a.safetensors", "--to", "b.safetensors", "--weights", "16-bit")
    assert load_model(Path("b.safetensors")).training["about"] == "cats"


@pytest.mark.parametrize(
    ("options", "look"),
    [
        (["--unit", "2:3", "--at", 4], {"view": "unit", "layer": 1, "unit": 2, "place": 3}),
        (["--layer", 2, "--state", "cell"], {"view": "unit", "layer": 1, "strips": "layer", "quantity": "cell_state"}),
        (["--view", "reach", "--at", 9], {"view": "reach", "place": 8}),
        (["--view", "units", "--feature", "o"], {}),
    ],
)
def test_the_page_opens_with_what_the_options_choose(charlstm, run, tmp_path, options, look):
    (tmp_path / "words.txt").write_text("some words")
    code, _, err = charlstm("inspect", "tiny", "words.txt", "--html", "page.html", *options)
    assert code == 0, err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert json.loads(script(page, "description"))["look"] == look
    assert "<title>tiny: words</title>" in page


def test_a_place_beyond_the_text_of_a_page(charlstm, run, tmp_path):
    (tmp_path / "words.txt").write_text("some words")
    code, _, err = charlstm("inspect", "tiny", "words.txt", "--html", "page.html", "--at", 11)
    assert code == 2
    assert "--at is 11, but the text has 10 characters" in err
    assert not (tmp_path / "page.html").exists()


def test_standard_output_gets_the_weights_and_nothing_else(run, model):
    command = [sys.executable, "-m", "charlstm", "export", "tiny", "--to", "-"]
    result = subprocess.run(command, capture_output=True, check=True)
    with np.load(io.BytesIO(result.stdout), allow_pickle=False) as arrays:
        assert np.array_equal(arrays["output.kernel"], model.weights["output.kernel"])


@pytest.mark.parametrize("ending", ["onnx", "torch.safetensors", "npz"])
def test_files_for_others_need_no_tensorflow(charlstm, run, ending):
    if ending == "onnx":
        pytest.importorskip("onnxruntime")
    command = f"from charlstm.cli.app import main; assert main(['export', 'tiny', '--to', 'm.{ending}']) == 0; print()"
    assert not loaded_by(command) & {"tensorflow", "keras", "llvmlite"}
    assert Path(f"m.{ending}").stat().st_size > 1000


def test_a_file_that_cannot_hold_the_model_is_not_written(charlstm, run):
    save_model(run / "model.safetensors", random_model(cell="mlstm"))
    code, out, err = charlstm("export", "tiny", "--to", "m.torch.safetensors")
    assert (code, out) == (1, "")
    assert "PyTorch has no cell mlstm, only lstm, gru, rnn" in err
    assert not Path("m.torch.safetensors").exists()
