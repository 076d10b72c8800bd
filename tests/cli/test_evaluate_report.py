"""The tables and JSON of `charlstm evaluate`, with models beside the first one."""

import json
from pathlib import Path

import pytest

from charlstm.cli.display import evaluation_report
from charlstm.storage.model_file import save_model
from tests.conftest import random_model

LINE = "pack my box with five dozen liquor jugs\n"


@pytest.fixture
def text():
    Path("other.txt").write_text(LINE * 12)
    return "other.txt"


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(evaluation_report, "output_width", lambda: 40)


def test_the_figures_are_shown_with_their_tables(charlstm, run, text):
    code, out, err = charlstm("evaluate", "tiny", text)
    assert (code, err) == (0, "")
    figures = json.loads(charlstm("evaluate", "tiny", text, "--json")[1])
    interval = figures["interval"]
    assert f"{figures['nats_per_character']:.4f}  95% interval {interval['low']:.4f} to {interval['high']:.4f}" in out
    assert f"cold windows of 256 {figures['cold_windows']['nats_per_character']:.4f} nats" in out
    assert f"bits per byte       {figures['bits_per_byte']:.4f}  of 479 bytes in UTF-8" in out
    assert "of 96 words" in out
    assert "2,000 resamples of blocks of 21 characters" in out
    assert [line.split()[0] for line in out.split("\n\n")[1].splitlines()[1:]] == ["letters", "blanks", "newlines"]
    assert len(out.split("\n\n")[2].splitlines()) == 11


def test_lines_stand_in_the_order_of_the_text(charlstm, run, text):
    _, out, _ = charlstm("evaluate", "tiny", text, "--per-line")
    table = out.split("\n\n")[3].splitlines()
    assert [line.split()[0] for line in table] == ["line", *map(str, range(1, 13))]
    assert all(line.endswith(LINE.strip()) for line in table[1:])
    lines = json.loads(charlstm("evaluate", "tiny", text, "--per-line", "--json")[1])["lines"]
    assert [line["characters"] for line in lines] == [39] + [40] * 11


def test_baselines_learn_from_the_training_text(charlstm, trained, text):
    pytest.importorskip("pyppmd")
    _, out, err = charlstm("evaluate", "tiny", text, "--baselines", "--json")
    assert err == ""
    found = {(one["name"], one["knows"]): one for one in json.loads(out)["baselines"]}
    assert len(found) == 5
    ngrams = found["Kneser-Ney, 7-grams", "after the training text"]
    assert ngrams["interval"]["low"] < ngrams["difference"] < ngrams["interval"]["high"]
    assert found["xz", "cold"]["interval"] is None
    out = charlstm("evaluate", "tiny", text, "--baselines")[1]
    assert f"{ngrams['bits_per_character']:.4f}" in out
    Path("text.txt").unlink()
    _, out, err = charlstm("evaluate", "tiny", text, "--baselines", "--json")
    assert {one["knows"] for one in json.loads(out)["baselines"]} == {"cold"}
    assert "warning: the baselines cannot learn from the training text: " in err


def test_other_models_are_compared(charlstm, run, text):
    for name, settings in {"same": {}, "fewer": {"characters": "abcdefgh \n"}}.items():
        (run.parent / name).mkdir()
        save_model(run.parent / name / "model.safetensors", random_model(**settings))
    arguments = ("evaluate", "tiny", text, "--against", "same", "--against", "fewer")
    same, fewer = json.loads(charlstm(*arguments, "--json")[1])["against"]
    assert (same["difference"], same["left_out"], same["characters"]) == (0, 0, 479)
    assert fewer["left_out"] == 480 - 1 - fewer["characters"]
    out = charlstm(*arguments)[1]
    assert "+0.0000 to +0.0000" in out
    assert f"fewer does not know {fewer['left_out']} characters of the text, which count for neither" in out


def test_another_model_that_has_learned_the_text_is_named(charlstm, trained, english):
    _, _, err = charlstm("evaluate", "english", "text.txt", "--against", "tiny")
    assert "warning: 100% of text stands in the text that tiny was trained on" in err


@pytest.mark.parametrize("options", [(), ("--adapt",)])
def test_an_unusable_model_to_compare_with_is_refused_before_anything_is_scored(
    charlstm, run, text, options, monkeypatch
):
    for name in ("evaluate_ids", "score_adapted"):
        monkeypatch.setattr(f"charlstm.analysis.full_evaluation.{name}", lambda *_, **__: pytest.fail("scored"))
    (run.parent / "lower").mkdir()
    save_model(run.parent / "lower" / "model.safetensors", random_model(lowercase=True))
    code, out, err = charlstm("evaluate", "tiny", text, "--against", "lower", *options)
    assert (code, out) == (2, "")
    assert "reads texts in another case" in err
    assert charlstm("evaluate", "tiny", text, "--against", "nowhere", *options)[0] == 1


def test_tables_fit_a_narrow_terminal(charlstm, run, text, narrow):
    _, out, _ = charlstm("evaluate", "tiny", text, "--per-line", "--against", "tiny")
    for table in out.split("\n\n")[1:]:
        assert max(map(len, table.splitlines())) <= 40
        assert "nats" in table or "bits" in table


def test_a_line_that_drives_the_terminal_is_escaped(charlstm, run):
    save_model(run / "model.safetensors", random_model(characters="ab\x1b\n"))
    Path("bad.txt").write_text("ab\x1bab\n" * 5)
    out = charlstm("evaluate", "tiny", "bad.txt", "--per-line")[1]
    assert "ab\\x1bab" in out
    assert "\x1b" not in out
