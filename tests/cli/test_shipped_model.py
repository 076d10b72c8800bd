"""Commands with a model that ships."""

import json
from pathlib import Path

import pytest

from tests.test_startup import loaded_by


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder without a run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_run_the_english_model_writes_and_one_line_says_so(charlstm, nowhere, english):
    code, out, err = charlstm("generate", "--seed", "it was", "--length", 30)
    assert code == 0
    assert out.startswith("it was")
    assert err.count("\n") == 1
    assert "the model english, which ships with charlstm; train your own: charlstm train TEXT" in err


def test_a_run_goes_before_it_but_its_name_still_works(charlstm, run, english):
    assert "the newest run: runs/tiny" in charlstm("generate", "--length", 5)[2]
    named = charlstm("generate", "english", "--seed", "it was", "--length", 5)
    assert (named[0], named[2]) == (0, "")


def test_without_a_model_that_ships_all_is_as_ever(charlstm, nowhere):
    code, _, err = charlstm("generate", "--seed", "it was")
    assert code == 1
    assert "there is no run in" in err


def test_commands_take_its_name(charlstm, nowhere, english):
    Path("text.txt").write_text("the cat sat on the mat\n" * 20)
    shown = json.loads(charlstm("info", "english", "--json")[1])
    assert (shown["path"], shown["bits"]) == (str(english), 8)
    for arguments in (
        ["evaluate", "english", "text.txt"],
        ["inspect", "english", "text.txt", "--json"],
        ["inspect", "english", "--json"],
        ["export", "english", "--to", "page.html"],
        ["generate", "--model", "english:2", "--model", "english:1", "--length", "5"],
    ):
        code, _, err = charlstm(*arguments)
        assert code == 0, (arguments, err)
    code, _, err = charlstm("evaluate", "english")
    assert (code, "english is a run, and the text to score is missing" in err) == (2, True)


def test_its_name_is_completed(nowhere, english):
    from charlstm.cli.completion import complete_models

    assert complete_models("eng") == ["english"]


def test_generating_needs_no_tensorflow(nowhere, english):
    code = (
        "from pathlib import Path; import charlstm.storage.shipped_models as shipped\n"
        "from charlstm.cli.app import main\n"
        f"shipped.models_folder = lambda: Path({str(english.parent)!r})\n"
        "assert main(['generate', '--length', '3']) == 0; print()"
    )
    assert not loaded_by(code) & {"tensorflow", "keras", "llvmlite", "requests"}
