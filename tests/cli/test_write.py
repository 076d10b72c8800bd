"""The editor of `charlstm write`, driven by keys."""

import asyncio
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from charlstm.cli.commands.write import read_file
from charlstm.cli.display.editor import Editor
from charlstm.config import SamplingConfig
from charlstm.errors import CorpusError
from charlstm.generation.generate import Request, generate
from charlstm.generation.session import Session
from charlstm.generation.stepper import Stepper
from charlstm.text.line_endings import LineEndings

GENERATE = PAUSE = "\t"
RETRY, UNDO, REDO, HOTTER, SAVE, QUIT, CANCEL = "\x12", "\x1a", "\x19", "\x14", "\x13", "\x11", "\x03"
BACKSPACE, DELETE, LEFT, RIGHT, HOME = "\x7f", "\x1b[3~", "\x1b[D", "\x1b[C", "\x01"

codes: list[int] = []  # exit codes of the editors


def edit(model, *keys, text="", file=None):
    """Return an editor after some keys have been pressed; a function among them waits until it returns True."""

    async def press_keys(keyboard):
        session = Session(Stepper(model), SamplingConfig(random_seed=1))
        editor = Editor(session, text, file, characters_per_second=1e6, keyboard=keyboard, screen=DummyOutput())
        running = asyncio.create_task(editor.run_async())
        for key in [*keys, QUIT]:
            if callable(key):
                async with asyncio.timeout(20):
                    while not key(editor):
                        await asyncio.sleep(0.01)
            elif not running.done():
                keyboard.send_text(key)
                await asyncio.sleep(0.05)
        codes.append(await running)
        return editor

    with create_pipe_input() as keyboard:
        return asyncio.run(press_keys(keyboard))


def longer_than(length):
    return lambda editor: len(editor.text) > length


def test_model_continues_what_was_typed(model):
    editor = edit(model, "so", "\r", "and", GENERATE, longer_than(30), PAUSE)
    continuation = "".join(generate(Stepper(model), Request("so\nand", SamplingConfig(length=500, random_seed=1))))
    assert editor.text.startswith("so\nand")
    assert ("so\nand" + continuation).startswith(editor.text[:30])
    assert editor.is_unsaved
    assert codes[-1] == 0


def test_undo_removes_a_continuation_and_retry_replaces_it(model):
    assert edit(model, GENERATE, longer_than(30), PAUSE, UNDO, text="abc").text == "abc"
    first = edit(model, GENERATE, longer_than(30), PAUSE, UNDO, REDO, text="abc").text
    assert len(first) > 30
    second = edit(model, GENERATE, longer_than(30), PAUSE, RETRY, longer_than(30), PAUSE, text="abc").text
    assert second.startswith("abc")
    assert second[:20] != first[:20]


def test_text_is_generated_at_the_cursor_until_the_user_types(model):
    editor = edit(model, "ab", LEFT, GENERATE, longer_than(20), "Z", text="")
    assert editor.text.startswith("a")
    assert editor.text.endswith("b")
    assert "Z" in editor.text


def test_cursor_moves_by_what_one_sees_as_a_character(model):
    family, letter = "\U0001f469\u200d\U0001f467", "e\u0301"
    assert edit(model, BACKSPACE, text="a" + family).text == "a"
    assert edit(model, LEFT, "x", text="a" + letter).text == "ax" + letter
    assert edit(model, HOME, RIGHT, "x", text=family + "a").text == family + "xa"
    assert edit(model, HOME, DELETE, text=letter + "b").text == "b"


def test_what_can_drive_the_terminal_is_escaped_on_the_screen(model):
    from prompt_toolkit.layout.screen import Char

    edit(model)
    assert Char("\u202e").char == "\\u202e"
    assert Char("\u200c").char == "\u200c"


