"""The screen of `charlstm write`: a text editor in which a language model continues the text.

The text lives in prompt_toolkit's buffer. Two background tasks work on it: one inserts generated characters at the
cursor, the other keeps the scores of all characters up to date while the user types.
"""

import asyncio
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.document import Document
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import TextArea
from wcwidth import grapheme_boundary_before, iter_graphemes

from charlstm.atomic_files import write_atomically
from charlstm.cli.display.messages import visible
from charlstm.cli.display.score_colours import SCORE_STYLES, ScoreLexer
from charlstm.errors import RunError
from charlstm.figures import counted
from charlstm.generation.session import Session
from charlstm.text.line_endings import LineEndings

CHARACTERS_PER_SECOND = 40.0  # fast, but one can still read along
SCORING_CHUNK = 50  # characters that are scored before the keyboard gets its turn
SCORING_PAUSE, IDLE_PAUSE = 0.001, 0.05  # seconds between two chunks, and between two looks for edits
UNSAVED_NAME = "written"  # a text without a file is saved to written.txt, or written-2.txt
STYLE = Style.from_dict(SCORE_STYLES | {"bar": "reverse"})
KEY_HELP = "Tab generate/pause ^R retry ^Z undo ^Y redo ^T hotter ^G cooler ^S save ^Q quit"  # in 80 columns
TEMPERATURE_STEP = 0.1
INTERRUPTED = 130  # exit code
HIDDEN_ON_SCREEN = (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
END_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

# prompt_toolkit shows control characters escaped; these can upset a terminal as well.
Char.display_mappings |= {character: visible(character) for character in map(chr, HIDDEN_ON_SCREEN)}


class Editor:
    """A text, the probability of each of its characters, and the keys that change it."""

    def __init__(
        self,
        session: Session,
        text: str,
        file: Path | None,
        *,
        line_endings: LineEndings | None = None,
        encoding: str = "utf-8",
        characters_per_second: float = CHARACTERS_PER_SECOND,
        keyboard: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        self.session, self._file, self._line_endings = session, file, line_endings or LineEndings()
        self._encoding = encoding
        self._pause = 1 / characters_per_second
        self._saved_text = text
        self._scored_text, self._scores = "", list[float]()
        self._message = ""
        self._generating: asyncio.Task[None] | None = None
        self._continuation: tuple[int, str] | None = None  # where the last one starts, and its text
        self.area = TextArea(text=text, wrap_lines=True, lexer=ScoreLexer(self), scrollbar=False)
        self.area.buffer.cursor_position = len(text)
        self.area.buffer.on_text_changed += self._on_edit
        bar = Window(FormattedTextControl(self.bar_text), height=2, style="class:bar", wrap_lines=False)
        self._application: Application[int] = Application(
            layout=Layout(HSplit([self.area, bar])),
            key_bindings=self._key_bindings(),
            style=STYLE,
            full_screen=True,
            input=keyboard,
            output=screen,
        )

    @property
    def text(self) -> str:
        return self.area.text

    @property
    def is_unsaved(self) -> bool:
        return self.text != self._saved_text and self.text != ""

    @property
    def is_generating(self) -> bool:
        return self._generating is not None and not self._generating.done()

    @property
    def num_scored(self) -> int:
        return len(self._scores)

    def score_at(self, position: int) -> float | None:
        """Return the log-probability (nats) of a character, or None if it is not scored yet."""
        return self._scores[position] if 0 <= position < len(self._scores) else None

    def run(self) -> int:
        """Run until the user quits; return the exit code."""
        return self._application.run(pre_run=self._start)

    async def run_async(self) -> int:
        """Run until the user quits, as a task of a running event loop; return the exit code."""
        return await self._application.run_async(pre_run=self._start)

    def save(self) -> None:
        """Save the text to its file, or to a new one if it has none; an error is shown in the bar."""
        if self._file is None:
            self._file = next(path for path in _unsaved_paths() if not path.exists())
        text, changed = self._line_endings.restore(self.text), ""
        try:
            content = text.encode(self._encoding)
        except UnicodeEncodeError:
            content = text.encode("utf-8", "surrogatepass")
            changed = f" in UTF-8: {self._encoding} does not have all of its characters"
        try:
            write_atomically(self._file, content, follow_links=True)
        except RunError as problem:
            self._message = str(problem)
            return
        self._saved_text = self.text
        self._message = f"saved to {self._file}{changed}"

    def _start(self) -> None:
        for number in END_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._quit, 128 + number)
        self._application.create_background_task(self._update_scores())

    def _quit(self, code: int) -> None:
        self._application.exit(result=code)

    def _on_edit(self, _: object) -> None:
        if not self.is_generating:
            self._message = ""

    def _press(self, action: Callable[[], Any]) -> None:
        self._message = ""
        action()

    def _key_bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        actions: dict[str, Callable[[], Any]] = {
            "tab": self._generate_or_pause,
            "c-r": self._retry,
            "c-z": self._undo,
            "c-y": self._redo,
            "c-t": lambda: self.session.change_temperature(+TEMPERATURE_STEP),
            "c-g": lambda: self.session.change_temperature(-TEMPERATURE_STEP),
            "c-s": self.save,
            "enter": lambda: self.area.buffer.insert_text("\n"),
            "c-q": lambda: self._quit(0),
            "c-c": lambda: self._quit(INTERRUPTED),
        }
        buffer = self.area.buffer
        moves: dict[str, Callable[[], Any]] = {
            "left": lambda: buffer.cursor_left(_size_before(buffer.document)),
            "right": lambda: buffer.cursor_right(_size_after(buffer.document)),
            "backspace": lambda: buffer.delete_before_cursor(_size_before(buffer.document)),
            "delete": lambda: buffer.delete(_size_after(buffer.document)),
        }
        for key, action in (actions | moves).items():
            bindings.add(key, save_before=lambda _: False)(lambda _, action=action: self._press(action))
        return bindings

    def _generate_or_pause(self) -> None:
        if self.is_generating:
            self._pause_generating()
        else:
            self.area.buffer.save_to_undo_stack()
            self._start_generating()

    def _start_generating(self) -> None:
        self._continuation = (self.area.buffer.cursor_position, "")
        self._generating = self._application.create_background_task(self._generate())

    def _pause_generating(self) -> None:
        if self._generating is not None:
            self._generating.cancel()
            self._generating = None
        self.session.reseed()

    async def _generate(self) -> None:
        """Insert generated characters at the cursor, until the task is cancelled or the user edits the text."""
        buffer = self.area.buffer
        position = buffer.cursor_position
        for character, score in self.session.continue_from(buffer.text[:position]):
            text = buffer.text[:position] + character + buffer.text[position:]
            if self._scored_text == buffer.text[: len(self._scored_text)] and len(self._scores) == position:
                self._scores.append(score)
                self._scored_text += character
            buffer.set_document(Document(text, position + 1), bypass_readonly=True)
            position += 1
            if self._continuation is not None:
                self._continuation = (self._continuation[0], self._continuation[1] + character)
            self._application.invalidate()
            await asyncio.sleep(self._pause)
            if buffer.cursor_position != position or buffer.text != text:
                return

    def _retry(self) -> None:
        """Replace the last continuation by another one, unless it has been edited."""
        start, continuation = self._continuation or (0, "")
        end = start + len(continuation)
        if not continuation or self.text[start:end] != continuation:
            self._message = "there is no continuation to replace: Tab generates one"
            return
        self._pause_generating()
        buffer = self.area.buffer
        buffer.save_to_undo_stack()
        buffer.set_document(Document(buffer.text[:start] + buffer.text[end:], start))
        self._start_generating()

    def _undo(self) -> None:
        self._pause_generating()
        self.area.buffer.undo()

    def _redo(self) -> None:
        self._pause_generating()
        self.area.buffer.redo()

    async def _update_scores(self) -> None:
        """Score characters that the user typed or that follow an edit, a few at a time, without end."""
        while True:
            text = self.text
            unchanged = _common_prefix_length(text, self._scored_text)
            if unchanged < len(self._scored_text):
                self._scores, self._scored_text = self._scores[:unchanged], text[:unchanged]
            if unchanged < len(text) and not self.is_generating:
                chunk = text[unchanged : unchanged + SCORING_CHUNK]
                self._scores.extend(self.session.scores(text[:unchanged], chunk))
                self._scored_text += chunk
                self._application.invalidate()
            await asyncio.sleep(IDLE_PAUSE if len(self._scored_text) >= len(text) else SCORING_PAUSE)

    def bar_text(self) -> str:
        """Return the two lines below the text: its state, and the keys or the message about the last one."""
        score = self.score_at(self.area.buffer.cursor_position - 1)
        parts = [
            "generating" if self.is_generating else "paused",
            f"temperature {self.session.config.temperature:g}",
            counted(len(self.text), "character") + (", unsaved" if self.is_unsaved else ""),
            f"p = {math.exp(score):.3f}" if score is not None and not math.isnan(score) else "",
        ]
        return f" {'  '.join(filter(None, parts))}\n {self._message or KEY_HELP}"


def _size_before(document: Document) -> int:
    """Return the length of the grapheme before the cursor: a letter with its marks, or a joined emoji."""
    position = document.cursor_position
    return position - grapheme_boundary_before(document.text, position) if position else 0


def _size_after(document: Document) -> int:
    line = document.current_line_after_cursor
    return len(next(iter_graphemes(line))) if line else 1


def _common_prefix_length(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(position for position in range(shorter) if one[position] != other[position])


def _unsaved_paths() -> Iterator[Path]:
    yield Path(f"{UNSAVED_NAME}.txt")
    number = 2
    while True:
        yield Path(f"{UNSAVED_NAME}-{number}.txt")
        number += 1
