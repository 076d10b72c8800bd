"""`charlstm repeat` as a user runs it."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

TEXT = "the cat sat on the mat and the dog sat on the log\n" * 80
OPTIONS = ["--layers", 1, "--units", 8, "--epochs", 1, "--batch-size", 8]


@pytest.fixture
def text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text(TEXT)
    return "cats.txt"


def test_runs_are_repeated_added_and_refused(charlstm, text):
    code, out, err = charlstm("repeat", 2, text, *OPTIONS)
    assert code == 0, err
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["seed", "0", "1"]
    assert lines[3].startswith("mean of 2 runs: ")
    assert lines[5].startswith("95% interval of the mean: ")
    folder = Path("runs/repeat-cats")
    before = (folder / "seed-0/model.safetensors").read_bytes()
    assert before != (folder / "seed-1/model.safetensors").read_bytes()

    code, out, err = charlstm("repeat", 3, text, *OPTIONS, "--json")
    assert code == 0, err
    assert "random seed 0, run" not in err
    assert "random seed 2, run 3 of 3" in err
    result = json.loads(out)
    bits = [run["validation_bits"] for run in result["runs"]]
    assert result["bits"]["mean"] == pytest.approx(sum(bits) / 3)
    assert result == json.loads((folder / "repeats.json").read_text())
    assert (folder / "seed-0/model.safetensors").read_bytes() == before
    configs = [json.loads((folder / f"seed-{seed}/config.json").read_text())["training"] for seed in range(3)]
    assert [config.pop("random_seed") for config in configs] == [0, 1, 2]
    assert configs[0] == configs[1] == configs[2]

    for changed, name in (["--units", 9], "--units"), (["--lowercase"], "--lowercase"), (["--epochs", 2], "--epochs"):
        code, out, err = charlstm("repeat", 3, text, *OPTIONS, *changed)
        assert (code, out) == (1, "")
        assert f"holds runs with another {name}" in err
    Path(text).write_text(TEXT + "more")
    code, out, err = charlstm("repeat", 3, text, *OPTIONS)
    assert (code, out) == (1, "")
    assert "holds runs with another text" in err
    assert charlstm("repeat", 1, text, *OPTIONS, "--overwrite")[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == ["repeats.json", "seed-0"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([0, "cats.txt"], 2, "N is 0"),
        ([2, "-"], 2, "- can be read only once"),
        ([2, "cats.txt", "--units", 0], 2, "--units is 0"),
        ([2, "cats.txt", "--random-seed", 2**63 - 1], 2, "--random-seed is"),
        ([2, "none.txt"], 1, "none.txt"),
    ],
)
def test_wrong_usage_leaves_nothing_behind(charlstm, text, arguments, code, message):
    actual, out, err = charlstm("repeat", *arguments)
    assert (actual, out) == (code, "")
    assert message in err
    assert not Path("runs").exists()
