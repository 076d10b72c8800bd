"""The options for the parts of a text, and for when a network is scored on the validation part."""

from typing import Annotated

from charlstm.cli.completion import choices, complete_texts
from charlstm.cli.options import SHARE_OR_FILE, VALIDATION, option, share_or_file
from charlstm.config import VALIDATION_SPLITS, TrainingConfig
from charlstm.text.parts import PartsRequest
from charlstm.text.splits import SPLIT_NAMES
from charlstm.training.schedule import NUM_EVALUATIONS

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
        help="Which part of the text to validate on: end, or, drawn over the whole text at random, lines or "
        "blocks of up to 4,000 characters. Default: lines for a list of short lines, such as names, else end.",
    ),
]
SplitSeed = Annotated[
    int | None,
    option(
        "--split-seed",
        metavar="N",
        panel=VALIDATION,
        help="The random seed that draws these lines or blocks: runs with the same one can be compared and used as one "
        "model. Default: --random-seed.",
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
        help=f"Evaluate after every STEPS steps. Default: about {NUM_EVALUATIONS} times per run, more with teachers.",
    ),
]


def validation_share(validation: str | float | None) -> float | None:
    """Return the share of the text that is for validation; None if none is given, or a file in its place."""
    return validation if isinstance(validation, float) else None


def parts_request(validation: str | float | None, test: str | None, split: str | None) -> PartsRequest:
    """Return how the text is divided; a share for validation is a setting, and no part of it."""
    return PartsRequest(validation if isinstance(validation, str) else None, test, split)
