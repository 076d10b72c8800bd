"""`charlstm plot`."""

import os
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.completion import choices, complete_runs
from charlstm.cli.display.learning_curves import X_LABELS, Curve, curve_lines, learning_panel
from charlstm.cli.display.messages import say, shows_colours, terminal_size, visible
from charlstm.cli.display.pictures import check_folder_of, save_plot
from charlstm.cli.display.plots import terminal_plot
from charlstm.cli.options import option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.cli.picture_options import Dark, FontSize, style_of_picture
from charlstm.errors import RunError, SettingError
from charlstm.storage.evaluations import find_recorded_run, read_evaluations
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import read_settings

MIN_HEIGHT, MAX_HEIGHT, MAX_WIDTH = 8, 24, 120  # of a plot in the terminal, in rows and columns
ROWS_BELOW = 4  # for the text under the plot, and the next prompt


def plot(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_runs,
            metavar="RUN",
            help="Run folders, or names under runs/. Default: the newest run.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", metavar="FILE", help="Draw a picture instead: a .png, .svg or .pdf file."),
    ] = None,
    x: Annotated[
        str,
        typer.Option(
            "--x",
            autocompletion=choices(tuple(X_LABELS)),
            metavar="AXIS",
            help=f"The horizontal axis: {', '.join(X_LABELS)}.",
        ),
    ] = "epochs",
    overwrite: Annotated[bool, OVERWRITE] = False,
    bits: Annotated[bool, typer.Option("--bits", help="Show losses in bits instead of nats.")] = False,
    dark: Dark = False,
    font_size: FontSize = None,
) -> None:
    """Draw the learning curves of runs.

    These are the training and the validation loss at each evaluation. Below the curves, overfitting (the training loss
    falls while the validation loss rises) and plateaus are named. Several runs share one picture; in the terminal it
    then has only their validation losses.

    \b
    charlstm plot
    charlstm plot macbeth sonnets --x seconds --bits --output curves.svg
    """
    style = style_of_picture(output, dark=dark, font_size=font_size, option="output")
    if x not in X_LABELS:
        raise SettingError(f"`x` is {x!r}, which is not an axis", hint=f"axes are: {', '.join(X_LABELS)}")
    if output is not None:
        check_folder_of(output)
        check_may_replace(output, overwrite=overwrite)
    folders = [find_recorded_run(run) for run in dict.fromkeys(runs or [])] or [find_recorded_run(None)]
    if not runs:
        say(f"the newest run: {folders[0].path}")
    curves = [_curve(folder, name, x) for folder, name in zip(folders, _names(folders), strict=True)]
    findings = [line for curve in curves for line in curve_lines(curve)]
    if output is not None:
        save_plot(output, [learning_panel(curves, x=x, bits=bits)], style)
        for line in findings:
            say(line)
        print(visible(str(output)))
        return
    panel = learning_panel(curves, x=x, bits=bits, with_training=False)
    width, height = terminal_size()
    if sys.stdout.isatty():
        findings = [part for line in findings for part in textwrap.wrap(line, width, subsequent_indent="  ")]
    height = min(MAX_HEIGHT, max(MIN_HEIGHT, height - len(findings) - ROWS_BELOW))
    print(terminal_plot(panel, width=min(MAX_WIDTH, width), height=height, colours=shows_colours()))
    print("\n".join(findings))


def _names(folders: list[RunFolder]) -> list[str]:
    """Return the names of the folders, with as much of their paths as tells them apart."""
    paths = [os.path.abspath(folder.path) for folder in folders]
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [os.path.relpath(path, common) for path in paths]


def _curve(folder: RunFolder, name: str, x: str) -> Curve:
    evaluations = read_evaluations(folder)
    return Curve(name, evaluations, _characters_per_epoch(folder) if x == "characters" else 0)


def _characters_per_epoch(folder: RunFolder) -> int:
    """Return the length of the training text. Raises RunError if the settings of the run do not say it."""
    try:
        settings = read_settings(folder)
        characters = int(settings["text"]["characters"])
        return characters - round(characters * float(settings["training"]["validation"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunError(
            f"{folder.config} does not say how long the training text is", hint="choose another axis with `x`"
        ) from error
