"""`charlstm sweep`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import network_options, text_options, training_options, validation_options
from charlstm.cli.completion import NOTHING, choices, complete_models
from charlstm.cli.config_file import Config
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.pictures import check_folder_of
from charlstm.cli.display.rows import command_lines, output_width
from charlstm.cli.display.sweep_table import importance_line, sweep_display, trial_lines
from charlstm.cli.display.test_part import test_lines
from charlstm.cli.given_settings import given_settings, setting_names
from charlstm.cli.options import COMMON, NETWORK, SEARCH, Json, command_line, duration, option
from charlstm.cli.overwriting import check_may_replace
from charlstm.cli.picture_options import Dark, FontSize, style_of_picture
from charlstm.cli.repeat_command import train_command
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.interruption import exit_code
from charlstm.training.overrides import Overrides
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.experiments.sweep import SweepResult
    from charlstm.experiments.sweep_plan import SweepRequest

PRUNERS = ("median", "hyperband", "none")  # of experiments.sweep_plan, for completion


def sweep(
    context: typer.Context,
    texts: text_options.Texts,
    space: Annotated[
        Path | None,
        option(
            "--space",
            metavar="FILE",
            panel=COMMON,
            help="The settings to vary, in TOML. Default: seven of them.",
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            "--trials",
            metavar="N",
            min=1,
            max=1_000_000,
            rich_help_panel=COMMON,
            help="How many to do, with earlier ones.",
        ),
    ] = 50,
    max_time: Annotated[
        float | None,
        option(
            "--max-time",
            parser=duration,
            metavar="TIME",
            panel=COMMON,
            help="Time for each trial: 90s, 5m, 1h30m. Default: 2m.",
        ),
    ] = None,
    epochs: Annotated[
        float | None, option("--epochs", metavar="N", panel=SEARCH, help="Passes over the training text of each trial.")
    ] = None,
    pruner: Annotated[
        str | None,
        option(
            "--pruner",
            autocompletion=choices(PRUNERS),
            metavar="NAME",
            panel=SEARCH,
            help="Optuna's rule by which bad trials are given up early: median, hyperband or none. Default: median.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        option(
            "--storage",
            metavar="URL",
            panel=SEARCH,
            help="Keep the study in a database: sqlite:///study.db, or postgresql:// and mysql:// with their drivers. "
            "Default: a file in the folder of the sweep.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            "--out",
            metavar="FOLDER",
            panel=COMMON,
            help="The folder of the sweep. Default: runs/sweep-TEXT.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", rich_help_panel=COMMON, help="Start over, and replace the sweep and --plot."),
    ] = False,
    keep_models: Annotated[
        bool,
        typer.Option("--keep-models", rich_help_panel=SEARCH, help="Keep the runs of all trials, not only the best."),
    ] = False,
    start_from: Annotated[
        str | None,
        option(
            "--from",
            autocompletion=complete_models,
            metavar="RUN",
            panel=SEARCH,
            help="Start each trial from a run, a file, or english. Default: from nothing.",
        ),
    ] = None,
    random_seed: Annotated[
        int | None,
        option("--random-seed", metavar="N", panel=SEARCH, help="Of the search and of every trial. Default: 0."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", rich_help_panel=COMMON, help="Show the trials so far, and train nothing.")
    ] = False,
    plot: Annotated[
        Path | None,
        option(
            "--plot",
            metavar="FILE",
            panel=COMMON,
            help="Draw what the losses depend on: .png, .svg, .pdf.",
        ),
    ] = None,
    dark: Dark = False,
    font_size: FontSize = None,
    as_json: Json = False,
    _config: Config = None,
    cell: network_options.Cell = None,
    layers: network_options.Layers = None,
    units: Annotated[
        int | None,
        option("--units", metavar="N", panel=NETWORK, help="Units of each layer. Default: varied."),
    ] = None,
    embedding: network_options.Embedding = None,
    attention: network_options.Attention = None,
    dropout: training_options.Dropout = None,
    recurrent_dropout: training_options.RecurrentDropout = None,
    sequence_length: training_options.SequenceLength = None,
    batch_size: training_options.BatchSize = None,
    learning_rate: training_options.LearningRate = None,
    clip_norm: training_options.ClipNorm = None,
    clip_value: training_options.ClipValue = None,
    weight_decay: training_options.WeightDecay = None,
    calibration: training_options.Calibration = None,
    validation: validation_options.Validation = None,
    test: validation_options.Test = None,
    split: validation_options.Split = None,
    validation_split: validation_options.ValidationSplit = None,
    patience: validation_options.Patience = None,
    evaluate_every: validation_options.EvaluateEvery = None,
    precision: network_options.Precision = None,
    shards: network_options.Shards = None,
    lowercase: text_options.Lowercase = False,
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeNew = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    min_count: text_options.MinCount = 1,
    log: training_options.Log = None,
    _help_all: training_options.HelpAll = False,
) -> None:
    """Search for good settings for a text, with Optuna.

    Each trial trains one network for the same time, from nothing unless --from is given, and its lowest loss on the
    validation text counts. Optuna's TPE proposes the settings; the first trial has those that train would choose for
    one network that begins like it. Bad trials are given up early. An option fixes a setting for all trials. Without
    --space, units, layers, dropout, recurrent dropout, learning rate, batch size and sequence length are varied around
    that choice. The file of --space has a line for each setting to vary, a list of choices, units = [128, 256], or a
    range, dropout = {low = 0, high = 0.6}, which may have log = true or a step.

    To continue a sweep, or to join it from another terminal or machine, give the same command again; --trials counts
    those of all. Printed are the best trials, the importance of each setting, and the command that trains the best one,
    whose run is kept. With a test part, that run is scored on it once, at the end. --plot draws the trials, the
    importances, the loss over each setting, and over the two most important ones. Needs the extra charlstm[sweep].

    \b
    charlstm sweep macbeth.txt --trials 50 --max-time 2m
    charlstm sweep macbeth.txt --space sweep.toml --pruner hyperband
    charlstm sweep macbeth.txt --show --plot sweep.svg
    """
    style = style_of_picture(plot, dark=dark, font_size=font_size, option="plot")
    overrides = Overrides(given_settings(context.params))
    from charlstm.experiments.search_space import read_space
    from charlstm.experiments.sweep import run_sweep, show_sweep
    from charlstm.experiments.sweep_plan import SweepRequest
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.text.sources import corpus_name
    from charlstm.training.run_request import NewRunRequest

    if plot is not None:
        check_folder_of(plot)
        check_may_replace(plot, overwrite=overwrite)
    if show and overwrite:
        raise SettingError("--show trains nothing, --overwrite starts over", hint="give one of the two")
    folder = output or RUNS / f"sweep-{corpus_name(texts)}"
    run = NewRunRequest(
        folder=RunFolder(folder),
        texts=texts,
        parts=validation_options.parts_request(validation, test, split),
        overrides=overrides,
        decoding=DecodingOptions(encoding, normalize or "nfc", keep_boilerplate, lowercase),
        normalize=normalize,
        min_count=min_count,
        start_from=None if start_from == NOTHING else start_from,
        inherits_precision=precision is None,
        may_have_teachers=False,
        overwrite=overwrite,
        command=command_line(),
        checkpoint_every=CHECKPOINT_EVERY,
        logs=tuple(log or ()),
    )
    request = SweepRequest(
        run=run,
        num_trials=trials,
        space=None if space is None else read_space(space, setting_names()),
        pruner=pruner,
        storage=storage,
        keep_models=keep_models,
    )
    if show:
        result = show_sweep(request)
    else:
        with sweep_display(num_trials=trials) as display:
            result = run_sweep(request, display)
    if plot is not None:
        from charlstm.cli.display.sweep_pictures import save_sweep_picture

        save_sweep_picture(plot, result, style)
    _print_result(request, result, as_json=as_json)
    if result.signal_number is not None:
        warn("stopped; nothing is lost, run the same command again to continue")
        raise typer.Exit(exit_code(result.signal_number))


def _print_result(request: "SweepRequest", result: "SweepResult", *, as_json: bool) -> None:
    """Print the best trials, the result on the test part and the command for the best one; say where its model is."""
    command = _best_command(request, result)
    if as_json:
        print(to_json(result.to_json() | {"command": command and shlex.join(command)}, indent=2))
    else:
        fields = [dimension.field for dimension in result.plan.dimensions]
        print("\n".join(trial_lines(result.trials, fields, width=output_width())))
        if result.importances:
            print(importance_line(result.importances))
        for line in test_lines(result.test):
            print(line)
        if command:
            print(command_lines(command, indent="", width=output_width()))
    if result.best and result.best.folder.model.exists():
        say(f"the best model: {result.best.folder.path}")


def _best_command(request: "SweepRequest", result: "SweepResult") -> list[str] | None:
    """Return the command that trains the best trial again; None if no trial is complete."""
    from charlstm.experiments.sweep_plan import default_settings
    from charlstm.storage.run_origin import RunOrigin

    plan, best = result.plan, result.best
    if best is None:
        return None
    fields: dict[str, Any] = default_settings() | {"epochs": None} | plan.settings | best.values
    if "num_shards" not in plan.settings:
        fields["num_shards"] = None  # chosen by the machine
    origin = RunOrigin(started="", start_from=plan.start_from, min_count=plan.min_count)
    command = train_command(request.run.texts, fields, request.run.decoding, origin, request.run.parts)
    return command if plan.start_from else [*command, "--from", "none"]
