"""The views of `charlstm inspect` by name, and how they are printed."""

import sys
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from charlstm.analysis.inspection import Inspection
from charlstm.analysis.reach import has_reach
from charlstm.cli.display.inspect_attention import AttentionView
from charlstm.cli.display.inspect_gates import GatesView
from charlstm.cli.display.inspect_reach import ReachView
from charlstm.cli.display.inspect_surprise import SurpriseView
from charlstm.cli.display.inspect_unit import UnitView
from charlstm.cli.display.inspect_units import UnitsView
from charlstm.cli.display.inspect_view import Line, Selection, Span, View
from charlstm.cli.display.messages import shows_colours
from charlstm.libraries import can_compile

MakeView = Callable[[Inspection, Selection], View]
VIEWS: dict[str, MakeView] = {  # in the order of the key Tab
    "surprise": SurpriseView,
    "unit": UnitView,
    "gates": GatesView,
    "units": UnitsView,
    "attention": AttentionView,
    "reach": ReachView,
}
# Blue and orange are told apart with every kind of colour blindness, and are unlike in grey at both ends.
# (colour of the background, of the letters), for the shades 1 to 4
POSITIVE = (("#fee0b6", "#000000"), ("#fdb863", "#000000"), ("#e08214", "#000000"), ("#8c4406", "#ffffff"))
NEGATIVE = (("#d1e5f0", "#000000"), ("#92c5de", "#000000"), ("#4393c3", "#000000"), ("#174f80", "#ffffff"))


def colours_of(shade: int) -> tuple[str, str]:
    """Return the colours of the background and the letters of a shade other than 0."""
    return (POSITIVE if shade > 0 else NEGATIVE)[abs(shade) - 1]


def print_report(view: View, place: int) -> None:
    """Print a view on stdout: in colours on a terminal that has them, else with strips of digits."""
    has_colours = shows_colours()
    lines = view.report(place, has_colours=has_colours)
    if has_colours:
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for line in lines:
            console.print(_rich(line), soft_wrap=True)
    else:
        for line in lines:
            sys.stdout.write("".join(span.text for span in line).rstrip() + "\n")


def _rich(line: Line) -> Text:
    return Text.assemble(*((span.text, _rich_style(span)) for span in line))


def _rich_style(span: Span) -> str:
    if span.shade:
        background, letters = colours_of(span.shade)
        return f"{letters} on {background}"
    return {"": "", "heading": "bold", "cursor": "reverse"}[span.emphasis]


def is_available(name: str, inspection: Inspection) -> bool:
    """Return whether a view can show a network."""
    config = inspection.model.config
    if name == "attention":
        return bool(config.attention)
    return name != "reach" or (has_reach(config) and can_compile())


def views_of(inspection: Inspection, selection: Selection, names: Iterable[str]) -> dict[str, View]:
    """Return the views of these names."""
    return {name: VIEWS[name](inspection, selection) for name in names}
