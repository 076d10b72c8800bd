"""What is suggested for an unknown option or command: the word of another program, or a close match, or nothing."""

import pytest

from charlstm.cli.suggestions import OTHER_COMMANDS, OTHER_WORDS
from tests.cli.test_options import commands, options_of
from tests.run_folders import make_run_folder

SUGGESTED = [
    (["train", "t", "--lr", "1"], "--learning-rate"),
    (["generate", "--temp", "1"], "--temperature"),
    (["train", "t", "--hidden-size", "9"], "--units"),
    (["train", "t", "--rnn_size=9"], "--units"),
    (["train", "t", "-rnn_size", "9"], "--units"),
    (["train", "t", "--num-layers", "2"], "--layers"),
    (["train", "t", "--nlayers", "2"], "--layers"),
    (["train", "t", "--seq-length", "9"], "--sequence-length"),
    (["generate", "--primetext", "a"], "--seed"),
    (["train", "t", "--iterations", "9"], "--epochs or --max-time"),
    (["train", "t", "--max-iters", "9"], "--epochs or --max-time"),
    (["train", "t", "--batchsize", "9"], "--batch-size"),
    (["train", "t", "--Lr", "9"], "--learning-rate"),
    (["generate", "--temprature", "1"], "--temperature"),
    (["generate", "--repetition", "1"], "--repetition-penalty or --repetition-window"),
    (["trian"], "train"),
    (["sample"], "generate or samples"),
    (["corpus", "download"], "fetch"),
    (["runs", "delete"], "rm"),
]
UNRELATED = [["train", "t", "--gpu"], ["train", "t", "--what"], ["generate", "--epochs", "1"], ["banana"], ["help"]]


@pytest.mark.parametrize(("arguments", "expected"), SUGGESTED, ids=[" ".join(row[0]) for row in SUGGESTED])
def test_the_option_that_is_meant_is_suggested(charlstm, arguments, expected):
    code, out, err = charlstm(*arguments)
    assert (code, out) == (2, "")
    assert f"hint: did you mean {expected}? " in err


MISSPELT = [
    (["generate", "recepies"], "did you mean 'recipes'? there are: runs/names, runs/recipes"),
    (["info", "runs/recepies"], "did you mean 'recipes'?"),
    (["resume", "nmaes"], "did you mean 'names'?"),
    (["plot", "nmaes"], "did you mean 'names'?"),
    (["runs", "rm", "nmaes"], "did you mean 'names'? charlstm runs lists them"),
    (["train", "lyric/"], "did you mean 'lyrics'?"),
    (["train", "lyrics/song1.txt"], "did you mean 'lyrics/song 1.txt'?"),
    (["train", "macbet.txt"], "did you mean 'macbeth.txt'?"),
    (["train", "alise"], "did you mean 'alice'?"),
    (["train", "names.txt", "--preset", "medum"], "did you mean 'medium'?"),
    (["train", "names.txt", "--cell", "lstn"], "did you mean 'lstm'?"),
    (["generate", "banana"], "there are: runs/names, runs/recipes"),
    (["train", "songs/"], "check the path"),
]


@pytest.mark.parametrize(("arguments", "hint"), MISSPELT, ids=[" ".join(row[0]) for row in MISSPELT])
def test_the_name_that_is_meant_is_suggested(charlstm, tmp_path, monkeypatch, arguments, hint):
    monkeypatch.chdir(tmp_path)
    for name in ("names", "recipes"):
        make_run_folder(tmp_path / "runs" / name)
    (tmp_path / "names.txt").write_text("Anna\n" * 100)
    (tmp_path / "lyrics").mkdir()
    (tmp_path / "lyrics" / "song 1.txt").write_text("la\n")
    code, out, err = charlstm(*arguments)
    assert code in (1, 2)
    assert out == ""
    assert err.splitlines()[-1].startswith(f"hint: {hint}")


@pytest.mark.parametrize("arguments", UNRELATED, ids=" ".join)
def test_nothing_unrelated_is_suggested(charlstm, arguments):
    code, _, err = charlstm(*arguments)
    assert code == 2
    assert "did you mean" not in err
    assert "--help" in err.splitlines()[1]


def test_every_word_of_another_program_leads_to_an_option_or_command():
    options = {name.removeprefix("--") for command in commands().values() for name in options_of(command)}
    assert {word for words in OTHER_WORDS.values() for word in words} <= options
    names = {name.split()[-1] for name in commands()} | {name.split()[0] for name in commands()}
    assert {word for words in OTHER_COMMANDS.values() for word in words} <= names
