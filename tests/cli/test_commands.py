"""The commands that need no TensorFlow, and how every command treats wrong input."""

import json
import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

import charlstm as package
from charlstm.storage.model_file import save_model
from charlstm.text.vocabulary import Vocabulary
from tests.cli import reference
from tests.conftest import random_model


def test_reference_is_up_to_date():
    assert (Path(__file__).parents[2] / "docs" / "cli.md").read_text() == reference.reference(), "run make docs"


def test_every_command_is_in_the_reference():
    from charlstm.cli.app import make_app
    from charlstm.cli.commands.corpus import corpus
    from charlstm.cli.commands.runs import runs

    commands = [
        getattr(command.callback, "__name__", "").removesuffix("_") for command in make_app().registered_commands
    ] + ["runs"]  # `import` is a keyword
    commands += [
        f"{group.info.name} {command.name or getattr(command.callback, '__name__', '')}"
        for group in (runs, corpus)
        for command in group.registered_commands
    ]
    assert commands == list(reference.COMMANDS)


def test_version(charlstm):
    assert charlstm("--version") == (0, f"charlstm {package.__version__}\n", "")


@pytest.mark.parametrize(("group", "command"), [([], "generate"), (["corpus"], "fetch")])
def test_without_a_command_the_help_is_shown(charlstm, group, command):
    code, out, err = charlstm(*group)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")
    assert command in out


def test_stdout_has_only_the_prompt_and_its_continuation(charlstm, run):
    code, out, err = charlstm("generate", run, "--seed", "macbeth", "--length", 50)
    assert (code, err) == (0, "")
    assert out.startswith("macbeth")
    assert len(out) == 57


def test_a_run_that_was_not_named_is_said_on_stderr_and_in_json(charlstm, run):
    Path("text").write_text("some words")
    for command in (["generate", "--length", 3, "--format", "jsonl"], ["evaluate", "text", "--json"]):
        _, out, err = charlstm(*command)
        assert "the newest run: runs/tiny\n" in err
        assert json.loads(out)["model"] == "runs/tiny/model.safetensors"
    for command in (["generate", "--length", 3, "runs/tiny"], ["generate", "--length", 3, "--model", "tiny"]):
        assert "newest run" not in charlstm(*command)[2]
    assert "newest run" not in charlstm("evaluate", "tiny", "text")[2]


def test_same_random_seed_gives_same_text(charlstm, run):
    first, second, other = (charlstm("generate", run, "--random-seed", seed)[1] for seed in (7, 7, 8))
    assert first == second != other


def test_evaluate_prints_figures_or_json(charlstm, run):
    Path("text").write_text("some words")
    code, out, _ = charlstm("evaluate", "runs/tiny", "text", "--json")
    figures = json.loads(out)
    assert code == 0
    assert list(figures) == [
        "model",
        "nats_per_character",
        "bits_per_character",
        "perplexity",
        "accuracy",
        "characters",
        "interval",
        "cold_windows",
        "bits_per_byte",
        "bytes",
        "word_perplexity",
        "words",
        "kinds",
        "tenths",
        "shared_with_earlier",
        "unknown_characters",
        "part",
        "is_training_text",
        "shared_with_training",
    ]
    assert figures["characters"] == 9
    assert f"{figures['nats_per_character']:.4f}" in charlstm("evaluate", "text")[1]


def test_info_prints_lines_or_json(charlstm, run, model):
    assert f"{model.num_parameters:,} parameters" in charlstm("info")[1]
    values = json.loads(charlstm("info", "runs/tiny", "--json")[1])
    assert values["parameters"] == model.num_parameters
    assert values["vocabulary"]["characters"] == model.vocabulary.characters


def test_evaluate_counts_unknown_characters_by_the_policy(charlstm, run):
    """Of ten characters one is rare (an upper-case A), one unknown to everybody; the first is never scored."""
    characters = "\n abc\ufffd"
    vocabulary = Vocabulary(characters, unknown="\ufffd")
    save_model(run / "model.safetensors", replace(random_model(characters=characters), vocabulary=vocabulary))
    Path("text").write_text("abcAbc \u6f22bc")
    figures = {
        policy: json.loads(charlstm("evaluate", "text", "--json", "--unknown", policy)[1])
        for policy in ("skip", "nearest")
    }
    assert figures["skip"]["unknown_characters"] == {"left_out": 2, "changed": 0}
    assert figures["skip"]["characters"] == 7
    assert figures["nearest"]["unknown_characters"] == {"left_out": 1, "changed": 1}
    assert figures["nearest"]["characters"] == 8
    for policy, same in (("skip", "abcbc bc"), ("nearest", "abcabc bc")):
        Path("same").write_text(same)
        known = json.loads(charlstm("evaluate", "same", "--json")[1])
        assert known["nats_per_character"] == figures[policy]["nats_per_character"]
    code, _, err = charlstm("evaluate", "text", "--unknown", "error")
    assert (code, "'A' (U+0041)" in err) == (1, True)


