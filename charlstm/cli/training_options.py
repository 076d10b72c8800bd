"""The options that set how a network is trained, which several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.completion import choices
from charlstm.cli.help_text import help_all
from charlstm.cli.options import COMMON, NETWORK, OUTPUT, REGULARISATION, VALIDATION, duration, option
from charlstm.config import TrainingConfig
from charlstm.training.auto_config import DEFAULT_SEQUENCE_LENGTH
from charlstm.training.logs.registry import LOGS
from charlstm.training.presets import PRESETS
from charlstm.training.schedule import CHECKPOINT_EVERY

PRESET_SIZES = ", ".join(f"{name} {settings['num_layers']}x{settings['units']}" for name, settings in PRESETS.items())

Output = Annotated[
    Path | None,
    option("--output", "-o", "--out", metavar="RUN", panel=COMMON, help="The run folder. Default: runs/NAME-OF-TEXT."),
]
Preset = Annotated[
    str | None,
    option(
        "--preset",
        autocompletion=choices(tuple(PRESETS)),
        metavar="NAME",
        panel=COMMON,
        help=f"Fixed settings, layers x units: {PRESET_SIZES}.",
    ),
]
Dropout = Annotated[
    float | None,
    option("--dropout", metavar="RATE", panel=REGULARISATION, help="Dropout of each layer's outputs. Default: chosen."),
]
RecurrentDropout = Annotated[
    float | None,
    option(
        "--recurrent-dropout",
        metavar="RATE",
        panel=REGULARISATION,
        help="Dropout of the recurrent weights. Default: chosen.",
    ),
]
SequenceLength = Annotated[
    int | None,
    option(
        "--sequence-length",
        metavar="N",
        panel=REGULARISATION,
        help=f"Characters that gradients are propagated back through. Default: {DEFAULT_SEQUENCE_LENGTH}.",
    ),
]
BatchSize = Annotated[
    int | None,
    option(
        "--batch-size",
        metavar="N",
        panel=REGULARISATION,
        help="Streams through the text that train in parallel. Default: chosen.",
    ),
]
Epochs = Annotated[float | None, option("--epochs", metavar="N", panel=COMMON, help="Passes over the training text.")]
MaxTime = Annotated[
    float | None,
    option(
        "--max-time", parser=duration, metavar="TIME", panel=COMMON, help="Train at most this long: 90s, 5m, 1h30m."
    ),
]
LearningRate = Annotated[
    float | None,
    option("--learning-rate", metavar="RATE", panel=REGULARISATION, help="The peak learning rate. Default: chosen."),
]
ClipNorm = Annotated[
    float | None,
    option(
        "--clip-norm",
        metavar="NORM",
        panel=REGULARISATION,
        help=f"Scale gradients down to this global norm; 0: do not. Default: {TrainingConfig.clip_norm:g}.",
    ),
]
ClipValue = Annotated[
    float | None,
    option(
        "--clip-value",
        metavar="X",
        panel=REGULARISATION,
        help="Clip each element of the gradients to [-X, X]. Default: 0, do not.",
    ),
]
WeightDecay = Annotated[
    float | None,
    option(
        "--weight-decay",
        metavar="RATE",
        panel=REGULARISATION,
        help=f"Decoupled weight decay per step, times the learning rate. Default: {TrainingConfig.weight_decay:g}.",
    ),
]
Teachers = Annotated[
    int | None,
    option(
        "--teachers",
        metavar="N",
        panel=REGULARISATION,
        help="Train N networks, 2 or more, in three quarters of the time or the epochs, and then one that learns what "
        "they generate and predict. 0: one network. Default: as many as pay in the time; 0 with --epochs.",
    ),
]
Calibration = Annotated[
    bool | None,
    option(
        "--calibration/--no-calibration",
        panel=REGULARISATION,
        help="Scale the output layer to the validation text, so that the network is not overconfident.",
    ),
]
CheckpointEvery = Annotated[
    float,
    option(
        "--checkpoint-every",
        parser=duration,
        metavar="TIME",
        panel=VALIDATION,
        help=f"Time between checkpoints, and so the work that a crash can cost. Default: {CHECKPOINT_EVERY:g}s.",
    ),
]
Log = Annotated[
    list[str] | None,
    option(
        "--log",
        autocompletion=choices(tuple(LOGS)),
        metavar="NAME",
        panel=OUTPUT,
        help="Also log each evaluation for another program: csv, tensorboard, or, once their extras are installed, "
        "wandb, trackio, mlflow. May be given more than once. No log uses the network by default.",
    ),
]
Members = Annotated[
    int | None,
    option(
        "--members",
        metavar="N",
        panel=NETWORK,
        help="Train N networks with other random seeds as one model, whose predictions are averaged. The time is for "
        "all of them, epochs are for each.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Show only errors and warnings.")]
HelpAll = Annotated[bool, help_all("network, training, text, workers")]
