"""The viewer of `charlstm inspect`: a text to move through with the keys, and below it what the network makes of it."""

import asyncio
import signal
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import Output

from charlstm.analysis.inspection import Inspection
from charlstm.cli.display.inspect_view import Line, Row, Selection, Span, View, coloured, wrap_text
from charlstm.cli.display.inspect_views import colours_of
from charlstm.cli.display.messages import shows_colours

INTERRUPTED = 130  # exit code
END_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
MIN_TEXT_ROWS, OTHER_ROWS = 3, 2  # the heading and the keys
STRONG_SHADE = 3  # from which on a shade is shown without colours: positive bold, negative underlined
KEYS = (  # the most important first; as many as fit
    "arrows move",
    "Tab view",
    "q quit",
    "up/down unit",
    "s state",
    "l layer",
    "m mean",
    "j/k line",
    "PgUp/PgDn page",
)


@dataclass
class Viewer:
    """The screen: its views, the cursor, and which rows of the text can be seen."""

    inspection: Inspection
    selection: Selection
    views: Mapping[str, View]  # that Tab goes through
    view: str  # the one that is shown
    place: int = 0  # of the cursor, a character of the text

    def __post_init__(self) -> None:
        self._width, self._rows, self._top = 0, list[Row](), 0
        self._text_height = MIN_TEXT_ROWS

    def run(self, *, keyboard: Input | None = None, screen: Output | None = None) -> int:
        """Show the screen until the user quits; return the exit code."""
        return self.application(keyboard=keyboard, screen=screen).run(pre_run=self._quit_by_signals)

    def application(self, *, keyboard: Input | None = None, screen: Output | None = None) -> Application[int]:
        control = FormattedTextControl(self._formatted, show_cursor=False)
        self._has_colours = shows_colours()
        self._application: Application[int] = Application(
            layout=Layout(Window(control, wrap_lines=False)),
            key_bindings=self._key_bindings(),
            full_screen=True,
            input=keyboard or create_input(always_prefer_tty=True),  # the text may come from standard input
            output=screen,
        )
        return self._application

    def _quit_by_signals(self) -> None:
        """Leave the terminal as it was when the process is to end."""
        for number in END_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._quit, 128 + number)

    def _quit(self, code: int) -> None:
        self._application.exit(result=code)

    def lines(self, columns: int, rows: int) -> list[Line]:
        """Return the whole screen for a terminal of this size."""
        self._wrap(columns)
        view = self.views[self.view]
        below = view.lines_at(self.place, columns)[: max(0, rows - OTHER_ROWS - MIN_TEXT_ROWS)]
        self._text_height = max(1, rows - OTHER_ROWS - len(below))
        self._scroll()
        shades = view.shades(self.place)
        seen = self._rows[self._top : self._top + self._text_height]
        text = [coloured(row, shades, self.place) for row in seen]
        text += [[] for _ in range(self._text_height - len(seen))]
        number = f"{self.place + 1:,}/{len(self.inspection):,}"
        heading = f" {view.heading()[: max(0, columns - len(number) - 3)]}"
        top = heading.ljust(columns - len(number) - 1) + number + " "
        return [[Span(top, emphasis="cursor")], *text, *below, [Span(_keys(columns), emphasis="cursor")]]

    def press(self, key: str) -> None:
        """Do what a key says."""
        self._actions()[key]()

    def _actions(self) -> dict[str, Callable[[], object]]:
        return {
            "left": lambda: self._go(self.place - 1),
            "right": lambda: self._go(self.place + 1),
            "up": lambda: self._change_unit(-1),
            "down": lambda: self._change_unit(+1),
            "j": lambda: self._go_lines(+1),
            "k": lambda: self._go_lines(-1),
            "pageup": lambda: self._go_lines(-self._text_height),
            "pagedown": lambda: self._go_lines(+self._text_height),
            "home": lambda: self._go(self._rows[self._row_of_cursor()].start),
            "end": lambda: self._go(self._rows[self._row_of_cursor()].stop - 1),
            "c-home": lambda: self._go(0),
            "c-end": lambda: self._go(len(self.inspection) - 1),
            "tab": lambda: self._change_view(+1),
            "s-tab": lambda: self._change_view(-1),
            "l": self.selection.change_layer,
            "m": self.selection.forget_unit,
            "s": self.selection.change_quantity,
        }

    def _key_bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        actions = self._actions() | {
            "q": lambda: self._quit(0),
            "c-q": lambda: self._quit(0),
            "c-c": lambda: self._quit(INTERRUPTED),
        }
        for key, action in actions.items():
            bindings.add(key)(lambda _, action=action: action())
        return bindings

    def _go(self, place: int) -> None:
        self.place = min(len(self.inspection) - 1, max(0, place))

    def _go_lines(self, by: int) -> None:
        """Go some rows down or up, and stay in the same column where the row is long enough."""
        number = self._row_of_cursor()
        column = self.place - self._rows[number].start
        row = self._rows[min(len(self._rows) - 1, max(0, number + by))]
        self._go(min(row.start + column, row.stop - 1))

    def _change_unit(self, by: int) -> None:
        """Show the next unit, or go a row up or down in a view that shows no units."""
        if not self.views[self.view].change_unit(by):
            self._go_lines(by)

    def _change_view(self, by: int) -> None:
        names = list(self.views)
        self.view = names[(names.index(self.view) + by) % len(names)]

    def _wrap(self, columns: int) -> None:
        if columns != self._width:
            self._width, self._rows = columns, wrap_text(self.inspection.text, max(1, columns))

    def _row_of_cursor(self) -> int:
        if not self._rows:
            self._wrap(80)
        return bisect_right(self._rows, self.place, key=lambda row: row.start) - 1

    def _scroll(self) -> None:
        """Keep the row of the cursor on the screen."""
        row = self._row_of_cursor()
        self._top = min(max(self._top, row - self._text_height + 1), row)

    def _formatted(self) -> StyleAndTextTuples:
        size = self._application.output.get_size()
        fragments: StyleAndTextTuples = []
        for number, line in enumerate(self.lines(size.columns, size.rows)):
            fragments += [("", "\n")] if number else []
            fragments += [(self._style(span), span.text) for span in line]
        return fragments

    def _style(self, span: Span) -> str:
        style = {"": "", "heading": "bold", "cursor": "reverse"}[span.emphasis]
        if span.emphasis == "cursor" or not span.shade:
            return style
        if self._has_colours:
            background, letters = colours_of(span.shade)
            return f"bg:{background} {letters}"
        return "" if abs(span.shade) < STRONG_SHADE else "bold" if span.shade > 0 else "underline"


def _keys(columns: int) -> str:
    """Return what the keys do: as much of it as fits."""
    line = ""
    for key in KEYS:
        if len(line) + len(key) + 2 <= columns:
            line += f"  {key}" if line else f" {key}"
    return line.ljust(columns)
