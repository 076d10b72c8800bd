"""The command that repeats a run."""

import dataclasses
import inspect
import json
import shlex
from pathlib import Path

import pytest

from charlstm.cli.commands.train import train
from charlstm.cli.options import FIELD_OPTIONS
from charlstm.cli.repeat_command import repeat_command
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.presets import PRESET_ONLY, PRESETS

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 40
SIZE = ["--units", 8, "--layers", 1, "--batch-size", 4, "--sequence-length", 10]
FOLDER = RunFolder(Path("runs/cats"))


def settings(*, source="/texts/cats.txt", model=None, training=None, decoding=None, origin: RunOrigin | None = None):
    return {
        "text": {"sources": [source], "reading": (decoding or DecodingOptions()).to_json()},
        "model": (model or ModelConfig()).to_json(),
        "training": (training or TrainingConfig()).to_json(),
        "origin": (origin or RunOrigin.now()).to_json(),
    }


def repeat(settings_in_config):
    command = repeat_command(FOLDER, settings_in_config)
    assert command is not None
    return command


def options_of(command):
    """The options of a command by name; a flag has the value None."""
    arguments = list(command.arguments[2:])
    found = {}
    while arguments:
        name = arguments.pop(0)
        found[name] = arguments.pop(0) if arguments and not arguments[0].startswith("--") else None
    return found


def test_every_setting_has_an_option_or_comes_from_a_preset():
    parameters = {"--" + name.replace("_", "-") for name in inspect.signature(train).parameters}
    fields = [field.name for config in (ModelConfig, TrainingConfig) for field in dataclasses.fields(config)]
    without = {f for f in fields if FIELD_OPTIONS.get(f, "--" + f.replace("_", "-")) not in parameters}
    assert without - {"encoding"} == set(PRESET_ONLY) - {"encoding"}  # --encoding is that of the text


def test_settings_that_train_would_choose_are_given_and_fixed_defaults_left_out():
    options = options_of(repeat(settings(training=TrainingConfig(learning_rate=1e-5, clip_value=2.0))))
    assert options["--learning-rate"] == "0.00001"
    assert options["--units"] == "256"
    assert options["--random-seed"] == "0"
    assert options["--clip-value"] == "2"
    assert not {"--clip-norm", "--cell", "--max-time", "--preset", "--lowercase"} & options.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_settings_without_options_come_from_their_preset(name):
    from charlstm.training.auto_config import make_configs

    model, training = make_configs(PRESETS[name] | {"clip_norm": 1.0})
    options = options_of(repeat(settings(model=model, training=training)))
    assert options.get("--preset") == ("tutorial" if name == "tutorial" else None)
    assert options.get("--clip-norm") == ("1" if name == "tutorial" else None)  # not that of the preset


def test_how_the_text_was_read_and_what_the_run_started_from_are_given():
    decoding = DecodingOptions("latin-1", "none", keep_boilerplate=True, lowercase=True)
    origin = RunOrigin.now(start_from="/runs/a b/model.safetensors", unknown="nearest", min_count=3)
    command = repeat(settings(source="/my texts/it's.txt", decoding=decoding, origin=origin))
    line = shlex.join(command.arguments)
    assert line.startswith("charlstm train '/my texts/it'\"'\"'s.txt' ")
    assert "--from '/runs/a b/model.safetensors' --unknown nearest --min-count 3" in line
    assert "--encoding latin-1 --normalize none --keep-boilerplate --lowercase" in line


@pytest.mark.parametrize(("form", "options"), [("nfc", []), ("nfkc", ["--normalize", "nfkc"])])
@pytest.mark.parametrize(("name", "is_exact"), [("stdin", True), ("text", False)])
def test_a_saved_text_gives_a_model_that_reads_as_the_run_does(tmp_path, form, options, name, is_exact):
    folder = RunFolder(tmp_path)
    folder.text.write_text("the cat")
    decoding = DecodingOptions("utf-8", "none", keep_boilerplate=True)  # of the file, which is in that form already
    values = settings(source="-", decoding=decoding) | {"vocabulary": {"normalize": form}}
    values["text"]["name"] = name
    command = repeat_command(folder, values)
    assert command is not None
    assert command.arguments[2] == str(folder.text)
    assert list(command.arguments[command.arguments.index("utf-8") + 1 : -3]) == options
    assert (not command.caveat) == is_exact
    assert is_exact or "the same weights" in command.caveat


def test_a_run_that_follows_the_clock_or_was_changed_is_repeated_approximately():
    by_time = settings(training=TrainingConfig(epochs=None, max_time=0.5))
    command = repeat(by_time)
    assert options_of(command)["--max-time"] == "0.5"
    assert "clock" in command.caveat
    assert "resumed" in repeat(settings(origin=RunOrigin.now().changed())).caveat
    assert not repeat(settings()).caveat


@pytest.mark.parametrize(
    "damage", [{"origin": None}, {"model": {"cell": 3}}, {"training": []}, {"text": {}}, {"text": {"sources": [None]}}]
)
def test_old_or_damaged_settings_give_no_command(damage):
    assert repeat_command(FOLDER, settings() | damage) is None


def test_a_text_that_ships_is_named(tmp_path, monkeypatch):
    from charlstm.text.catalogue import shipped_texts

    monkeypatch.chdir(tmp_path)
    source = str(shipped_texts()["macbeth.txt"])
    assert repeat(settings(source=source)).arguments[2] == "macbeth.txt"
    (tmp_path / "macbeth.txt").write_text("another text")
    assert repeat(settings(source=source)).arguments[2] == source


@pytest.mark.tensorflow
def test_the_line_that_info_shows_gives_the_same_model(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "the cats.txt"
    text.write_text(TEXT)
    assert charlstm("train", text, "-o", "first", *SIZE, "--epochs", 2, "--random-seed", 3)[0] == 0
    options = [*SIZE[4:], "--epochs", 1, "--from", "first", "--dropout", 0.3, "--recurrent-dropout", 0.1]
    assert charlstm("train", text, "-o", "second", *options, "--evaluate-every", 7)[0] == 0
    for run in ("first", "second"):
        info = json.loads(charlstm("info", run, "--json")[1])
        assert info["origin"]["command"][:2] == ["charlstm", "train"]
        assert info["repeat"]["exact"]
        assert charlstm(*shlex.split(info["repeat"]["command"])[1:])[0] == 0
        models = [Path(folder, "model.safetensors").read_bytes() for folder in (run, f"{run}-again")]
        assert models[0] == models[1]
        assert json.loads(Path(run, "config.json").read_text())["finished"] is True
    shown = charlstm("info", "second")[1]
    assert info["repeat"]["command"] in shown.splitlines()[-1]
    assert "random seed  0\n" in shown
    assert "dropout      0.3, recurrent 0.1\n" in shown
    assert f"keras {info['origin']['environment']['keras']}" in shown
    code, _, err = charlstm("resume", "first", "--epochs", 3)
    assert code == 0, err
    info = json.loads(charlstm("info", "first", "--json")[1])
    assert info["origin"]["changed_on_resume"]
    assert not info["repeat"]["exact"]
