"""`charlstm train --members` as a user runs it, and what other commands do with such a run."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.forked import ForkedCommand

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80
NETWORK = ["--layers", "1", "--units", "8", "--precision", "float32"]
OPTIONS = [*NETWORK, "--epochs", "1", "--batch-size", "8", "--from", "none"]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def test_members_are_one_model(charlstm, text):
    code, out, err = charlstm("train", text, "--members", 2, *OPTIONS)
    assert (code, out) == (0, "")
    assert [line for line in err.splitlines() if line.startswith("member ")] == [
        "member 1 of 2: runs/cats/member-0",
        "member 2 of 2: runs/cats/member-1",
    ]
    assert err.count("cats: 4,000 characters") == 1
    record = json.loads(Path("runs/cats/ensemble.json").read_text())
    alone, average = record["member_nats"], record["average_nats"]
    line = f"members {alone[0]:.4f}, {alone[1]:.4f}, mean {sum(alone) / 2:.4f}; averaged {average:.4f} nats"
    assert f"validation: {line}" in err

    figures = json.loads(charlstm("evaluate", "cats", "--part", "validation", "--json")[1])
    assert figures["nats_per_character"] == pytest.approx(average)
    assert [member["nats_per_character"] for member in figures["members"]] == pytest.approx(alone)
    weighted = charlstm("evaluate", "--model", "cats/member-0:3", "--model", "cats/member-1", text, "--json")
    assert [one["weight"] for one in json.loads(weighted[1])["models"]] == [3.0, 1.0]
    table = charlstm("evaluate", "cats", text)[1]
    assert f"cats/member-1  {alone[1]:.4f}" in table
    assert "their average" in table

    first = charlstm("generate", "cats", "--length", 40, "--random-seed", 1)
    same = ["--model", "cats", "--length", 40, "--random-seed", 1]
    assert first[:2] == charlstm("generate", *same)[:2]
    assert "the newest run: runs/cats\n" in charlstm("generate", "--length", 1)[2]
    assert f"average      {average:.4f} nats" in charlstm("info", "cats")[1]
    assert f"all logits times {record['logit_scale']:.3g}" in charlstm("info", "cats")[1]
    assert json.loads(charlstm("info", "cats", "--json")[1])["members"] == [f"runs/cats/member-{i}" for i in range(2)]
    [listed] = json.loads(charlstm("runs", "--json")[1])
    assert (listed["name"], listed["num_members"]) == ("cats", 2)
    assert charlstm("resume", "cats")[::2] == (0, charlstm("resume")[2])
    for command in (
        ["export", "cats", "--to", "cats.npz"],
        ["plot", "cats"],
        ["samples", "cats"],
        ["inspect", "cats"],
        ["gradients", "cats"],
    ):
        code, out, err = charlstm(*command)
        assert (code, out) == (1, "")
        assert "has 2 members, but one network is needed here" in err
        assert "name a member: runs/cats/member-0" in err
    assert charlstm("samples", "cats/member-1")[0] == 0

    assert charlstm("train", text, *OPTIONS, "--overwrite", "-q")[0] == 0
    assert not list(Path("runs/cats").glob("member-*"))
    assert not Path("runs/cats/ensemble.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--members", 1], "--members is 1, but it must be at least 2 and at most 32"),
        (["--members", 2, "--workers", "a:1,b:2", "--worker-index", 0], "--workers train one network"),
    ],
)
def test_what_members_cannot_be(charlstm, text, arguments, message):
    code, out, err = charlstm("train", text, *OPTIONS, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("runs").exists()


def test_a_run_is_resumed_with_the_members_that_it_has(charlstm, text):
    assert charlstm("train", text, *OPTIONS, "-q")[0] == 0
    code, _, err = charlstm("train", text, *OPTIONS, "--members", 2, "--resume")
    assert code == 2
    assert "--members is 2, but runs/cats has 1" in err


def test_shown_settings_have_the_time_of_all_members(charlstm, text):
    out = charlstm("train", text, "--members", 3, "--max-time", "90s", "--show-config", "--from", "none")[1]
    assert "max-time = 90.0  # given" in out
    assert "members = 3  # given" in out


def test_shown_settings_of_workers_have_no_members_and_no_teachers(charlstm, text):
    workers = "--workers", "a:1,b:2", "--worker-index", 0, "--from", "none", "--show-config"
    for option in ("--members", "--teachers"):
        code, out, err = charlstm("train", text, option, 2, *workers)
        assert (code, out) == (2, "")
        assert "--workers train one network" in err


def test_a_killed_process_loses_no_member(charlstm, text):
    arguments = ["train", text, "--members", "2", *OPTIONS, "--epochs", "3", "--checkpoint-every", "0.1s"]
    process = ForkedCommand(*arguments, "-o", "parts", cwd=Path.cwd())
    while not Path("parts/member-1/history.jsonl").exists():
        assert process.is_running()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.end()
    first = Path("parts/member-0/model.safetensors").stat().st_mtime_ns
    code, _, err = charlstm("resume", "parts")
    assert code == 0, err
    assert "member 1 of 2" not in err
    assert Path("parts/member-0/model.safetensors").stat().st_mtime_ns == first
    assert charlstm(*arguments, "-o", "whole", "-q")[0] == 0
    for name in ("member-0", "member-1"):
        assert (
            Path("parts", name, "model.safetensors").read_bytes()
            == Path("whole", name, "model.safetensors").read_bytes()
        )