def test_every_character_is_scored_and_edited_ones_again(model):
    def is_scored(editor):
        return editor.num_scored == len(editor.text)

    editor = edit(model, "words", lambda editor: editor.num_scored == 10, text="some ")
    session = Session(Stepper(model), SamplingConfig())
    expected = list(session.scores("", "some words"))
    assert editor.score_at(9) == pytest.approx(expected[9], rel=1e-4)
    editor = edit(model, BACKSPACE, "t", is_scored, text="some words")
    assert editor.text == "some wordt"
    assert editor.score_at(3) == pytest.approx(expected[3], rel=1e-4)
    assert editor.score_at(9) != pytest.approx(expected[9], rel=1e-4)


def test_text_is_saved_to_its_file_or_to_a_new_one(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("written.txt").write_text("another text")
    editor = edit(model, "text", SAVE)
    assert Path("written-2.txt").read_text() == "text"
    assert Path("written.txt").read_text() == "another text"
    assert not editor.is_unsaved
    editor = edit(model, "text", SAVE, "more", file=Path("here.txt"))
    assert Path("here.txt").read_text() == "text"
    assert editor.is_unsaved
    assert edit(model, "text", SAVE, file=Path("no/folder/here.txt")).is_unsaved


def test_message_disappears_with_the_next_edit(model, tmp_path):
    file = tmp_path / "text.txt"
    edit(model, "text", SAVE, lambda editor: f"saved to {file}" in editor.bar_text(), file=file)
    edit(model, "text", SAVE, "x", lambda editor: "^Q quit" in editor.bar_text(), file=file)


def test_ctrl_c_and_the_temperature(model):
    editor = edit(model, HOTTER, HOTTER, CANCEL)
    assert codes[-1] == 130
    assert editor.session.config.temperature == pytest.approx(SamplingConfig.temperature + 0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a terminal"),
        (["tiny", "--model", "tiny"], "RUN and --model are both given"),
        (["--unknown", "error"], "--unknown error would stop"),
        (["--temperature", "-1"], "--temperature is -1"),
    ],
)
def test_wrong_usage(charlstm, run, arguments, message):
    code, out, err = charlstm("write", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_retry_removes_only_what_was_generated(model):
    editor = edit(model, "ab", GENERATE, longer_than(20), PAUSE, "mine", HOME, RETRY, longer_than(30), PAUSE)
    assert editor.text.startswith("ab")
    assert editor.text.endswith("mine")
    assert edit(model, "typed", HOME, RETRY).text == "typed"


def test_file_keeps_its_line_endings(model, tmp_path):
    file = tmp_path / "text.txt"
    session = Session(Stepper(model), SamplingConfig())
    Editor(session, "one\ntwo", file, line_endings=LineEndings.of("one\r\n"), screen=DummyOutput()).save()
    assert file.read_bytes() == b"one\r\ntwo"


def test_a_file_is_saved_in_the_encoding_that_it_was_read_in(model, tmp_path):
    path = tmp_path / "scene.txt"
    path.write_bytes(
        "Ma\u00f1ana ver\u00e1 el se\u00f1or Mu\u00f1oz qu\u00e9 pas\u00f3 con la ni\u00f1a".encode("latin-1")
    )
    text, encoding = read_file(path, None)
    assert text == path.read_bytes().decode("latin-1")
    editor = Editor(Session(Stepper(model), SamplingConfig()), text + "!", path, encoding=encoding)
    editor.save()
    assert path.read_bytes() == (text + "!").encode("latin-1")
    editor = Editor(Session(Stepper(model), SamplingConfig()), text + "\u6f22", path, encoding=encoding)
    editor.save()
    assert path.read_bytes() == (text + "\u6f22").encode()
    assert "in UTF-8" in editor.bar_text()


def test_a_file_is_read_in_a_given_encoding_or_refused(tmp_path):
    path = tmp_path / "scene.txt"
    path.write_bytes(b"caf\x8e\r\n")
    assert read_file(path, "mac_roman") == ("caf\u00e9\r\n", "mac-roman")
    with pytest.raises(CorpusError, match="is not plain text in ascii"):
        read_file(path, "ascii")
    path.write_bytes(b"")
    assert read_file(path, None) == ("", "utf-8")