@pytest.mark.parametrize("form", ["nfc", "none"])
def test_evaluate_reads_a_text_in_the_form_of_the_model(charlstm, run, form):
    own = unicodedata.normalize("NFC" if form == "nfc" else "NFD", "ab\u00e9 \u00e9a b\n")
    vocabulary = Vocabulary.from_text(own, normalize=form)
    save_model(run / "model.safetensors", replace(random_model(characters=own), vocabulary=vocabulary))
    figures = []
    for other in ("NFC", "NFD"):
        Path("text").write_text(unicodedata.normalize(other, own))
        figures.append(json.loads(charlstm("evaluate", "text", "--unknown", "error", "--json")[1]))
    assert figures[0] == figures[1]
    assert figures[0]["characters"] == len(own) - 1
    assert json.loads(charlstm("info", "--json")[1])["vocabulary"]["normalize"] == form


WRONG = [
    (["generate", "--length", "0"], 2, "--length is 0"),
    (["generate", "--length", "-1"], 2, "--length is -1"),
    (["generate", "--length", "many"], 2, "--length"),
    (["generate", "--temperature", "-1"], 2, "--temperature is -1"),
    (["generate", "--top-k", "0"], 2, "--top-k is 0"),
    *((["generate", "--temperature", value], 2, "--temperature is") for value in ("1e400", "nan", "-inf", "1e300")),
    (["generate", "--repetition-penalty", "1" + "0" * 400], 2, "--repetition-penalty is inf"),
    (["generate", "--length", "9" * 20], 2, "--length is 99999999999999999999"),
    (["generate", "--random-seed", "1" + "0" * 30], 2, "at most 9,223,372,036,854,775,807"),
    (["generate", "--top-k", "1" + "0" * 30], 2, "at most 1,000,000"),
    (["generate", "--max-time", "9" * 400], 2, "--max-time is inf"),
    (["generate", "--stop", "a" * 20_000], 2, "--stop has 1 texts"),
    (["generate", "--model", "tiny:inf"], 2, "must be above 0 and at most 1,000,000"),
    (["train", "macbeth.txt", "--attention", "65536"], 2, "at most 1,024"),
    (["train", "macbeth.txt", "--cell", "mogrifier:" + "7" * 5000], 2, "unknown cell"),
    (["train", "macbeth.txt", "--batch-size", "4096", "--sequence-length", "4096"], 2, "--batch-size 4,096 times"),
    (["info", "/dev/zero"], 1, "not a regular file"),
    (["info", "upper.txt"], 1, "not a whole safetensors file"),
    (["info", "nothing"], 1, "has no model.safetensors"),
    (["generate", "--seed", "\u00e9", "--unknown", "error"], 1, "U+00E9"),
    (["generate", "nowhere"], 1, "'nowhere'"),
    (["generate", "broken.safetensors"], 1, "not a whole safetensors file"),
    (["generate", "--what"], 2, "--what"),
    (["info", "nowhere"], 1, "'nowhere'"),
    (["evaluate"], 2, "TEXT is missing"),
    (["evaluate", "a", "b", "c"], 2, "got 3 values"),
    (["evaluate", "nowhere.txt"], 1, "nowhere.txt"),
    (["evaluate", "one.txt"], 1, "only one character"),
    (["evaluate", "upper.txt"], 1, "no character that the model knows"),
    (["evaluate", "upper.txt", "--unknown", "error"], 1, "'U' (U+0055)"),
    (["train", "upper.txt", "--validation-split", "middle"], 2, "--validation-split is 'middle'"),
    (["compare", "upper.txt", "--validation-split", "middle"], 2, "--validation-split is 'middle'"),
    (["train", "line.txt", "--validation-split", "lines"], 1, "only one line"),
    (["write", "--encoding", "latin-1"], 2, "--encoding is that of a file"),
    (["evaluate", "upper.txt", "--unknown", "guess"], 2, "--unknown is 'guess'"),
    (["train"], 2, "TEXT"),
    (["train", "nowhere.txt"], 1, "nowhere.txt"),
    (["train", "empty.txt"], 1, "is empty"),
    (["train", "one.txt"], 1, "the text is too short"),
    (["train", "upper.txt"], 1, "fewer than one sequence"),
    (["train", "binary.txt"], 1, "is a binary file"),
    (["train", "upper.txt", "--encoding", "klingon"], 2, "no encoding 'klingon'"),
    (["train", "upper.txt", "--normalize", "x"], 2, "--normalize is 'x'"),
    (["train", "upper.txt", "--min-count", "9"], 1, "no character occurs 9 times"),
    (["train", "upper.txt", "--min-count", "0"], 2, "--min-count"),
    (["train", "upper.txt", "--unknown", "skip"], 2, "--unknown is for"),
    (["train", "broken.gz"], 1, "broken.gz"),
    (["train", "*.csv"], 1, "no file matches"),
    (["train", "nothing"], 1, "has no text in it"),
    (["corpus", "stats", "empty.txt"], 1, "is empty"),
    (["corpus", "stats"], 2, "TEXT"),
    (["corpus", "fetch", "nobody"], 1, "'nobody'"),
    (["corpus", "fetch", "alice", "--sha256", "12"], 2, "--sha256"),
    (["train", "runs"], 1, "has no text in it"),
    (["train", "macbeth.txt", "--cell", "magic"], 2, "unknown cell 'magic'"),
    (["train", "macbeth.txt", "--layers", "0"], 2, "--layers is 0"),
    (["train", "macbeth.txt", "--max-time", "soon"], 2, "soon"),
    (["train", "macbeth.txt", "--max-time", "0s"], 2, "--max-time"),
    (["train", "macbeth.txt", "--epochs", "0"], 2, "--epochs"),
    (["train", "macbeth.txt", "--out", "runs/tiny"], 1, "already holds a run"),
    (["train", "folder/samples.txt", "--out", "folder"], 1, "would replace it"),
    (["train", "upper.txt", "--encoding", "undefined"], 1, "is not undefined"),
    (["train", "macbeth.txt", "--epochs", "1e308"], 2, "--epochs"),
    (["train", "macbeth.txt", "--units", "1000000"], 2, "at most 16,384"),
    (["train", "macbeth.txt", "--resume", "--overwrite"], 2, "--resume continues"),
    (["train", "macbeth.txt", "--out", "one.txt"], 1, "is a file"),
    (["train", "macbeth.txt", "--out", "one.txt/run"], 1, "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), WRONG, ids=[" ".join(row[0])[:60] for row in WRONG])
def test_wrong_input_gives_one_line_and_a_hint(charlstm, run, arguments, code, message):
    Path("empty.txt").write_text("")
    Path("one.txt").write_text("a")
    Path("upper.txt").write_text("UPPER")
    Path("line.txt").write_text("one line " * 50)
    Path("binary.txt").write_bytes(bytes(range(256)))
    Path("broken.gz").write_bytes(b"not gzip at all")
    Path("nothing").mkdir()
    Path("folder").mkdir()
    Path("folder/samples.txt").write_text("mine " * 100)
    Path("broken.safetensors").write_bytes(b"not safetensors at all")
    before = sorted(Path().rglob("*"))
    actual_code, out, err = charlstm(*arguments)
    lines = err.splitlines()
    assert (actual_code, out) == (code, "")
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert [line.startswith("hint: ") for line in lines[1:]] == [True]
    assert sorted(Path().rglob("*")) == before, "no file may be left behind"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(charlstm, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, err = charlstm("train", "macbeth.txt", "--out", tmp_path / "locked" / "run")
    assert code == 1
    assert "Permission denied" in err


def test_control_characters_in_an_error_cannot_drive_the_terminal(charlstm, run):
    assert "\x1b" not in charlstm("generate", "run\x1b[2Jner")[2]


def test_debugging_shows_the_traceback(charlstm, run, monkeypatch):
    from charlstm.errors import SettingError

    monkeypatch.setenv("CHARLSTM_DEBUG", "1")
    with pytest.raises(SettingError):
        charlstm("generate", "--length", "0")


def test_unknown_characters_of_a_prompt_are_replaced_with_a_message(charlstm, run):
    code, out, err = charlstm("generate", "--seed", "MACB\u00c9TH", "--length", 3)
    assert code == 0
    assert out.startswith("MACB\u00c9TH")
    assert "\u00c9 (U+00C9) with e (U+0065)" in err


def test_evaluate_counts_unknown_characters(charlstm, run):
    Path("text").write_text("some W\u6f22rds")
    code, out, err = charlstm("evaluate", "text")
    assert code == 0
    assert "skipped             2 that" in out
    assert "U+6F22" in err
    figures = json.loads(charlstm("evaluate", "text", "--unknown", "nearest", "--json")[1])
    assert figures["unknown_characters"] == {"left_out": 1, "changed": 1}
    assert figures["characters"] == 8


def test_corpus_stats(charlstm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("ab\x1b\n" * 50)
    code, out, _ = charlstm("corpus", "stats", "text")
    assert code == 0
    assert "U+001B 50" in out
    assert "\x1b" not in out
    facts = json.loads(charlstm("corpus", "stats", "text", "--json")[1])
    assert (facts["characters"], facts["lines"], len(facts["alphabet"])) == (200, 50, 4)
    assert facts["entropies"][0] == pytest.approx(2)


def test_corpus_list_and_fetch(charlstm, tmp_path, monkeypatch):
    monkeypatch.setenv("CHARLSTM_CACHE", str(tmp_path))
    (tmp_path / "alice.txt").write_text("down\n" * 20)
    out = charlstm("corpus", "list")[1]
    assert "* macbeth.txt" in out
    assert "* alice" in out
    assert "  enwik8" in out
    code, out, _ = charlstm("corpus", "fetch", "alice")
    assert (code, out) == (0, f"{tmp_path / 'alice.txt'}\n")
    code, _, err = charlstm("corpus", "fetch", "http://127.0.0.1:9/tale.txt")
    assert code == 1
    assert "cannot be reached" in err.splitlines()[0]
