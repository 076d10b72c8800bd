import json

import pytest

import charlstm
from charlstm.errors import CorpusError, SettingError, VocabularyError

LINES = "ann\nbartholomew\n\nq\n"


@pytest.fixture(name="command")
def _command(charlstm):
    return charlstm


def test_the_scores_of_lines_are_those_of_the_command(run, second_run, command):
    (run / "lines.txt").write_text(LINES)
    runs = ["tiny", second_run]
    models = [argument for name in runs for argument in ("--model", name)]
    code, out, err = command("score", run / "lines.txt", "--per-line", "--json", *models)
    assert code == 0, err
    expected = json.loads(out)["passages"]
    found = charlstm.score(runs, run / "lines.txt", per_line=True)
    assert len(found) == 3
    for one, row in zip(found, expected, strict=True):
        assert (one.passage.line, one.passage.text) == (row["line"], row["text"])
        assert one.bits == list(row["bits"].values())
        assert one.bits_per_character == list(row["bits_per_character"].values())
        assert one.log_likelihood_ratio == row["log_likelihood_ratio"]
        assert one.likeliest == list(row["bits"]).index(row["wrote"])
    assert [one.bits for one in charlstm.score(runs, text=LINES, per_line=True)] == [one.bits for one in found]


def test_each_file_is_a_passage(run):
    for name in ("one", "two"):
        (run / name).write_text(LINES)
    scored = charlstm.score(charlstm.load("tiny"), [run / "one", run / "two"])
    assert {one.passage.file for one in scored} == {str(run / "one"), str(run / "two")}
    assert {one.log_likelihood_ratio for one in scored} == {None}
    (text,) = charlstm.score("tiny", text=LINES)
    assert text.bits == pytest.approx(scored[0].bits)


@pytest.mark.parametrize(
    ("models", "arguments", "error", "message"),
    [
        ([], {"text": LINES}, SettingError, "`model` is empty"),
        (["tiny", "runs/tiny"], {"text": LINES}, SettingError, "`model` has the same model twice"),
        (5, {"text": LINES}, SettingError, "`model` is of type int"),
        ("tiny", {}, SettingError, "neither `files` nor `text` is given"),
        ("tiny", {"text": ""}, CorpusError, "`text` is empty"),
        ("tiny", {"text": "\n \n", "per_line": True}, CorpusError, "no line with more than blanks"),
        ("tiny", {"text": "caf\u00e9", "unknown": "error"}, VocabularyError, "does not know"),
    ],
)
def test_errors_name_the_argument(run, models, arguments, error, message):
    with pytest.raises(error, match=message):
        charlstm.score(models, **arguments)
