import json
from pathlib import Path

import pytest

import charlstm
from charlstm.errors import CorpusError, RunError, SettingError, VocabularyError

TEXT = "the cat sat on the mat\n" * 30


@pytest.mark.parametrize("text", [TEXT[:230], TEXT], ids=["in NumPy", "in compiled code"])
def test_the_figures_are_those_of_the_command(run, command, text):
    (run / "text.txt").write_text(text)
    code, out, err = command("evaluate", "tiny", run / "text.txt", "--json")
    assert code == 0, err
    figures = charlstm.evaluate("tiny", run / "text.txt")
    expected = json.loads(out)
    interval, cold = expected.pop("interval"), expected.pop("cold_windows")
    assert figures.interval == (interval["low"], interval["high"])
    assert figures.cold_windows.to_json() | {"window": 256} == cold
    assert {kind: scores.to_json() for kind, scores in figures.kinds.items()} == expected.pop("kinds")
    assert [scores.to_json() for scores in figures.tenths] == expected.pop("tenths")
    assert figures.losses.mean() == figures.nats_per_character
    assert all(
        getattr(figures, name) == value
        for name, value in expected.items()
        if name not in ("model", "unknown_characters", "bytes", "words")
    )
    assert figures == charlstm.evaluate("tiny", text=text)


@pytest.mark.tensorflow
def test_all_that_can_be_asked_for_is_that_of_the_command(run, second_run, command):
    pytest.importorskip("pyppmd")
    (run / "text.txt").write_text(TEXT)
    options = ("--per-line", "--adapt", "--adapt-rate", 0.01, "--baselines", "--against", second_run)
    code, out, err = command("evaluate", "tiny", run / "text.txt", "--json", *options)
    assert code == 0, err
    expected = json.loads(out)
    figures = charlstm.evaluate(
        "tiny", run / "text.txt", per_line=True, adapt=True, adapt_rate=0.01, baselines=True, against=second_run
    )
    assert [line.to_json() for line in figures.lines] == expected["lines"]
    assert figures.adapted is not None
    expected["adapted"].pop("settings")
    assert figures.adapted.to_json() == expected["adapted"]
    assert [one.to_json() for one in figures.baselines] == expected["baselines"]
    assert [one.to_json() for one in figures.against] == expected["against"]
    assert figures == charlstm.evaluate(
        charlstm.load("tiny"),
        text=TEXT,
        per_line=True,
        adapt=True,
        adapt_rate=0.01,
        baselines=True,
        against=[charlstm.load(second_run)],
    )


def test_only_what_is_asked_for_is_measured(run):
    figures = charlstm.evaluate("tiny", text=TEXT)
    assert (figures.lines, figures.adapted, figures.baselines, figures.against) == ((), None, (), ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"adapt_rate": 0.1}, "`adapt_rate` has no effect without `adapt`"),
        ({"adapt": "notes.txt"}, "`adapt` is 'notes.txt', but it must be of type bool"),
        ({"adapt": True, "adapt_rate": 2.0}, "`adapt_rate` is 2.0, but it must be"),
        ({"adapt": True, "adapt_length": "9"}, "`adapt_length` is '9', but it must be of type int"),
        ({"adapt_speed": 1}, "there is no setting `adapt_speed`"),
        ({"against": 5}, "`against` is of type int"),
    ],
)
def test_settings_in_vain_and_wrong_ones_are_refused(run, arguments, message):
    with pytest.raises(SettingError, match=message):
        charlstm.evaluate("tiny", text=TEXT, **arguments)


def test_several_files_are_read_one_after_the_other(run):
    for name in ("one", "two"):
        (run / name).write_text(TEXT)
    together = charlstm.evaluate("tiny", [run / "one", str(run / "two")])
    assert together.characters == charlstm.evaluate("tiny", text=TEXT * 2).characters == len(TEXT) * 2 - 1


def test_a_path_is_no_name(run):
    for path in (Path("macbeth.txt"), "./macbeth.txt"):
        with pytest.raises(CorpusError, match=r"there is no file './macbeth\.txt'"):
            charlstm.evaluate("tiny", path)
    for load in (charlstm.load, charlstm.resume):
        with pytest.raises(RunError, match=r"there is no run .*'\./tiny'"):
            load("./tiny")


def test_unknown_characters_are_counted(run):
    skipped = charlstm.evaluate("tiny", text="the café!")
    assert (skipped.characters, skipped.num_skipped, skipped.num_replaced) == (6, 2, 0)
    replaced = charlstm.evaluate("tiny", text="the café!", unknown="nearest")
    assert (replaced.characters, replaced.num_skipped, replaced.num_replaced) == (7, 1, 1)
    with pytest.raises(VocabularyError):
        charlstm.evaluate("tiny", text="the café!", unknown="error")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, SettingError, "neither `files` nor `text` is given"),
        ({"files": "a", "text": "b"}, SettingError, "`files` and `text` are both given"),
        ({"files": TEXT}, SettingError, "`files` has a text where a path must be"),
        ({"files": "word " * 2000}, SettingError, "`files` has a text where a path must be"),
        ({"files": []}, SettingError, "`files` is empty"),
        ({"files": ["a", 5]}, SettingError, "`files` has 5, which is not a path"),
        ({"files": 5}, SettingError, "`files` is of type int"),
        ({"files": "missing.txt"}, CorpusError, "there is no text 'missing.txt'"),
        ({"text": ""}, CorpusError, "`text` is empty"),
        ({"text": b"bytes"}, SettingError, "`text` is of type bytes"),
        ({"text": "\ud800"}, CorpusError, "`text` has surrogates"),
        ({"text": "a"}, CorpusError, "only one character"),
        ({"text": "abc", "encoding": "utf-8"}, SettingError, "`encoding` is given for a text"),
        ({"text": "abc", "normalize": "nfd"}, SettingError, "`normalize` is 'nfd'"),
    ],
)
def test_errors_name_the_argument(run, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        charlstm.evaluate("tiny", **arguments)
    assert "charlstm-" not in str(caught.value), "the name of a temporary folder"


@pytest.fixture(name="command")
def _command(charlstm):
    return charlstm


def test_a_warning_names_the_first_of_many_unknown_characters(run, caplog):
    charlstm.evaluate("tiny", text="the " + "".join(map(chr, range(0x4E00, 0x4E00 + 3000))))
    (message,) = [record.message for record in caplog.records if "left out" in record.message]
    assert message.startswith("characters that the model does not know were left out: '\u4e00', '\u4e01', ")
    assert message.endswith(" and 2992 more")
