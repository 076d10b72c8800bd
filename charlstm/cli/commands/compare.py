"""`charlstm compare`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cells.registry import get_cell
from charlstm.cli import settings
from charlstm.cli.display import plots
from charlstm.cli.display.comparison_table import comparison_lines
from charlstm.cli.display.messages import say
from charlstm.cli.options import Json, duration, option
from charlstm.errors import SettingError
from charlstm.training.auto_config import make_configs

EQUAL = ("time", "characters")


def compare(
    texts: settings.Texts,
    cells: Annotated[
        str, typer.Option("--cells", metavar="CELLS", help="As train's --cell takes them, with commas between.")
    ] = "lstm,gru,rnn",
    max_time: Annotated[
        float,
        typer.Option(
            "--max-time", parser=duration, metavar="TIME", help="Of each training. Default: 2m.", show_default=False
        ),
    ] = 120.0,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", metavar="N", min=1, max=1000, help="Trainings of each cell; the random seed counts up."
        ),
    ] = 1,
    equal: Annotated[
        str,
        typer.Option(
            "--equal",
            metavar="WHAT",
            help="time; or characters: each reads as many as an LSTM is expected to in that time.",
        ),
    ] = "time",
    layers: settings.Layers = None,
    units: Annotated[
        int | None, option("--units", metavar="N", help="Of an LSTM; the other cells get as many parameters as it has.")
    ] = None,
    dropout: settings.Dropout = None,
    recurrent_dropout: settings.RecurrentDropout = None,
    learning_rate: settings.LearningRate = None,
    random_seed: settings.RandomSeed = None,
    out: Annotated[
        Path | None,
        option("--output", "-o", "--out", metavar="FOLDER", help="Default: runs/compare- and the name of the text."),
    ] = None,
    plot: Annotated[
        Path | None, option("--plot", metavar="FILE", help="Default: comparison.svg in the folder.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew.")] = False,
    as_json: Json = False,
) -> None:
    """Train networks of several cells on a text, side by side.

    Each has the same number of parameters, within 2 %, and the same time or the same number of characters. Validation
    bits per character, speed and a line that each wrote stand in a table that grows as results come; the folder holds
    them as JSON and CSV, with a plot. An interrupted comparison goes on where it was when it is started again.

    \b
    charlstm compare macbeth.txt --cells lstm,gru,coupled,rnn
    charlstm compare lyrics/ --cells lstm,mogrifier --max-time 5m --repeats 3 --equal characters
    """
    from charlstm.storage.run_folder import RUNS
    from charlstm.text.sources import corpus_name

    names = [name.strip() for name in cells.split(",")]
    for name in names:
        get_cell(name)
    if len(set(names)) < len(names):
        raise SettingError(f"--cells names a cell twice: {cells}", hint="give --repeats to train each more than once")
    if equal not in EQUAL:
        raise SettingError(
            f"--equal is {equal!r}, but it must be one of {', '.join(EQUAL)}", hint="give one of the two"
        )
    plots.refuse_unknown_kind(plot)
    given = settings.settings_given(
        None,
        num_layers=layers,
        units=units,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        learning_rate=learning_rate,
        max_time=max_time,
        random_seed=random_seed,
    )
    make_configs(given)  # refuses what is out of range
    folder = out or RUNS / f"compare-{corpus_name(texts)}"
    from charlstm.experiments.comparison import ComparisonRequest, run_comparison

    wanted = ComparisonRequest(texts, names, repeats, equal, given, folder, plot or folder / "comparison.svg")
    facts, outcomes = run_comparison(wanted, overwrite=overwrite)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(comparison_lines(outcomes)))
    say(f"in {folder}: comparison.json, comparison.csv, and each training; the plot is {wanted.plot}")
