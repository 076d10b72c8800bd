"""Parts of a text that are given: `--validation FILE`, `--test FILE`, `--split`, and what reads them again."""

import io
import json
import random
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from charlstm.storage.run_folder import RunFolder

pytestmark = pytest.mark.tensorflow
NEEDS_OPTUNA = pytest.mark.skipif(find_spec("optuna") is None, reason="needs the extra charlstm[sweep]")

WORDS = ["".join(random.Random(number).choices("abcdefgh", k=2 + number % 6)) for number in range(200)]
SMALL = ("--units", 8, "--layers", 1, "--epochs", 0.5, "--from", "none")


def lines(count, *, random_seed):
    rng = random.Random(random_seed)
    return "".join(" ".join(rng.choices(WORDS, k=12)) + "\n" for _ in range(count))


TEXT, VALID, TEST = (lines(count, random_seed=count) for count in (120, 15, 14))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {"text": TEXT, "valid": VALID, "test": TEST}.items():
        Path(f"{name}.txt").write_text(text)
    return tmp_path


def train(charlstm, *arguments, text="text.txt"):
    code, _, err = charlstm("train", text, *SMALL, *arguments)
    assert code == 0, err
    return err


def evaluate(charlstm, *arguments):
    code, out, err = charlstm("evaluate", *arguments, "--json")
    assert code == 0, err
    return json.loads(out), err


FILES = ("--validation", "valid.txt", "--test", "test.txt")


@pytest.mark.parametrize("options", [("--split", "80/10/10"), FILES])
def test_the_test_part_changes_no_byte_of_the_model_and_no_setting(charlstm, folder, options):
    runs = []
    for test_text in (TEST, TEST[:-3] + "XY\n"):
        Path("test.txt").write_text(test_text)
        Path("text.txt").write_text(TEXT if "--test" in options else TEXT + VALID + test_text)
        train(charlstm, *options, "--overwrite")
        run = RunFolder(folder / "runs" / "text")
        config = json.loads(run.config.read_text())
        del config["origin"]
        digest = config["text"]["parts"].pop("test")["sha256"]
        runs.append((run.model.read_bytes(), run.samples.read_bytes(), config, digest))
    assert runs[0][:3] == runs[1][:3]
    assert runs[0][3] != runs[1][3]


def test_each_part_is_evaluated_without_naming_the_text(charlstm, folder):
    err = train(charlstm, *FILES)
    expected = f"valid.txt ({len(VALID):,} characters) for validation; test.txt ({len(TEST):,} characters) for testing"
    assert expected in err
    figures, err = evaluate(charlstm, "text", "--part", "test")
    assert (figures["part"], figures["characters"]) == ("test", len(TEST) - 1)
    assert f"scoring the test part of text, {len(TEST):,} characters" in err
    assert figures["nats_per_character"] == evaluate(charlstm, "text", "test.txt")[0]["nats_per_character"]
    assert figures["nats_per_character"] == evaluate(charlstm, "--part", "test")[0]["nats_per_character"]
    assert figures == evaluate(charlstm, "text", "text.txt", "--part", "test")[0]
    figures, err = evaluate(charlstm, "text", "--part", "validation")
    assert (figures["part"], figures["characters"], figures["is_training_text"]) == ("validation", len(VALID) - 1, True)
    assert figures == evaluate(charlstm, "text", "text.txt")[0]
    figures, err = evaluate(charlstm, "text", "--part", "train")
    assert (figures["part"], figures["characters"]) == ("train", len(TEXT) - 1)
    assert "the model has learned this part" in err
    code, out, _ = charlstm("inspect", "text", "--characters", 20, "--view", "surprise", "--json")
    assert code == 0
    assert json.loads(out)["source"] == "validation"


def test_a_run_with_parts_is_resumed_and_repeated(charlstm, folder):
    train(charlstm, "--split", "80/10/10")
    train(charlstm, "--split", "80/10/10", "--epochs", 1, "--output", "whole")
    first = json.loads(Path("runs/text/config.json").read_text())["text"]
    for options in (("--split", "90/10"), ("--test", "test.txt")):
        code, _, err = charlstm("train", "text.txt", "--resume", "--epochs", 1, *options)
        assert (code, f"{options[0]} is {options[1]}, but runs/text was trained with" in err) == (2, True)
    assert charlstm("train", "text.txt", "--resume", "--epochs", 1, "--split", "80/10/10")[0] == 0
    assert json.loads(Path("runs/text/config.json").read_text())["text"] == first
    info = json.loads(charlstm("info", "text", "--json")[1])
    assert info["training"]["text_characters"] == round(len(TEXT) * 0.9)
    out = charlstm("info", "text")[1]
    assert "--split 80/10/10" in out
    assert "--validation" not in out


