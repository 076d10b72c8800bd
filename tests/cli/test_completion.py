"""What the shells complete, asked as their scripts ask."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.analysis.gradient_flow import VARIATIONS
from charlstm.experiments.plan import BUDGETS
from charlstm.generation.ensemble import MIXES

VARIABLE = "_CHARLSTM_COMPLETE"


@pytest.fixture
def complete(charlstm, monkeypatch):
    """Return what bash completes at the end of a line."""

    def ask(line):
        words = line.split(" ")
        monkeypatch.setenv(VARIABLE, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        code, out, err = charlstm()
        assert (code, err) == (0, "")
        return out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("charlstm tr", ["train"]),
        ("charlstm train --ce", ["--cell"]),
        ("charlstm train --cell g", ["gru", "grid"]),
        ("charlstm compare --cells lstm,g", ["lstm,gru", "lstm,grid"]),
        ("charlstm train --preset ", ["small", "medium", "large", "tutorial"]),
        ("charlstm train --precision f", ["float32"]),
        ("charlstm train mac", ["macbeth.txt"]),
        ("charlstm train my", ["my.txt", "mytexts/"]),
        ("charlstm train myt", ["mytexts/", "mytexts/a.txt"]),
        ("charlstm train mytexts/a", ["mytexts/a.txt"]),
        ("charlstm resume run", ["runs/", "runs/compare-my/", "runs/tiny/"]),
        ("charlstm train --from t", ["tiny"]),
        ("charlstm generate t", ["tiny"]),
        ("charlstm generate runs/tiny/m", ["runs/tiny/model.safetensors"]),
        ("charlstm generate --model ti", ["tiny"]),
        ("charlstm generate --format j", ["json", "jsonl"]),
        ("charlstm generate --mix ", list(MIXES)),
        ("charlstm compare --equal ", list(BUDGETS)),
        ("charlstm gradients --variation ", list(VARIATIONS)),
        ("charlstm gradients t", ["tiny"]),
        ("charlstm plot compare-", ["compare-my/lstm-1"]),
        ("charlstm plot t", ["tiny"]),
        ("charlstm evaluate t", ["tiny"]),
        ("charlstm corpus fetch ali", ["alice"]),
        ("charlstm generate nothing-like-this", []),
    ],
)
def test_bash_is_offered(complete, run, line, expected):
    Path("my.txt").touch()
    Path("mytexts").mkdir()
    Path("mytexts/a.txt").touch()
    shutil.copytree("runs/tiny", "runs/compare-my/lstm-1")
    assert complete(line) == expected


@pytest.mark.parametrize(
    ("command", "typed", "expected"),
    [
        ("train", "my", ["my\\ songs.txt", "my\\ texts/"]),
        ("train", "my\\ s", ["my\\ songs.txt"]),
        ("train", "my\\ texts/", ["my\\ texts/it\\'s\\ \\$5.txt"]),
        ("train", "'my s", ["my songs.txt"]),
        ("train", '"my s', ["my songs.txt"]),
        ("generate", "my", ["my\\ run", "my\\ texts/"]),
    ],
)
def test_bash_inserts_names_with_blanks_as_one_word(charlstm, run, monkeypatch, command, typed, expected):
    Path("my songs.txt").touch()
    Path("my texts").mkdir()
    Path("my texts/it's $5.txt").touch()
    shutil.copytree("runs/tiny", "runs/my run")
    monkeypatch.setenv(VARIABLE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"charlstm\n{command}\n{typed}")  # joined by newlines, as the script does it
    monkeypatch.setenv("COMP_CWORD", "2")
    assert charlstm()[1].splitlines() == expected


@pytest.mark.parametrize(("shell", "expected"), [("zsh", '"macbeth.txt"'), ("fish", "macbeth.txt")])
def test_other_shells_are_answered_in_their_own_form(charlstm, run, monkeypatch, shell, expected):
    monkeypatch.setenv(VARIABLE, f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "charlstm train mac")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert expected in charlstm()[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_shown(charlstm, monkeypatch, shell):
    monkeypatch.setenv(VARIABLE, f"source_{shell}")
    assert VARIABLE in charlstm()[1]


def test_completing_needs_no_numpy(run):
    code = "import os, sys\nfrom charlstm.cli.app import main\nmain([])\nprint('numpy' in sys.modules)"
    environment = {VARIABLE: "complete_bash", "COMP_WORDS": "charlstm train ", "COMP_CWORD": "2"}
    program = f"import os; os.environ |= {environment}\n{code}"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "False"
