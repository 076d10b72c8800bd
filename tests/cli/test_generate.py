"""`charlstm generate`: what it writes, where to, and in which form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_where_it_ends_and_what_it_starts_from(charlstm, run):
    Path("seed.txt").write_text("from a file")
    whole = charlstm("generate", "--random-seed", 1, "--length", 80, "--seed-file", "seed.txt")[1]
    assert whole.startswith("from a file")
    rest = charlstm("generate", "--random-seed", 1, "--length", 80, "--seed-file", "seed.txt", "--no-echo")[1]
    assert whole == "from a file" + rest
    stop = rest[30:33]
    ended = charlstm("generate", "--random-seed", 1, "--length", 80, "--seed", "from a file", "--stop", stop)[1]
    assert ended == "from a file" + rest[: rest.index(stop)]


def test_json_holds_all_that_is_needed_to_write_it_again(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 3, "--random-seed", 7, "--scores", "--top-p", 0.9]
    facts = json.loads(charlstm("generate", *options, "--format", "json")[1])
    lines = charlstm("generate", *options, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line) for line in lines] == facts
    assert [fact["random_seed"] for fact in facts] == [7, 8, 9]
    assert all(len(fact["scores"]) == len(fact["text"]) == 9 for fact in facts)
    assert facts[0]["settings"]["top_p"] == 0.9
    assert len(facts[0]["model_sha256"]) == 64
    alone = charlstm("generate", "--seed", "ab", "--length", 9, "--random-seed", 9, "--top-p", 0.9)[1]
    assert alone == "ab" + facts[2]["text"]


def test_several_texts_and_a_file(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 2, "--random-seed", 7]
    text = charlstm("generate", *options, "--separator", "|")[1]
    assert [len(part) for part in text.split("|")] == [11, 11]
    assert charlstm("generate", *options, "--separator", "|", "--output", "out.txt")[1] == ""
    assert Path("out.txt").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--top-p", 2], "--top-p is 2.0"),
        (["--min-p", 0], "--min-p is 0.0"),
        (["--typical", -1], "--typical is -1.0"),
        (["--repetition-penalty", 0.5], "--repetition-penalty is 0.5"),
        (["--repetition-window", 0], "--repetition-window is 0"),
        (["--stop", ""], "--stop is empty"),
        (["--lines", 0], "--lines is 0"),
        (["--num-samples", 0], "--num-samples"),
        (["--format", "xml"], "--format is 'xml'"),
        (["--scores"], "--scores needs"),
        (["--seed", "a", "--seed-file", "b"], "--seed and --seed-file"),
    ],
)
def test_wrong_usage(charlstm, run, arguments, message):
    code, out, err = charlstm("generate", *arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]


def test_a_reader_that_goes_away_ends_it_quietly(run):
    command = f"{sys.executable} -m charlstm generate --length 300000 | head -c 10"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)  # noqa: S602
    assert len(result.stdout) == 10
    assert result.stderr == ""


@pytest.fixture
def trained(run, model):
    """The run with a training text, as a training leaves it."""
    from dataclasses import replace

    from charlstm.storage.model_file import save_model
    from charlstm.text.corpus import load_corpus

    Path("text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    text = {"sources": [str(Path("text.txt").absolute())], "reading": {}, "unknown": "skip"}
    (run / "config.json").write_text(json.dumps({"text": text}))
    facts = {
        "text": "text.txt",
        "text_characters": 1760,
        "text_sha256": load_corpus(["text.txt"]).digest,
        "settings": {"validation": 0.1, "sequence_length": 20},
        "openings": ["the quick", "over"],
    }
    save_model(run / "model.safetensors", replace(model, training=facts))
    return run


def test_without_a_seed_it_begins_as_a_line_of_the_text_does(charlstm, trained):
    texts = {charlstm("generate", "--length", 3, "--random-seed", place)[1] for place in range(20)}
    assert {text[:-3] for text in texts} == {"the quick", "over"}
    fact = json.loads(charlstm("generate", "--length", 3, "--random-seed", 1, "--format", "jsonl")[1])
    assert fact["seed"] + fact["text"] == charlstm("generate", "--length", 3, "--random-seed", 1)[1]


def test_novelty_is_reported_and_its_index_kept_and_renewed(charlstm, trained):
    arguments = ["generate", "--seed", "the", "--length", 40, "--random-seed", 1, "--novelty"]
    code, out, err = charlstm(*arguments)
    assert (code, len(out)) == (0, 43)
    assert "reading the text" in err
    assert "the longest run that stands in the training text has" in err
    index = trained / "text_index.safetensors"
    assert "reading the text" not in charlstm(*arguments)[2]
    index.write_bytes(b"damaged")
    assert "reading the text" in charlstm(*arguments)[2]
    novelty = json.loads(charlstm(*arguments, "--format", "json")[1])[0]["novelty"]
    assert novelty["longest_copied_text"] in Path("text.txt").read_text()
    assert len(novelty["longest_copied_text"]) == novelty["longest_copied_run"]
    index.unlink()
    Path("text.txt").write_text("another")
    code, out, err = charlstm(*arguments)
    assert (code, out) == (1, "")
    assert "not the text that the model learned from" in err


def test_novelty_without_a_run_folder(charlstm, run):
    code, out, err = charlstm("generate", "--novelty")
    assert (code, out) == (1, "")
    assert "does not say which text" in err


def test_a_file_of_requests_is_answered_in_order(charlstm, trained):
    lines = [{"seed": "ab", "length": 5}, {"random_seed": 4, "temperature": 0}, {"seed": "x", "stop": ["e", "t"]}]
    Path("requests.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    code, out, _ = charlstm("generate", "--batch", "requests.jsonl", "--random-seed", 7, "--format", "jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer["random_seed"] for answer in answers] == [7, 4, 9]
    assert [answer["seed"] for answer in answers[::2]] == ["ab", "x"]
    assert answers[1]["seed"] in ("the quick", "over")
    assert len(answers[0]["text"]) == 5
    alone = charlstm("generate", "--seed", "ab", "--length", 5, "--random-seed", 7)[1]
    assert alone == "ab" + answers[0]["text"]
    assert answers[2]["settings"]["stops"] == ["e", "t"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("3", "line 1: a request must be an object"),
        ('{"seed": 3}', "line 1: seed is 3"),
        ('{"lenght": 3}', "line 1: there is no setting 'lenght'"),
        ('{"length": 0}', "line 1: --length is 0"),
        ('{"length": "9"}', "line 1: setting 'length' is '9'"),
        ('{"stop": 3}', "line 1: stops is 3"),
        ('{"lines": true}', "line 1: lines is True"),
        ('{"max_time": "soon"}', "line 1: max_time"),
        ("\n", "holds no request"),
    ],
)
def test_a_wrong_request_is_told_by_its_line(charlstm, run, line, message):
    Path("requests.jsonl").write_text(line)
    code, out, err = charlstm("generate", "--batch", "requests.jsonl")
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]


def test_a_folder_of_texts(charlstm, run):
    options = ["--seed", "ab", "--length", 9, "--num-samples", 3, "--random-seed", 7]
    assert charlstm("generate", *options, "--output-dir", "out/here") == (0, "", "")
    files = sorted(Path("out/here").iterdir())
    assert [file.name for file in files] == ["0001.txt", "0002.txt", "0003.txt"]
    assert charlstm("generate", *options, "--separator", "|")[1] == "|".join(file.read_text() for file in files)
    charlstm("generate", *options, "--output-dir", "json", "--format", "json")
    assert json.loads(Path("json/0003.json").read_text())["random_seed"] == 9
    Path("file").touch()
    code, _, err = charlstm("generate", "--output-dir", "file")
    assert code == 1
    assert "file" in err


def test_the_most_probable_texts(charlstm, run):
    facts = json.loads(
        charlstm(
            "generate", "--seed", "ab", "--length", 6, "--beam", 20, "--num-samples", 3, "--format", "json", "--scores"
        )[1]
    )
    totals = [sum(fact["scores"]) for fact in facts]
    assert totals == sorted(totals, reverse=True)
    assert charlstm("generate", "--seed", "ab", "--length", 6, "--beam", 20)[1] == "ab" + facts[0]["text"]


def test_several_models(charlstm, run, model):
    from charlstm.storage.model_file import save_model
    from tests.conftest import random_model

    Path("runs/other").mkdir()
    save_model(Path("runs/other/model.safetensors"), random_model(characters="ABC"))
    options = ["--seed", "ab", "--length", 300, "--random-seed", 7]
    alone = charlstm("generate", "tiny", *options)[1]
    assert charlstm("generate", "--model", "tiny:3", *options)[1] == alone
    both = charlstm("generate", "--model", "tiny", "--model", "other:2", *options)[1]
    assert {"A", "B", "C", "e"} < set(both)
    assert both.count("A") + both.count("B") + both.count("C") > 130
    for name, message in (("tiny:0", "must be above 0"), ("none:1", "there is no run"), ("tiny:x", "there is no run")):
        assert message in charlstm("generate", "--model", name)[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tiny", "--model", "tiny"],
        ["--batch", "b", "--seed", "a"],
        ["--batch", "b", "--num-samples", 2],
        ["--beam", 2, "--temperature", 0.5],
        ["--beam", 2, "--num-samples", 3],
        ["--output", "a", "--output-dir", "b"],
    ],
)
def test_options_that_do_not_go_together(charlstm, run, arguments):
    code, out, err = charlstm("generate", *arguments)
    assert (code, out) == (2, "")
    assert arguments[-2] in err


def test_a_long_text_begins_like_a_short_one_and_does_not_hang_on_how_many_there_are(charlstm, run):
    from charlstm.cli.writing import SHORT

    for length in (SHORT, SHORT + 1):
        options = ["--seed", "ab", "--length", length, "--random-seed", 3, "--format", "jsonl"]
        texts = [
            json.loads(line)["text"] for line in charlstm("generate", *options, "--num-samples", 9)[1].splitlines()
        ]
        assert [len(text) for text in texts] == [length] * 9
        options[5] = 8  # the random seed of the sixth
        assert json.loads(charlstm("generate", *options)[1])["text"] == texts[5]
        short = charlstm("generate", "--seed", "ab", "--length", 20, "--random-seed", 8, "--no-echo")[1]
        assert texts[5].startswith(short)


def test_who_watches_is_told_what_takes_long(run, capsys, monkeypatch):
    import time

    from charlstm.cli import voices
    from charlstm.cli.display.messages import console

    class Slow:
        def compiled(self):
            time.sleep(0.3)
            return self

    monkeypatch.setattr(voices, "PATIENCE", 0.05)
    voices.compiled(Slow())
    assert capsys.readouterr().err == ""  # nobody watches
    monkeypatch.setattr(console, "_force_terminal", True)
    voices.compiled(Slow())
    assert "first time" in capsys.readouterr().err
    monkeypatch.setattr(voices, "PATIENCE", 5)
    voices.compiled(Slow())
    assert capsys.readouterr().err == ""
