"""The settings of a training as options of the command line."""

from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import duration, option
from charlstm.config import TrainingConfig
from charlstm.errors import SettingError
from charlstm.training.auto_config import EMBEDDING_DIM, NUM_LAYERS, PRESETS, SEQUENCE_LENGTH, preset_settings
from charlstm.training.schedule import CHECKPOINT_EVERY

Texts = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXT",
        help="Files, folders, globs, - for standard input; plain or .gz, .xz, .bz2, .zip; or the name of a text that "
        "ships with charlstm (macbeth.txt) or was fetched.",
    ),
]
Encoding = Annotated[
    str | None, option("--encoding", metavar="NAME", help="Of the text. Default: told from its bytes.")
]
Normalize = Annotated[
    str, typer.Option("--normalize", metavar="FORM", help="Unicode's normal form: nfc, nfkc or none.")
]
KeepBoilerplate = Annotated[
    bool, typer.Option("--keep-boilerplate", help="Keep Project Gutenberg's licence around an e-book.")
]
MinCount = Annotated[
    int, typer.Option("--min-count", metavar="N", min=1, help="Characters rarer than this become one, never generated.")
]
Out = Annotated[
    Path | None,
    option("--output", "-o", "--out", metavar="RUN", help="The run folder. Default: runs/ and the name of the text."),
]
Preset = Annotated[str | None, option("--preset", metavar="NAME", help=f"Fixed settings: {', '.join(PRESETS)}.")]
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
Attention = Annotated[
    int | None,
    option("--attention", metavar="N", help="Let every step look back over the last N outputs. Default: 0, none."),
]
ClipNorm = Annotated[
    float | None,
    option(
        "--clip-norm",
        metavar="NORM",
        help=f"Scale gradients down to this norm; 0: never. Default: {TrainingConfig.clip_norm:g}.",
    ),
]
ClipValue = Annotated[
    float | None, option("--clip-value", metavar="X", help="Cut every part of a gradient at X. Default: 0, never.")
]
WeightDecay = Annotated[
    float | None,
    option("--weight-decay", metavar="SHARE", help="Take this share off the weights, times the learning rate."),
]
Layers = Annotated[int | None, option("--layers", metavar="N", help=f"Recurrent layers. Default: {NUM_LAYERS}.")]
Units = Annotated[int | None, option("--units", metavar="N", help="Units of each recurrent layer.")]
Embedding = Annotated[
    int | None,
    option("--embedding", metavar="N", help=f"Numbers that stand for a character. Default: {EMBEDDING_DIM}."),
]
Dropout = Annotated[
    float | None, option("--dropout", metavar="SHARE", help="Share of each layer's outputs left out in training.")
]
RecurrentDropout = Annotated[
    float | None,
    option("--recurrent-dropout", metavar="SHARE", help="Share of the recurrent weights left out in training."),
]
SequenceLength = Annotated[
    int | None,
    option(
        "--sequence-length", metavar="N", help=f"Characters that the gradient reaches back. Default: {SEQUENCE_LENGTH}."
    ),
]
BatchSize = Annotated[int | None, option("--batch-size", metavar="N", help="Streams through the text, side by side.")]
Epochs = Annotated[float | None, option("--epochs", metavar="N", help="Passes over the text.")]
MaxTime = Annotated[
    float | None, option("--max-time", parser=duration, metavar="TIME", help="Train at most so long: 90s, 5m, 1h30m.")
]
LearningRate = Annotated[float | None, option("--learning-rate", metavar="RATE", help="The highest learning rate.")]
Validation = Annotated[
    float | None,
    option(
        "--validation",
        metavar="SHARE",
        help=f"Share at the end of the text kept for validation. Default: {TrainingConfig.validation}.",
    ),
]
Patience = Annotated[
    int | None,
    option(
        "--patience",
        metavar="N",
        help=f"Stop after so many evaluations without improvement. Default: {TrainingConfig.patience}.",
    ),
]
EvaluateEvery = Annotated[
    int | None,
    option("--evaluate-every", metavar="STEPS", help="Evaluate after so many steps. Default: about 24 times in a run."),
]
RandomSeed = Annotated[
    int | None, option("--random-seed", metavar="N", help="Fixes initial weights and dropout. Default: 0.")
]
Precision = Annotated[
    str | None,
    option(
        "--precision", metavar="TYPE", help="Of the matmuls: float32, bfloat16, or auto (what is faster here; default)."
    ),
]
CheckpointEvery = Annotated[
    float,
    typer.Option(
        "--checkpoint-every",
        parser=duration,
        metavar="TIME",
        help=f"Work that a sudden end may cost at most. Default: {CHECKPOINT_EVERY:g}s.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors and warnings.")]

PLAN = {"epochs", "max_time", "evaluate_every"}  # may be another when a run is resumed


def settings_given(preset: str | None, **options: Any) -> dict[str, Any]:
    """What was given, by the names of ModelConfig and TrainingConfig; what stands on the command line wins."""
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("precision") == "auto":
        del given["precision"]
    return preset_settings(preset) | given


def refuse_contradictions(given: dict[str, Any], settings: dict[str, Any], run: str) -> None:
    """Raises SettingError if a setting was given that is not what `settings` of an earlier training say."""
    for name, value in given.items():
        if name not in PLAN and value != settings.get(name, value):
            option = f"`{name}`"
            raise SettingError(
                f"{option} is {value}, but {run} was trained with {settings[name]}",
                hint=f"leave {option} out, or train anew in another folder with --out",
            )
