"""The screen of `charlstm write`, driven by keys."""

import asyncio
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from charlstm.cli.display.editor import Desk
from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request, generate
from charlstm.generation.session import Session
from charlstm.generation.stepper import Stepper

GO_ON, ANOTHER, UNDO, REDO, WARMER, SAVE, LEAVE, CANCEL = "\t", "\x12", "\x1a", "\x19", "\x14", "\x13", "\x11", "\x03"

codes: list[int] = []  # that desks were left with


def at_the_desk(model, *keys, text="", file=None):
    """What a desk is after some keys; a function among them waits until it says so."""

    async def work(keyboard):
        session = Session(Stepper(model), SamplingConfig(random_seed=1))
        desk = Desk(session, text, file, characters_per_second=1e6, keyboard=keyboard, screen=DummyOutput())
        running = asyncio.create_task(desk.run_async())
        for key in [*keys, LEAVE]:
            if callable(key):
                async with asyncio.timeout(20):
                    while not key(desk):
                        await asyncio.sleep(0.01)
            elif not running.done():
                keyboard.send_text(key)
                await asyncio.sleep(0.05)
        codes.append(await running)
        return desk

    with create_pipe_input() as keyboard:
        return asyncio.run(work(keyboard))


def longer_than(length):
    return lambda desk: len(desk.text) > length


def test_it_goes_on_from_what_is_typed(model):
    desk = at_the_desk(model, "so", "\r", "and", GO_ON, longer_than(30), GO_ON)
    going_on = "".join(generate(Stepper(model), Request("so\nand", SamplingConfig(length=500, random_seed=1))))
    assert desk.text.startswith("so\nand")
    assert ("so\nand" + going_on).startswith(desk.text[:30])
    assert desk.is_unsaved
    assert codes[-1] == 0


def test_undo_takes_a_continuation_back_and_another_is_another(model):
    assert at_the_desk(model, GO_ON, longer_than(30), GO_ON, UNDO, text="abc").text == "abc"
    desk = at_the_desk(model, GO_ON, longer_than(30), GO_ON, UNDO, REDO, text="abc")
    first = desk.text
    assert len(first) > 30
    second = at_the_desk(model, GO_ON, longer_than(30), GO_ON, ANOTHER, longer_than(30), GO_ON, text="abc").text
    assert second.startswith("abc")
    assert second[:20] != first[:20]


def test_it_writes_where_the_cursor_stands_and_stops_when_somebody_types(model):
    left = "\x1b[D"
    desk = at_the_desk(model, "ab", left, GO_ON, longer_than(20), "Z", text="")
    assert desk.text.startswith("a")
    assert desk.text.endswith("b")
    assert "Z" in desk.text


def test_every_character_gets_its_score_and_edited_ones_a_new_one(model):
    desk = at_the_desk(model, "words", lambda desk: desk.num_scored == 5, text="some ")
    session = Session(Stepper(model), SamplingConfig())
    expected = list(session.scores("", "some words"))
    everything = lambda desk: desk.num_scored == len(desk.text)  # noqa: E731
    desk = at_the_desk(model, "\x7f", "t", everything, text="some words")
    assert desk.text == "some wordt"
    assert desk.score_at(3) == pytest.approx(expected[3], rel=1e-4)
    assert desk.score_at(9) != pytest.approx(expected[9], rel=1e-4)


def test_saving(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("written.txt").write_text("somebody's")
    desk = at_the_desk(model, "text", SAVE)
    assert Path("written-2.txt").read_text() == "text"
    assert not desk.is_unsaved
    desk = at_the_desk(model, "text", SAVE, "more", file=Path("here.txt"))
    assert Path("here.txt").read_text() == "text"
    assert desk.is_unsaved
    assert at_the_desk(model, "text", SAVE, file=Path("no/folder/here.txt")).is_unsaved


def test_leaving_by_ctrl_c_and_the_temperature(model):
    desk = at_the_desk(model, WARMER, WARMER, CANCEL)
    assert codes[-1] == 130
    assert desk.session.config.temperature == pytest.approx(1.0)


def test_it_needs_a_terminal(charlstm, run):
    code, out, err = charlstm("write")
    assert (code, out) == (2, "")
    assert "needs a terminal" in err


def test_another_takes_back_what_was_written_and_nothing_else(model):
    home = "\x01"
    desk = at_the_desk(model, "ab", GO_ON, longer_than(20), GO_ON, "mine", home, ANOTHER, longer_than(30), GO_ON)
    assert desk.text.startswith("ab")
    assert desk.text.endswith("mine")
    desk = at_the_desk(model, "typed", home, ANOTHER)
    assert desk.text == "typed"


def test_a_file_is_written_back_with_its_own_line_ends(model, tmp_path):
    file = tmp_path / "text.txt"
    session = Session(Stepper(model), SamplingConfig())
    desk = Desk(session, "one\ntwo", file, newline="\r\n", screen=DummyOutput())
    desk.save()
    assert file.read_bytes() == b"one\r\ntwo"
