"""The options that set how a network is trained, which several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.completion import choices, complete_cells, complete_texts
from charlstm.cli.help_text import help_all
from charlstm.cli.options import (
    COMMON,
    NETWORK,
    OUTPUT,
    REGULARISATION,
    SHARE_OR_FILE,
    TEXT,
    VALIDATION,
    WORKERS,
    duration,
    option,
    share_or_file,
)
from charlstm.config import PRECISIONS, VALIDATION_SPLITS, TrainingConfig
from charlstm.text.parts import PartsRequest
from charlstm.text.splits import SPLIT_NAMES
from charlstm.training.auto_config import DEFAULT_EMBEDDING_DIM, DEFAULT_NUM_LAYERS, DEFAULT_SEQUENCE_LENGTH
from charlstm.training.cluster import WORKER_TIMEOUT
from charlstm.training.logs.registry import LOGS
from charlstm.training.presets import PRESETS
from charlstm.training.schedule import CHECKPOINT_EVERY, NUM_EVALUATIONS

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
Cell = Annotated[
    str | None,
    option(
        "--cell",
        autocompletion=complete_cells,
        metavar="CELL",
        panel=NETWORK,
        help="The recurrent cell: lstm (the default), rnn, peephole (:fi for some of the gates), coupled, gru, "
        "depth-gated, clockwork (:4 modules), grid (:2 dimensions), mogrifier (:5 rounds), mlstm, feedforward (:16 "
        "characters), echo-state.",
    ),
]
Layers = Annotated[
    int | None,
    option("--layers", metavar="N", panel=NETWORK, help=f"Recurrent layers. Default: {DEFAULT_NUM_LAYERS}."),
]
Units = Annotated[
    int | None, option("--units", metavar="N", panel=COMMON, help="Units of each recurrent layer. Default: chosen.")
]
Embedding = Annotated[
    int | None,
    option(
        "--embedding",
        metavar="N",
        panel=NETWORK,
        help=f"Size of the character embeddings. Default: {DEFAULT_EMBEDDING_DIM}.",
    ),
]
Attention = Annotated[
    int | None,
    option(
        "--attention",
        metavar="N",
        panel=NETWORK,
        help="Let each step attend to the last N outputs. Default: 0, no attention.",
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
Validation = Annotated[
    str | None,
    option(
        "--validation",
        parser=share_or_file,
        autocompletion=complete_texts,
        metavar=SHARE_OR_FILE,
        panel=VALIDATION,
        help=f"Validate on this share of the text, or on this file. Default: {TrainingConfig.validation}.",
    ),
]
Test = Annotated[
    str | None,
    option(
        "--test",
        autocompletion=complete_texts,
        metavar="FILE",
        panel=VALIDATION,
        help="A text that training never sees, for charlstm evaluate RUN --part test.",
    ),
]
Split = Annotated[
    str | None,
    option(
        "--split",
        autocompletion=choices(SPLIT_NAMES),
        metavar="SPLIT",
        panel=VALIDATION,
        help="Divide the text in this order: training/validation/test, such as 90/5/5 (or 90/10, without a test part), "
        f"or the usual split of a text: {', '.join(SPLIT_NAMES)}.",
    ),
]
ValidationSplit = Annotated[
    str | None,
    option(
        "--validation-split",
        autocompletion=choices(VALIDATION_SPLITS),
        metavar="PART",
        panel=VALIDATION,
        help="Which part of the text to validate on: end, or, drawn over the whole text by the random seed, lines or "
        "blocks of up to 4,000 characters. Default: lines for a list of short lines, such as names, else end.",
    ),
]
Patience = Annotated[
    int | None,
    option(
        "--patience",
        metavar="N",
        panel=VALIDATION,
        help=f"Stop after N evaluations without improvement. Default: {TrainingConfig.patience}.",
    ),
]
EvaluateEvery = Annotated[
    int | None,
    option(
        "--evaluate-every",
        metavar="STEPS",
        panel=VALIDATION,
        help=f"Evaluate after every STEPS steps. Default: about {NUM_EVALUATIONS} times per run.",
    ),
]
RandomSeed = Annotated[
    int | None,
    option(
        "--random-seed",
        metavar="N",
        panel=NETWORK,
        help="The random seed of initial weights, dropout and drawn validation text. "
        f"Default: {TrainingConfig.random_seed}.",
    ),
]
Precision = Annotated[
    str | None,
    option(
        "--precision",
        autocompletion=choices(("auto", *PRECISIONS)),
        metavar="TYPE",
        panel=NETWORK,
        help="The type that matrices are multiplied in: float32, bfloat16, or auto, the faster one on this processor. "
        "Default: auto, or the type of the model of --from.",
    ),
]
Shards = Annotated[
    int | None,
    option(
        "--shards",
        metavar="N",
        panel=NETWORK,
        help="Parts of a batch that are computed in parallel. Default: one for each core, of at least 8 streams. The "
        "last bits of the weights depend on it: give the same number to repeat a run on a machine with other cores.",
    ),
]
WorkerAddresses = Annotated[
    str | None,
    option(
        "--workers",
        metavar="HOST:PORT,...",
        panel=WORKERS,
        help="Train together with other machines, which run the same command: the addresses of all of them, the "
        "chief's first; or slurm[:PORT], the tasks of SLURM. Default: those of TF_CONFIG, if it is set, else alone.",
    ),
]
WorkerIndex = Annotated[
    int | None,
    option(
        "--worker-index",
        metavar="I",
        panel=WORKERS,
        help="Which of the --workers this one is: 0, the chief, shows the progress and writes the run.",
    ),
]
WorkerTimeout = Annotated[
    float,
    option(
        "--worker-timeout",
        parser=duration,
        metavar="TIME",
        panel=WORKERS,
        help=f"End training if a worker does not answer for this long. Default: {WORKER_TIMEOUT:g}s.",
    ),
]
MinCount = Annotated[
    int,
    typer.Option(
        "--min-count",
        metavar="N",
        min=1,
        rich_help_panel=TEXT,
        help="In training, characters that occur fewer than N times become one character, which is never generated. "
        "In any other text the model does not know them.",
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
Quiet = Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=OUTPUT, help="Show only errors and warnings.")]
HelpAll = Annotated[bool, help_all("network, training, text, workers")]


SETTING_PARAMETERS = {  # parameters of a command, and the fields that they set
    "cell": "cell",
    "layers": "num_layers",
    "units": "units",
    "embedding": "embedding_dim",
    "attention": "attention",
    "dropout": "dropout",
    "recurrent_dropout": "recurrent_dropout",
    "sequence_length": "sequence_length",
    "batch_size": "batch_size",
    "epochs": "epochs",
    "max_time": "max_time",
    "learning_rate": "learning_rate",
    "clip_norm": "clip_norm",
    "clip_value": "clip_value",
    "weight_decay": "weight_decay",
    "validation": "validation",
    "validation_split": "validation_split",
    "patience": "patience",
    "evaluate_every": "evaluate_every",
    "random_seed": "random_seed",
    "precision": "precision",
    "shards": "num_shards",
}


def given_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a command was given, by their fields; `parameters` are those of its context."""
    given = {field: parameters.get(name) for name, field in SETTING_PARAMETERS.items()}
    given["precision"] = None if given["precision"] == "auto" else given["precision"]
    given["validation"] = validation_share(given["validation"])
    return {field: value for field, value in given.items() if value is not None}


def validation_share(validation: str | float | None) -> float | None:
    """Return the share of the text that is for validation; None if none is given, or a file in its place."""
    return validation if isinstance(validation, float) else None


def parts_request(validation: str | float | None, test: str | None, split: str | None) -> PartsRequest:
    """Return how the text is divided; a share for validation is a setting, and no part of it."""
    return PartsRequest(validation if isinstance(validation, str) else None, test, split)


def setting_names() -> dict[str, str]:
    """Return the names of settings as options without their dashes, and their fields: `layers`, `learning-rate`."""
    return {name.replace("_", "-"): field for name, field in SETTING_PARAMETERS.items()}
