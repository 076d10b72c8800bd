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
