"""`charlstm repeat`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli import network_options, text_options, training_options, validation_options
from charlstm.cli.completion import AUTO, NOTHING, complete_starting_points
from charlstm.cli.config_file import Config
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.repeat_table import repeat_display, repeat_lines
from charlstm.cli.display.test_part import test_lines
from charlstm.cli.given_settings import given_settings
from charlstm.cli.options import COMMON, NETWORK, Json, command_line, option
from charlstm.errors import TrainingError
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.interruption import exit_code
from charlstm.training.overrides import Overrides
from charlstm.training.presets import TUTORIAL
from charlstm.training.schedule import CHECKPOINT_EVERY


def repeat(
    context: typer.Context,
    count: Annotated[
        int, typer.Argument(metavar="N", min=1, max=1000, help="How many runs to train.", show_default=False)
    ],
    texts: text_options.Texts,
    max_time: training_options.MaxTime = None,
    epochs: training_options.Epochs = None,
    preset: training_options.Preset = None,
    units: network_options.Units = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            "--out",
            metavar="RUNS",
            panel=COMMON,
            help="The folder of the runs. Default: runs/repeat-TEXT.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", rich_help_panel=COMMON, help="Start over, and remove the runs in the folder."),
    ] = False,
    start_from: Annotated[
        str | None,
        option(
            "--from",
            autocompletion=complete_starting_points,
            metavar="RUN",
            panel=COMMON,
            help="Start from a run, a file, english or none. Default: auto.",
        ),
    ] = None,
    as_json: Json = False,
    _config: Config = None,
    cell: network_options.Cell = None,
    layers: network_options.Layers = None,
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
    teachers: training_options.Teachers = None,
    calibration: training_options.Calibration = None,
    validation: validation_options.Validation = None,
    test: validation_options.Test = None,
    split: validation_options.Split = None,
    validation_split: validation_options.ValidationSplit = None,
    patience: validation_options.Patience = None,
    evaluate_every: validation_options.EvaluateEvery = None,
    random_seed: Annotated[
        int | None,
        option("--random-seed", metavar="N", panel=NETWORK, help="The random seed of the first run. Default: 0."),
    ] = None,
    precision: network_options.Precision = None,
    shards: network_options.Shards = None,
    lowercase: text_options.Lowercase = False,
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeNew = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    min_count: text_options.MinCount = 1,
    checkpoint_every: training_options.CheckpointEvery = CHECKPOINT_EVERY,
    log: training_options.Log = None,
    _help_all: training_options.HelpAll = False,
) -> None:
    """Train the same settings N times, with other random seeds.

    The first run chooses settings as charlstm train does, and the others have the same and the random seeds that
    follow. Printed are, in validation bits per character, the mean; the standard deviation s, with n - 1 in the
    denominator; and the 95% interval of the mean, +- t s / sqrt(n) with Student's t of n - 1 degrees of freedom. Where
    the validation text is drawn (lines, blocks), each random seed draws another part, which is in the deviation too.

    With a test part, the run with the lowest validation loss is scored on it once, at the end.

    Each run is a folder. To continue an interrupted command, or to add runs, give it again: complete runs are kept.

    \b
    charlstm repeat 5 macbeth.txt --max-time 2m
    charlstm repeat 5 lyrics.txt --from none --units 256 --epochs 20 --json
    """
    overrides = Overrides(given_settings(context.params), preset)
    decoding = DecodingOptions(encoding, normalize or "nfc", keep_boilerplate, lowercase or preset == TUTORIAL)
    from charlstm.experiments.repeats import RepeatRequest, run_repeats
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.text.sources import corpus_name
    from charlstm.training.run_request import NewRunRequest

    folder = output or RUNS / f"repeat-{corpus_name(texts)}"
    run = NewRunRequest(
        folder=RunFolder(folder),
        texts=texts,
        parts=validation_options.parts_request(validation, test, split),
        overrides=overrides,
        decoding=decoding,
        normalize=normalize,
        min_count=min_count,
        start_from=None if start_from in (AUTO, NOTHING) else start_from,
        may_start_from_shipped=start_from in (None, AUTO),
        inherits_precision=precision is None,
        overwrite=overwrite,
        command=command_line(),
        checkpoint_every=checkpoint_every,
        logs=tuple(log or ()),
    )
    with repeat_display(num_runs=count) as display:
        result = run_repeats(RepeatRequest(run=run, num_runs=count), display)
    if result.signal_number is not None:
        warn("stopped; nothing is lost, run the same command again to continue")
        raise typer.Exit(exit_code(result.signal_number))
    if not result.runs:
        raise TrainingError("none of the runs could be trained", hint="train with a lower `learning_rate`")
    lines = repeat_lines(result.runs) + test_lines(result.test)
    print(to_json(result.to_json(), indent=2) if as_json else "\n".join(lines))
    say(f"in {folder}: repeats.json, and a folder for each run")
