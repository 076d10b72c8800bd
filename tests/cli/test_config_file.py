"""Settings from a file, from the environment and from the command line, and `train --show-config`."""

import tomllib
from pathlib import Path

import pytest

WRONG = [
    ("unit = 3", "line 1: there is no setting 'unit'", "did you mean units?"),
    ("\nlr = 3", "line 2: there is no setting 'lr'", "did you mean learning-rate?"),
    ("[train]\nunits = 3", "line 1: there is no setting 'train'", "settings are: attention, batch-size"),
    ('# x\nunits = "many"', "line 2: units is 'many', but it must be an integer", "correct the file"),
    ("units = 1.5", "line 1: units is 1.5, but it must be an integer", "correct the file"),
    ("dropout = true", "line 1: dropout is True, but it must be a number", "correct the file"),
    ("quiet = 1", "line 1: quiet is 1, but it must be true or false", "correct the file"),
    ("text = [1]", "line 1: text is [1], but it must be a list of strings", "correct the file"),
    ("cell = 3", "line 1: cell is 3, but it must be a string", "correct the file"),
    ("max_time = []", "line 1: max_time is [], but it must be a time", "correct the file"),
    ("max-time = 5\nmax_time = 6", "line 2: 'max_time' is set twice", "remove one"),
    ('max_time = "soon"', "line 1: --max-time: 'soon' is not a duration", "--help"),
    ("layers = 2\nunits = 0", "line 2: --units is 0", "try --units 256"),
    ("units =\n", " is not TOML: Invalid value (at line 1", "units = 300"),
]


@pytest.mark.parametrize("command", ["train", "compare"])
@pytest.mark.parametrize(("content", "message", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_file_is_one_line_that_says_where(charlstm, run, command, content, message, hint):
    if command == "compare" and ("[train]" in content or not {"units", "dropout"} & {*content.split()}):
        pytest.skip("a setting of train only")
    Path("run.toml").write_text(content)
    code, out, err = charlstm(command, "macbeth.txt", "--config", "run.toml")
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: run.toml")
    assert message in first
    assert hint in second


def settings_of(charlstm, *arguments):
    code, out, _ = charlstm("train", *arguments, "--show-config")
    assert code == 0
    return tomllib.loads(out), out


def test_an_option_wins_over_the_environment_that_over_the_file_and_that_over_the_default(charlstm, run, monkeypatch):
    Path("run.toml").write_text('text = "macbeth.txt"\nlayers = 3\nunits = 30\ndropout = 0.3\n')
    monkeypatch.setenv("CHARLSTM_TRAIN_UNITS", "40")
    monkeypatch.setenv("CHARLSTM_TRAIN_DROPOUT", "0.4")
    values, text = settings_of(charlstm, "--config", "run.toml", "--dropout", 0.5, "--max-time", "5m")
    assert [values[key] for key in ("layers", "units", "dropout", "patience")] == [3, 40, 0.5, 8]
    assert "units = 40  # given" in text
    assert "patience = 8  # default" in text
    assert "learning-rate = 0.008  # chosen" in text


def test_the_settings_for_several_workers_are_shown_without_teachers(charlstm, run):
    workers = ["--workers", "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003", "--worker-index", 0]
    alone, _ = settings_of(charlstm, "macbeth.txt", "--from", "none", "--max-time", "10h")
    together, _ = settings_of(charlstm, "macbeth.txt", "--from", "none", "--max-time", "10h", *workers)
    assert alone["teachers"] > 0
    assert together["teachers"] == 0
    assert together["shards"] % 3 == 0


@pytest.mark.parametrize("options", [[], ["--preset", "small"], ["--epochs", 2, "--cell", "gru", "--lowercase"]])
def test_what_is_shown_can_be_read_again_and_fixes_everything(charlstm, run, options):
    values, text = settings_of(charlstm, "macbeth.txt", *options)
    Path("run.toml").write_text(text)
    again, text = settings_of(charlstm, "--config", "run.toml")
    assert again == values
    assert "chosen" not in text
    assert not list(Path("runs").glob("macbeth*")), "nothing is trained"


def test_settings_that_are_measured_or_come_with_a_preset_or_a_model_are_shown(charlstm, run):
    values, _ = settings_of(charlstm, "macbeth.txt")
    assert (values["precision"], values["normalize"]) == ("auto", "nfc")
    values, text = settings_of(charlstm, "macbeth.txt", "--preset", "tutorial")
    assert values["lowercase"]
    assert "lowercase = true  # preset tutorial" in text
    _, text = settings_of(charlstm, "macbeth.txt", "--from", "tiny")
    assert 'normalize = "nfc"  # of the model' in text
    assert 'precision = "float32"  # of the model' in text


def test_a_wrong_environment_variable_is_named(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_GENERATE_TOP_K", "0")
    assert "error: CHARLSTM_GENERATE_TOP_K: --top-k is 0" in charlstm("generate")[2]
    monkeypatch.setenv("CHARLSTM_GENERATE_TOP_K", "some")
    assert "error: CHARLSTM_GENERATE_TOP_K: --top-k is 'some', but it must be a whole number" in charlstm("generate")[2]


def test_a_misspelt_environment_variable_is_named(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_GENERATE_TEMPRATURE", "0.5")
    monkeypatch.setenv("CHARLSTM_TRAIN_UNIT", "3")
    code, _, err = charlstm("generate", "tiny", "--length", 3)
    expected = "CHARLSTM_GENERATE_TEMPRATURE sets no option; did you mean CHARLSTM_GENERATE_TEMPERATURE?"
    assert (code, expected in err, "TRAIN" in err) == (0, True, False)


def test_a_variable_of_a_group_and_that_of_its_command_are_told_apart(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_RUNS_RM_YES", "1")
    monkeypatch.setenv("CHARLSTM_RUNS_SORTS", "bits")
    err = charlstm("runs")[2]
    assert "CHARLSTM_RUNS_SORTS sets no option; did you mean CHARLSTM_RUNS_SORT?" in err
    assert "CHARLSTM_RUNS_RM_YES" not in err


def test_the_variable_of_a_switch_that_is_not_a_boolean_is_explained(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_TRAIN_OVERWRITE", "maybe")
    code, _, err = charlstm("train", "macbeth.txt")
    assert code == 2
    assert "CHARLSTM_TRAIN_OVERWRITE: --overwrite is 'maybe', but it must be 1 or 0" in err


def test_variables_of_charlstm_itself_set_no_option(charlstm, run, monkeypatch):
    for name in ("CACHE", "DEBUG", "ISA", "VERSION", "HELP", "TRAIN"):
        monkeypatch.setenv(f"CHARLSTM_{name}", "0")
    assert charlstm("generate", "tiny", "--length", 3)[0] == 0


def test_groups_have_variables_too(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_RUNS_FOLDER", "elsewhere")
    assert "there is no folder elsewhere" in charlstm("runs")[2]


def test_sampling_can_be_set_in_the_environment(charlstm, run, monkeypatch):
    monkeypatch.setenv("CHARLSTM_GENERATE_LENGTH", "7")
    assert len(charlstm("generate", "tiny", "--no-echo")[1].rstrip("\n")) <= 7
