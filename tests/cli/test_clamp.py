"""`generate --clamp` as a user runs it."""

import json

import pytest

ARGUMENTS = ("generate", "tiny", "--seed", "once", "--random-seed", 3, "--length", 60)


def test_the_text_goes_to_stdout_and_what_changed_to_stderr(charlstm, run):
    _, free, quiet = charlstm(*ARGUMENTS)
    code, text, err = charlstm(*ARGUMENTS, "--clamp", "2:3=1", "--clamp", "1:8=-5")
    assert code == 0
    assert text.startswith("once")
    assert text != free
    assert "clamped 2:3 = 1, 1:8 = -5: another text" in err
    assert "surprise" in err
    assert "clamped" not in quiet
    assert charlstm(*ARGUMENTS, "--clamp", "2:3=1", "--clamp", "1:8=-5")[1] == text


def test_samples_as_json(charlstm, run):
    arguments = (*ARGUMENTS, "--clamp", "1:1=1", "--num-samples", 3, "--format", "jsonl")
    code, out, err = charlstm(*arguments)
    assert code == 0
    assert len([json.loads(line) for line in out.splitlines()]) == 3
    assert err.count("clamped 1:1 = 1") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--clamp", "1:9=1"], "--clamp is 1:9, but the layers have 8 units"),
        (["--clamp", "3:1=1"], "there is no layer 3: the network has 2 layers"),
        (["--clamp", "1:1"], "--clamp is '1:1', but it must be a unit and a number"),
        (["--clamp", "1:1=1", "--beam", 2], "--beam and --clamp are both given"),
    ],
)
def test_wrong_usage(charlstm, run, arguments, message):
    code, out, err = charlstm(*ARGUMENTS, *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_several_models_are_refused(charlstm, run):
    code, out, err = charlstm("generate", "--model", "tiny", "--model", "tiny", "--clamp", "1:1=1")
    assert (code, out) == (2, "")
    assert "--clamp is for one network" in err