def test_a_changed_part_is_an_error(charlstm, folder):
    train(charlstm, *FILES)
    Path("test.txt").write_text(TEST + "more")
    code, _, err = charlstm("evaluate", "text", "--part", "test")
    assert (code, "error: the test part has changed since the run was started" in err) == (1, True)
    assert charlstm("resume", "text", "--epochs", 0.6)[0] == 0  # which never reads it
    Path("valid.txt").write_text(VALID + "more")
    code, _, err = charlstm("resume", "text", "--epochs", 1)
    assert (code, "the text is not the one that the run was started with" in err) == (1, True)
    assert "has changed since the model was trained" in charlstm("evaluate", "text", "--part", "validation")[2]
    Path("valid.txt").unlink()
    code, _, err = charlstm("resume", "text", "--epochs", 1)
    assert (code, "there is no file" in err) == (1, True)
    code, _, err = charlstm("evaluate", "text", "test.txt", "--part", "test")
    assert (code, "--part is test, but test is not the text" in err) == (2, True)


def test_a_run_without_a_test_part_says_so(charlstm, folder):
    train(charlstm)
    code, _, err = charlstm("evaluate", "text", "--part", "test")
    assert (code, "runs/text has no test part" in err) == (2, True)
    assert charlstm("evaluate", "text", "--part", "validation")[0] == 0


@pytest.mark.parametrize("options", [("--split", "80/10/10"), FILES])
def test_a_text_from_standard_input_is_kept_whole(charlstm, folder, monkeypatch, options):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    train(charlstm, *options, "--encoding", "utf-8", text="-")
    size = len(TEST) if options == FILES else len(TEXT) - round(len(TEXT) * 0.9)
    assert evaluate(charlstm, "stdin", "--part", "test")[0]["characters"] == size - 1
    assert charlstm("resume", "stdin", "--epochs", 0.6)[0] == 0


def test_passages_of_the_training_part_in_the_others_are_named(charlstm, folder):
    Path("test.txt").write_text(TEST + TEXT[:400])
    Path("valid.txt").write_text(VALID)
    err = train(charlstm, *FILES, "--quiet")
    share = 400 / len(TEST + TEXT[:400])
    assert err == (
        f"warning: {share:.0%} of the test part stands in the training part too, in passages of 50 or more characters: "
        "new text is predicted less well\n"
    )
    stats = json.loads(charlstm("corpus", "stats", "text.txt", *FILES, "--json")[1])
    assert stats["also_in_training"] == {"validation": 0, "test": pytest.approx(share, abs=0.01)}
    assert "test part: " in charlstm("corpus", "stats", "text.txt", *FILES)[1]
    Path("short.txt").write_text("abc")
    assert json.loads(charlstm("corpus", "stats", "short.txt", "--json")[1])["also_in_training"] == {}


def test_characters_that_are_left_out_do_not_move_the_parts(charlstm, folder):
    Path("base.txt").write_text(TEXT.replace("a", ""))
    train(charlstm, text="base.txt")
    options = ("--from", "base", "--unknown", "skip", "--epochs", 0.5)
    assert charlstm("train", "text.txt", *options, "--split", "80/10/10")[0] == 0
    start, end = round(len(TEXT) * 0.8), round(len(TEXT) * 0.9)
    learned = TEXT[start:end].replace("a", "")
    assert evaluate(charlstm, "text", "--part", "validation")[0]["characters"] == len(learned) - 1


WRONG = [
    (("--split", "90/5/5", "--validation", "0.2"), 2, "--split and --validation are both given"),
    (("--split", "90/5/5", "--test", "test.txt"), 2, "--split and --test are both given"),
    (("--validation", "valid.txt", "--validation-split", "lines"), 2, "--validation-split has no effect"),
    (("--split", "penn"), 2, "--split is 'penn'"),
    (("--split", "text8"), 1, "--split text8 divides 100,000,000 characters, but text has"),
    (("--split", "enwik8"), 1, "--split enwik8 divides 100,000,000 bytes, but text has"),
    (("--split", "ptb"), 1, "--split ptb needs ptb.train.txt"),
    (("--validation", "none.txt"), 1, "there is no text 'none.txt'"),
    (("--validation", "1.5"), 2, "--validation is 1.5"),
    (("--test", "-"), 1, "--test is -, which cannot be read again"),
]


