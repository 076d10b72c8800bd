"""`charlstm compare`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cells.registry import get_cell
from charlstm.cli import network_options, text_options, training_options, validation_options
from charlstm.cli.completion import BUDGETS, choices, complete_cells
from charlstm.cli.config_file import Config
from charlstm.cli.display.comparison_table import comparison_display, comparison_lines
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.pictures import check_folder_of, check_image_format
from charlstm.cli.display.rows import output_width
from charlstm.cli.display.test_part import test_lines
from charlstm.cli.options import Json, duration, option
from charlstm.cli.overwriting import check_may_replace
from charlstm.cli.picture_options import Dark, FontSize, picture_style
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.interruption import exit_code
from charlstm.training.overrides import Overrides

DEFAULT_MAX_TIME = 120.0  # seconds


def compare(
    texts: text_options.Texts,
    cells: Annotated[
        str,
        typer.Option(
            "--cells",
            autocompletion=complete_cells,
            metavar="CELLS",
            help="Cells as in train --cell, separated by commas.",
        ),
    ] = "lstm,gru,rnn",
    max_time: Annotated[
        float | None,
        option("--max-time", parser=duration, metavar="TIME", help="Time for each run: 90s, 5m, 1h30m. Default: 2m."),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats",
            metavar="N",
            min=1,
            max=1000,
            help="Number of runs per cell, with consecutive random seeds. The table then has the mean, the standard "
            "deviation (std) and the half width of its 95% interval, as charlstm repeat defines them.",
        ),
    ] = 1,
    equal: Annotated[
        str | None,
        option(
            "--equal",
            autocompletion=choices(BUDGETS),
            metavar="BUDGET",
            help="What all runs get the same amount of: time (the default), epochs, steps or characters; unless they "
            "are given, as many as an LSTM is expected to train on in that time.",
        ),
    ] = None,
    epochs: Annotated[
        float | None, option("--epochs", metavar="N", help="Passes over the training text of each run, for equal ones.")
    ] = None,
    steps: Annotated[
        int | None, option("--steps", metavar="N", min=1, help="Training steps of each run, for equal ones.")
    ] = None,
    layers: network_options.Layers = None,
    units: Annotated[
        int | None,
        option("--units", metavar="N", help="Units of the LSTM; the other cells get as many parameters as it has."),
    ] = None,
    dropout: training_options.Dropout = None,
    recurrent_dropout: training_options.RecurrentDropout = None,
    learning_rate: training_options.LearningRate = None,
    validation: validation_options.Validation = None,
    test: validation_options.Test = None,
    split: validation_options.Split = None,
    validation_split: validation_options.ValidationSplit = None,
    random_seed: network_options.RandomSeed = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            "--out",
            metavar="FOLDER",
            help="The folder of the comparison. Default: runs/compare- and the name of the text.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        option("--plot", metavar="FILE", help="The image file of the plot. Default: comparison.svg in the folder."),
    ] = None,
    dark: Dark = False,
    font_size: FontSize = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Start over, and replace an earlier comparison in the folder and the file of --plot."
        ),
    ] = False,
    lowercase: text_options.Lowercase = False,
    encoding: text_options.Encoding = None,
    normalize: text_options.Normalize = "nfc",
    keep_boilerplate: text_options.KeepBoilerplate = False,
    log: training_options.Log = None,
    as_json: Json = False,
    _config: Config = None,
) -> None:
    """Train networks with different cells on a text and compare them.

    All begin from nothing, and have the same number of parameters, within 2 %, and the same time, epochs or steps. A
    table of validation bits per character, speed, how much of the text was read and a generated line grows as results
    come in; the folder gets them as JSON and CSV, with a plot. With a test part, the best run is scored on it once, at
    the end. To continue an interrupted comparison, run the same command again.

    \b
    charlstm compare macbeth.txt --cells lstm,gru,coupled,rnn
    charlstm compare lyrics/ --cells lstm,mogrifier --max-time 5m --repeats 3
    charlstm compare macbeth.txt --cells lstm,gru --epochs 10
    """
    names = _cell_names(cells)
    check_image_format(plot)
    style = picture_style(dark=dark, font_size=font_size)
    budget, amount = _budget(equal, {"epochs": epochs, "steps": steps, "max_time": max_time})
    options = {
        "num_layers": layers,
        "units": units,
        "dropout": dropout,
        "recurrent_dropout": recurrent_dropout,
        "learning_rate": learning_rate,
        "max_time": max_time if max_time is not None or amount is not None else DEFAULT_MAX_TIME,
        "validation": validation_options.validation_share(validation),
        "validation_split": validation_split,
        "random_seed": random_seed,
    }
    overrides = Overrides.from_options(options)
    parts = validation_options.parts_request(validation, test, split)
    parts.check_settings(overrides.settings)
    decoding = DecodingOptions(encoding, normalize, keep_boilerplate, lowercase)
    from charlstm.experiments.comparison import run_comparison
    from charlstm.experiments.files import PLOT_FILE
    from charlstm.experiments.plan import ComparisonRequest

    folder = output or _default_folder(texts)
    if plot is not None:
        _check_plot(plot, folder, overwrite=overwrite)
    request = ComparisonRequest(
        texts=texts,
        cells=names,
        num_repeats=repeats,
        budget=budget,
        amount=amount,
        overrides=overrides,
        folder=folder,
        overwrite=overwrite,
        decoding=decoding,
        parts=parts,
        plot=plot,
        logs=tuple(log or ()),
    )
    plot = plot or folder / PLOT_FILE
    with comparison_display(num_runs=len(names) * repeats, plot=plot, style=style) as display:
        result = run_comparison(request, display)
    if result.signal_number is not None:
        warn("stopped; nothing is lost, run the same command again to continue")
        raise typer.Exit(exit_code(result.signal_number))
    lines = comparison_lines(result.outcomes, result.budget, width=output_width()) + test_lines(result.test)
    print(to_json(result.to_json(), indent=2) if as_json else "\n".join(lines))
    say(f"in {folder}: comparison.json, comparison.csv, and a folder for each run; the plot is {plot}")


def _cell_names(cells: str) -> list[str]:
    names = [name.strip() for name in cells.split(",")]
    for name in names:
        get_cell(name)  # raises for an unknown cell
    if len(set(names)) < len(names):
        raise SettingError(f"--cells names a cell twice: {cells}", hint="use --repeats to train each more than once")
    return names


def _budget(equal: str | None, amounts: dict[str, float | None]) -> tuple[str, float | None]:
    """Return what is to be equal, and the number of epochs or steps if one is given."""
    given = [name for name, amount in amounts.items() if amount is not None]
    if len(given) > 1:
        raise SettingError(f"`{given[0]}` and `{given[1]}` are both given", hint="give one of the two")
    if not given or given == ["max_time"]:
        return equal or "time", None
    if equal not in (None, given[0]):
        raise SettingError(f"`{given[0]}` is given, but `equal` is {equal}", hint="leave `equal` out")
    return given[0], amounts[given[0]]


def _default_folder(texts: list[str]) -> Path:
    from charlstm.storage.run_folder import RUNS
    from charlstm.text.sources import corpus_name

    return RUNS / f"compare-{corpus_name(texts)}"


def _check_plot(plot: Path, folder: Path, *, overwrite: bool) -> None:
    """Raise RunError, or ask on a terminal, if there is no folder for the plot, or another file in its place.

    An earlier call may have drawn it, and this one continue that comparison.
    """
    from charlstm.experiments.files import PLOT_FILE
    from charlstm.experiments.plan import ComparisonPlan

    if plot.parent != folder:
        check_folder_of(plot)
    if overwrite or not plot.is_file():
        return
    earlier = ComparisonPlan.load(folder)
    if earlier is None:
        check_may_replace(plot, overwrite=overwrite)
    elif not earlier.draws(plot) and plot != folder / PLOT_FILE:
        check_may_replace(plot, overwrite=overwrite, hint="remove it, or choose another name: `overwrite` starts over")
