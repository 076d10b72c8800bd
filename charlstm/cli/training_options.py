"""The options of `train`, `resume` and `compare` that set how a network is trained."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import duration, option
from charlstm.config import TrainingConfig
from charlstm.training.auto_config import DEFAULT_EMBEDDING_DIM, DEFAULT_NUM_LAYERS, DEFAULT_SEQUENCE_LENGTH
from charlstm.training.presets import PRESETS
from charlstm.training.schedule import CHECKPOINT_EVERY, NUM_EVALUATIONS

Output = Annotated[
    Path | None,
    option("--output", "-o", "--out", metavar="RUN", help="The run folder. Default: runs/ and the name of the text."),
]
Preset = Annotated[
    str | None,
    option("--preset", metavar="NAME", help=f"Use fixed settings instead of chosen ones: {', '.join(PRESETS)}."),
]
Cell = Annotated[
    str | None,
    option(
        "--cell",
        metavar="CELL",
        help="The recurrent cell: lstm (the default), rnn, peephole (:fi for some of the gates), coupled, gru, "
        "depth-gated, clockwork (:4 modules), grid (:2 dimensions), mogrifier (:5 rounds), mlstm, feedforward (:16 "
        "characters), echo-state.",
    ),
]
Layers = Annotated[
    int | None, option("--layers", metavar="N", help=f"Number of recurrent layers. Default: {DEFAULT_NUM_LAYERS}.")
]
Units = Annotated[int | None, option("--units", metavar="N", help="Units of each recurrent layer.")]
Embedding = Annotated[
    int | None,
    option("--embedding", metavar="N", help=f"Size of the character embeddings. Default: {DEFAULT_EMBEDDING_DIM}."),
]
Attention = Annotated[
    int | None,
    option("--attention", metavar="N", help="Let each step attend to the last N outputs. Default: 0, no attention."),
]
Dropout = Annotated[
    float | None,
    option("--dropout", metavar="RATE", help="Dropout rate of each recurrent layer's outputs."),
]
RecurrentDropout = Annotated[
    float | None, option("--recurrent-dropout", metavar="RATE", help="Dropout rate of the recurrent weights.")
]
SequenceLength = Annotated[
    int | None,
    option(
        "--sequence-length",
        metavar="N",
        help=f"Characters that gradients are propagated back through. Default: {DEFAULT_SEQUENCE_LENGTH}.",
    ),
]
BatchSize = Annotated[
    int | None, option("--batch-size", metavar="N", help="Number of streams through the text that train in parallel.")
]
Epochs = Annotated[float | None, option("--epochs", metavar="N", help="Passes over the training text.")]
MaxTime = Annotated[
    float | None, option("--max-time", parser=duration, metavar="TIME", help="Train at most this long: 90s, 5m, 1h30m.")
]
LearningRate = Annotated[float | None, option("--learning-rate", metavar="RATE", help="The peak learning rate.")]
ClipNorm = Annotated[
    float | None,
    option(
        "--clip-norm",
        metavar="NORM",
        help=f"Scale gradients down to this global norm; 0: do not. Default: {TrainingConfig.clip_norm:g}.",
    ),
]
ClipValue = Annotated[
    float | None,
    option(
        "--clip-value", metavar="X", help="Clip every element of the gradients to [-X, X]. Default: 0, do not clip."
    ),
]
WeightDecay = Annotated[
    float | None,
    option(
        "--weight-decay",
        metavar="RATE",
        help=f"Decoupled weight decay per step, times the learning rate. Default: {TrainingConfig.weight_decay:g}.",
    ),
]
Validation = Annotated[
    float | None,
    option(
        "--validation",
        metavar="FRACTION",
        help=f"Fraction of the text to validate on. Default: {TrainingConfig.validation}.",
    ),
]
ValidationSplit = Annotated[
    str | None,
    option(
        "--validation-split",
        metavar="PART",
        help="Which part of the text to validate on: end, or, drawn over the whole text by the random seed, lines or "
        "blocks of up to 4,000 characters. Default: lines for a list of short lines, such as names, else end.",
    ),
]
Patience = Annotated[
    int | None,
    option(
        "--patience",
        metavar="N",
        help=f"Stop after N evaluations without improvement. Default: {TrainingConfig.patience}.",
    ),
]
EvaluateEvery = Annotated[
    int | None,
    option(
        "--evaluate-every",
        metavar="STEPS",
        help=f"Evaluate after every STEPS steps. Default: about {NUM_EVALUATIONS} times per run.",
    ),
]
RandomSeed = Annotated[
    int | None,
    option(
        "--random-seed",
        metavar="N",
        help="The random seed of initial weights, dropout and drawn validation text. "
        f"Default: {TrainingConfig.random_seed}.",
    ),
]
Precision = Annotated[
    str | None,
    option(
        "--precision",
        metavar="TYPE",
        help="The type that matrices are multiplied in: float32, bfloat16, or auto, the faster one on this processor. "
        "Default: auto, or the type of the model of --from.",
    ),
]
Shards = Annotated[
    int | None,
    option(
        "--shards",
        metavar="N",
        help="Parts of a batch that are computed in parallel. Default: one for each core, of at least 8 streams. The "
        "last bits of the weights depend on it: give the same number to repeat a run on a machine with other cores.",
    ),
]
MinCount = Annotated[
    int,
    typer.Option(
        "--min-count",
        metavar="N",
        min=1,
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
        help=f"Time between checkpoints, and so the work that a crash can cost. Default: {CHECKPOINT_EVERY:g}s.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only errors and warnings.")]
