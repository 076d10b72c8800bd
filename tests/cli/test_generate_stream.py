"""`charlstm generate --batch -`: each line is answered as it comes."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.storage.model_file import save_model
from tests.conftest import random_model

LINES = ['{"seed": "ab", "length": 5}', "", "no JSON", '{"top_k": 0}', '{"seed": "ab", "length": 9}']


@pytest.fixture
def bot(run):
    """Start a process that answers requests with a network that is not compiled; returns it."""
    save_model(run / "model.safetensors", random_model(cell="gru"))
    processes = []

    def start(*options):
        command = [sys.executable, "-m", "charlstm", "generate", "tiny", "--batch", "-", "--random-seed", "7", *options]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def ask(process, line):
    """Write a line and wait for one of the answer."""
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline()


@pytest.fixture
def answers(charlstm, run, monkeypatch):
    """Return the answers to lines that have all come before the first is answered, and what else the command said."""

    def get(lines, *options):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
        code, out, err = charlstm("generate", "tiny", "--batch", "-", "--format", "jsonl", "--random-seed", 7, *options)
        assert code == 0
        return [json.loads(line) for line in out.splitlines()], err

    return get


def test_each_line_is_answered_before_the_next_one_is_written(bot):
    process = bot("--format", "jsonl")
    values = [json.loads(ask(process, line)) for line in LINES if line]
    assert [len(values[0]["text"]), values[0]["random_seed"]] == [5, 7]
    assert [values[1]["line"], values[2]["line"]] == [2, 3]
    assert values[1]["error"].startswith("not JSON")
    assert values[2]["error"].startswith("`top_k` is 0")
    assert [len(values[3]["text"]), values[3]["random_seed"]] == [9, 10]
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "error: standard input, line 3: --top-k is 0" in err


def test_text_ends_with_the_separator(bot):
    process = bot()
    assert ask(process, LINES[0]).startswith("ab")
    assert process.stdout.readline() == "---\n"
    assert ask(process, "no JSON") == "\n"
    assert process.stdout.readline() == "---\n"


def test_one_line_for_each_answer(bot):
    process = bot("--lines", "1", "--length", "3")
    answers = [ask(process, '{"seed": "ab"}') for _ in range(3)]
    assert len(set(answers)) > 1
    assert all(answer.startswith("ab") and answer.endswith("\n") for answer in answers)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_ends_it_quietly(bot):
    process = bot()
    ask(process, LINES[0])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_has_gone_away_ends_it_quietly(bot):
    process = bot()
    ask(process, LINES[0])
    process.stdout.close()
    process.stdin.write(f"{LINES[0]}\n")
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == ""


def test_answers_do_not_depend_on_when_lines_come(answers):
    together, _ = answers(LINES)
    assert [value.get("random_seed") for value in together] == [7, None, None, 10]
    assert [value.get("line") for value in together] == [None, 3, 4, None]
    alone, _ = answers(LINES[-1:], "--random-seed", 10)
    assert alone == together[-1:]


def test_valid_lines_get_what_a_file_of_them_gets(charlstm, answers):
    lines = [json.dumps({"seed": "ab", "length": length}) for length in range(1, 9)]
    Path("requests.jsonl").write_text("\n".join(lines))
    out = charlstm("generate", "tiny", "--batch", "requests.jsonl", "--format", "jsonl", "--random-seed", 7)[1]
    assert [json.loads(line) for line in out.splitlines()] == answers(lines)[0]


def test_a_prompt_that_the_model_does_not_know_is_an_answer(answers):
    values, err = answers(['{"seed": "É"}', '{"seed": "ab", "length": 3}'], "--unknown", "error")
    assert "U+00C9" in values[0]["error"]
    assert len(values[1]["text"]) == 3
    assert "standard input, line 1: " in err


def test_what_is_said_about_prompts_is_said_once(answers):
    lines = ['{"seed": "aÉ", "stop": "Y", "length": 3}'] * 3
    _, err = answers(lines)
    assert err.count("characters that the model does not know") == 1
    assert err.count("never ends a text") == 1


def test_lines_in_another_encoding(charlstm, run, monkeypatch):
    for options, found in ([], None), (["--encoding", "latin-1"], "café"):
        monkeypatch.setattr(
            "sys.stdin", io.TextIOWrapper(io.BytesIO('{"seed": "café", "length": 3}\n'.encode("latin-1")))
        )
        code, out, _ = charlstm("generate", "tiny", "--batch", "-", "--format", "jsonl", *options)
        assert (code, json.loads(out).get("seed")) == (0, found)


def test_unique_lines_do_not_depend_on_when_lines_come(answers, run):
    save_model(run / "model.safetensors", random_model(characters="\nab"))
    lines = ['{"seed": "", "lines": 1, "length": 4}'] * 5
    together, _ = answers(lines, "--unique")
    assert len({value["text"] for value in together}) == 5


def test_nothing_to_answer_is_no_error(answers):
    assert answers([""]) == ([], "")


def test_a_folder_gets_the_answers_as_well(charlstm, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(LINES).encode())))
    assert charlstm("generate", "tiny", "--batch", "-", "--output-dir", "out", "--format", "json")[0] == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [f"000{number}.json" for number in range(1, 5)]
    assert json.loads(Path("out/0002.json").read_text())["line"] == 3
