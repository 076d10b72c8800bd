"""The screen of `charlstm write`: an editor in which a model goes on."""

import asyncio
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import TextArea

from charlstm.atomic_files import write_atomically
from charlstm.errors import RunError
from charlstm.generation.session import Session

CHARACTERS_PER_SECOND = 40.0  # a pace that can be read
SCORED_AT_ONCE = 50  # characters, before the keyboard is listened to again
UNSAVED_NAME = "written"  # .txt, or written-2.txt
PROBABLE = ((0.5, "class:sure"), (0.1, "class:likely"), (0.01, "class:unlikely"), (0.0, "class:wild"))
STYLE = Style.from_dict(
    {"sure": "", "likely": "ansicyan", "unlikely": "ansiyellow", "wild": "ansired bold", "bar": "reverse"}
)
KEYS = "Tab go on/pause ^R another ^Z undo ^Y redo ^T warmer ^G cooler ^S save ^Q leave"
INTERRUPTED = 130  # exit code
END_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Desk:
    """A text, how probable each of its characters is, and the keys that work on it."""

    def __init__(
        self,
        session: Session,
        text: str,
        file: Path | None,
        *,
        newline: str = "\n",
        characters_per_second: float = CHARACTERS_PER_SECOND,
        keyboard: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        self.session, self._file = session, file
        self._pause = 1 / characters_per_second
        self._saved_text = text
        self._scored_text, self._scores = "", list[float]()
        self._message = ""
        self._writing: asyncio.Task[None] | None = None
        self._newline = newline
        self._last: tuple[int, str] | None = None  # where the last continuation began, and what it was
        self.area = TextArea(text=text, wrap_lines=True, lexer=_ScoreLexer(self), scrollbar=False)
        self.area.buffer.cursor_position = len(text)
        bar = Window(FormattedTextControl(self._bar), height=2, style="class:bar", wrap_lines=False)
        self._application: Application[int] = Application(
            layout=Layout(HSplit([self.area, bar])),
            key_bindings=self._keys(),
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
    def is_writing(self) -> bool:
        return self._writing is not None and not self._writing.done()

    def run(self) -> int:
        """Until the user leaves; returns the exit code."""
        return self._application.run(pre_run=self._begin)

    async def run_async(self) -> int:
        return await self._application.run_async(pre_run=self._begin)

    @property
    def num_scored(self) -> int:
        return len(self._scores)

    def score_at(self, place: int) -> float | None:
        """ln p of a character of the text, if it is known yet."""
        return self._scores[place] if 0 <= place < len(self._scores) else None

    def _begin(self) -> None:
        for number in END_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._leave, 128 + number)
        self._application.create_background_task(self._keep_scores())

    def _leave(self, code: int) -> None:
        self._application.exit(result=code)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        actions: dict[str, Callable[[], Any]] = {
            "tab": self._go_on_or_pause,
            "c-r": self._another,
            "c-z": self._undo,
            "c-y": self._redo,
            "c-t": lambda: self.session.warm(+0.1),
            "c-g": lambda: self.session.warm(-0.1),
            "c-s": self.save,
            "enter": lambda: self.area.buffer.insert_text("\n"),
            "c-q": lambda: self._leave(0),
            "c-c": lambda: self._leave(INTERRUPTED),
        }
        for key, action in actions.items():
            keys.add(key, save_before=lambda _: False)(lambda _, action=action: action())
        return keys

    def _go_on_or_pause(self) -> None:
        if self.is_writing:
            self._stop()
        else:
            self.area.buffer.save_to_undo_stack()
            self._go_on()

    def _go_on(self) -> None:
        self._last = (self.area.buffer.cursor_position, "")
        self._writing = self._application.create_background_task(self._write())

    async def _write(self) -> None:
        buffer = self.area.buffer
        place = buffer.cursor_position
        for character, score in self.session.go_on(buffer.text[:place]):
            written = buffer.text[:place] + character + buffer.text[place:]
            if self._scored_text == buffer.text[: len(self._scored_text)] and len(self._scores) == place:
                self._scores.append(score)
                self._scored_text += character
            buffer.set_document(Document(written, place + 1), bypass_readonly=True)
            place += 1
            if self._last is not None:
                self._last = (self._last[0], self._last[1] + character)
            self._application.invalidate()
            await asyncio.sleep(self._pause)
            if buffer.cursor_position != place or buffer.text != written:
                return  # somebody has typed

    def _stop(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        self.session.another()

    def _another(self) -> None:
        start, written = self._last or (0, "")
        end = start + len(written)
        if not written or self.text[start:end] != written:
            self._message = "there is nothing to write anew: Tab lets it go on"
            return
        self._stop()
        buffer = self.area.buffer
        buffer.save_to_undo_stack()
        buffer.set_document(Document(buffer.text[:start] + buffer.text[end:], start))
        self._go_on()

    def _undo(self) -> None:
        self._stop()
        self.area.buffer.undo()

    def _redo(self) -> None:
        self._stop()
        self.area.buffer.redo()

    def save(self) -> None:
        """Write the text to its file, or to a new one."""
        if self._file is None:
            self._file = next(path for path in _free_names() if not path.exists())
        try:
            write_atomically(self._file, self.text.replace("\n", self._newline).encode("utf-8", "surrogatepass"))
        except RunError as problem:
            self._message = str(problem)
            return
        self._saved_text = self.text
        self._message = f"saved to {self._file}"

    async def _keep_scores(self) -> None:
        """Find out how probable the characters are that somebody typed, a few at a time."""
        while True:
            text = self.text
            kept = _common_length(text, self._scored_text)
            if kept < len(self._scored_text):
                self._scores, self._scored_text = self._scores[:kept], text[:kept]
            if kept < len(text) and not self.is_writing:
                piece = text[kept : kept + SCORED_AT_ONCE]
                self._scores.extend(self.session.scores(text[:kept], piece))
                self._scored_text += piece
                self._application.invalidate()
            await asyncio.sleep(0.05 if len(self._scored_text) >= len(text) else 0.001)

    def _bar(self) -> StyleAndTextTuples:
        score = self.score_at(self.area.buffer.cursor_position - 1)
        parts = [
            "writing" if self.is_writing else "waiting",
            f"temperature {self.session.config.temperature:g}",
            f"{len(self.text):,} characters" + (", unsaved" if self.is_unsaved else ""),
            f"the last had p = {math.exp(score):.3f}" if score is not None and not math.isnan(score) else "",
            self._message,
        ]
        return [("", " " + "  ".join(filter(None, parts)) + "\n " + KEYS)]


class _ScoreLexer(Lexer):
    """Colours each character by how probable it was."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        starts = [0]
        for line in document.lines:
            starts.append(starts[-1] + len(line) + 1)

        def colours(number: int) -> StyleAndTextTuples:
            start = starts[number]
            return [
                (_colour(self._desk.score_at(start + place)), character)
                for place, character in enumerate(document.lines[number])
            ]

        return colours

    def invalidation_hash(self) -> int:
        return self._desk.num_scored


def _colour(score: float | None) -> str:
    if score is None or math.isnan(score):
        return ""
    return next(style for least, style in PROBABLE if math.exp(score) >= least)


def _common_length(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(place for place in range(shorter) if one[place] != other[place])


def _free_names() -> Iterator[Path]:
    yield Path(f"{UNSAVED_NAME}.txt")
    number = 2
    while True:
        yield Path(f"{UNSAVED_NAME}-{number}.txt")
        number += 1