COMMANDS = [("train",), ("compare",), ("repeat", 2), pytest.param(("sweep",), marks=NEEDS_OPTUNA)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(("options", "code", "message"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_parts_leave_nothing_behind(charlstm, folder, command, options, code, message):
    actual, out, err = charlstm(*command, "text.txt", *options)
    assert (actual, out) == (code, "")
    assert f"error: {message}" in err
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["train", "compare"])
def test_a_file_of_settings_may_have_either_kind_of_validation(charlstm, folder, command):
    for value, message in (("0.2", ""), ('"none.txt"', "no text 'none.txt'"), ("true", "must be a number or a file")):
        Path("run.toml").write_text(f"validation = {value}\nunits = 0\n")
        err = charlstm(command, "text.txt", "--config", "run.toml")[2]
        assert (message or "--units is 0") in err or "--units is 0" in err


def test_what_is_shown_of_parts_can_be_read_again(charlstm, folder):
    for options in (("--split", "80/10/10"), FILES):
        shown = charlstm("train", "text.txt", "--units", 8, *options, "--show-config")[1]
        Path("run.toml").write_text(shown)
        code, again, err = charlstm("train", "--config", "run.toml", "--show-config")
        assert code == 0, err
        assert [line.split("  #")[0] for line in again.splitlines()] == [
            line.split("  #")[0] for line in shown.splitlines()
        ]


def test_a_comparison_tests_its_winner_once(charlstm, folder):
    options = ("--cells", "lstm,rnn", "--units", 8, "--layers", 1, "--epochs", 0.3, "--output", "compared")
    code, out, err = charlstm("compare", "text.txt", *options, "--split", "80/10/10")
    assert code == 0, err
    results = json.loads(Path("compared/comparison.json").read_text())
    winner = results["cells"][0]["cell"]
    assert results["test"]["run"] == f"{winner}-1"
    assert f"test part, {winner}-1: {results['test']['bits_per_character']:.4f} bits per character" in out
    figures, _ = evaluate(charlstm, f"compared/{winner}-1", "--part", "test")
    assert figures["bits_per_character"] == results["test"]["bits_per_character"]
    for other, changed in ((("--split", "80/15/5"), "--validation"), ((), "text")):
        code, _, err = charlstm("compare", "text.txt", *options, *other)
        assert (code, f"holds a comparison with another {changed}" in err) == (1, True)


@pytest.mark.parametrize("options", [("--split", "80/10/10"), FILES])
def test_repeated_runs_share_the_parts_and_the_best_is_tested_once(charlstm, folder, options):
    arguments = ("text.txt", *SMALL, "--output", "repeated")
    code, out, err = charlstm("repeat", 2, *arguments, *options)
    assert code == 0, err
    results = json.loads(Path("repeated/repeats.json").read_text())
    best = min(results["runs"], key=lambda run: run["validation_bits"])
    figures, _ = evaluate(charlstm, best["folder"], "--part", "test")
    assert results["test"]["run"] == Path(best["folder"]).name
    assert results["test"]["bits_per_character"] == figures["bits_per_character"]
    assert out.splitlines()[-1] == (
        f"test part, {results['test']['run']}: {figures['bits_per_character']:.4f} bits per character"
    )
    texts = [json.loads(Path(f"repeated/seed-{seed}/config.json").read_text())["text"] for seed in (0, 1)]
    assert texts[0] == texts[1]
    assert json.loads(charlstm("repeat", 2, *arguments, *options, "--json")[1]) == results
    code, _, err = charlstm("repeat", 2, *arguments)
    assert (code, "holds runs with another " in err) == (1, True)


def test_repeated_runs_are_not_continued_with_other_parts(charlstm, folder):
    arguments = ("repeat", 1, "text.txt", *SMALL, "--output", "repeated")
    assert charlstm(*arguments, *FILES)[0] == 0
    for other, changed in (
        (("--split", "80/10/10"), "--split"),
        (("--validation", "0.1", "--test", "test.txt"), "--validation"),
        (("--test", "test.txt"), "validation part"),
        (("--validation", "test.txt", "--test", "test.txt"), "validation part"),
        (("--validation", "valid.txt", "--test", "valid.txt"), "test part"),
        (("--validation", "valid.txt"), "test part"),
    ):
        code, out, err = charlstm(*arguments, *other)
        assert (code, out, f"holds runs with another {changed}\n" in err) == (1, "", True), err
    Path("valid.txt").rename("moved.txt")
    assert charlstm(*arguments, "--validation", "moved.txt", "--test", "test.txt")[0] == 0


@NEEDS_OPTUNA
@pytest.mark.parametrize("options", [("--split", "80/10/10"), FILES])
def test_a_sweep_tests_its_best_trial_once_and_names_the_parts(charlstm, folder, options):
    Path("space.toml").write_text("units = [8, 12]\n")
    arguments = ("sweep", "text.txt", "--layers", 1, "--epochs", 0.5, "--space", "space.toml", "--trials", 2, *options)
    code, out, err = charlstm(*arguments)
    assert code == 0, err
    *_, test_line, command = out.splitlines()
    (kept,) = Path("runs/sweep-text").glob("trial-*")
    figures, _ = evaluate(charlstm, kept, "--part", "test")
    assert test_line == f"test part, {kept.name}: {figures['bits_per_character']:.4f} bits per character"
    assert shlex.join(options) in command
    assert charlstm(*shlex.split(command)[1:], "-o", "again", "--quiet")[0] == 0
    assert Path("again/model.safetensors").read_bytes() == (kept / "model.safetensors").read_bytes()
    results = json.loads(charlstm(*arguments, "--json")[1])
    assert results["test"]["bits_per_character"] == figures["bits_per_character"]
    assert "test" not in json.loads(charlstm(*arguments, "--show", "--json")[1])
