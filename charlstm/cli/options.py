"""Arguments and options that several commands share, and how their values are read."""

import re
from dataclasses import fields
from typing import Annotated, Any

import typer

from charlstm.config import ModelConfig, SamplingConfig, TrainingConfig
from charlstm.generation.stopping import StopRules

FIELD_OPTIONS = {"num_layers": "--layers", "embedding_dim": "--embedding"}  # where the names differ
OPTION_FIELDS = {  # that are not fields of a config
    *("attention", "beam", "changed_text", "encoding", "keep_boilerplate", "max_time", "min_count", "normalize"),
    *("forget_bias", "output", "overwrite", "recurrent_scale", "resume", "stop", "text", "unknown"),
}


def option_name(field: str) -> str:
    """Return the option that sets a field: `--batch-size` for `batch_size`."""
    return FIELD_OPTIONS.get(field, "--" + field.replace("_", "-"))


def with_option_names(message: str) -> str:
    """Replace fields in backticks, as the library names them, by their options."""
    configs = (ModelConfig, TrainingConfig, SamplingConfig, StopRules)
    known = OPTION_FIELDS.union(*({field.name for field in fields(config)} for config in configs))
    return re.sub(r"`(\w+)`", lambda match: option_name(match[1]) if match[1] in known else match[0], message)


def is_given(context: typer.Context, name: str) -> bool:
    """Whether a parameter stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def option(*names: str, **settings: Any) -> Any:
    """An option whose default is chosen, or told in its help."""
    return typer.Option(*names, show_default=False, **settings)


Run = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help="A run folder or a model file. Default: the newest run under runs/.", show_default=False
    ),
]
Models = Annotated[
    list[str] | None,
    option(
        "--model",
        metavar="RUN[:WEIGHT]",
        help="Instead of RUN, and more than once: the models' distributions are mixed in this proportion.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
RandomSeed = Annotated[
    int | None,
    typer.Option(
        "--random-seed",
        metavar="N",
        help="The same number gives the same text. Default: another one each time.",
        show_default=False,
    ),
]

Unknown = Annotated[
    str,
    typer.Option(
        "--unknown",
        metavar="POLICY",
        help="Characters that the model does not know: error, skip (leave them out), or nearest (another case, without "
        "the accent, the plain quotation mark or dash; else leave them out).",
    ),
]

TopK = Annotated[int | None, option("--top-k", metavar="K", help="Draw among the K most probable characters.")]
TopP = Annotated[
    float | None,
    option("--top-p", metavar="SHARE", help="Draw among the most probable characters that make up this share."),
]

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def duration(text: str | float) -> float:
    """Seconds of `90s`, `5m`, `1h30m` or a plain number of seconds."""
    match = _DURATION.fullmatch(str(text).strip().lower())
    if not match or not any(match.groups()):
        raise typer.BadParameter(f"{text!r} is not a time; write it as 90s, 5m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def run_and_text(arguments: list[str]) -> tuple[str | None, str]:
    """The two values of `[RUN] TEXT`."""
    if len(arguments) > 2:
        raise typer.BadParameter(f"expected [RUN] TEXT, got {len(arguments)} values")
    return (arguments[0] if len(arguments) == 2 else None), arguments[-1]
