"""Options of `generate` that contradict each other, or that would have no effect."""

import typer

from charlstm.cli.display.results import FORMATS
from charlstm.cli.options import is_given
from charlstm.errors import SettingError

SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty", "repetition_window")
FILES = ("seed_file", "batch", "adapt")  # that are read
NEEDED = [  # the first has no effect without the second
    ("include_stop", "stop"),
    ("repetition_window", "repetition_penalty"),
]
CONTRADICTIONS = [
    ("seed", "seed_file"),
    ("output", "output_dir"),
    *(("batch", other) for other in ("seed", "seed_file", "num_samples", "beam")),
    *(("beam", other) for other in (*SAMPLING, "new", "unique", "clamp")),
]


def refuse_contradictions(context: typer.Context) -> None:
    """Raise SettingError for options that contradict each other, or that would have no effect."""
    options = context.params
    if options["output_format"] not in FORMATS:
        raise SettingError(f"`format` is {options['output_format']!r}, but it must be one of {', '.join(FORMATS)}")
    if options["scores"] and options["output_format"] == "text":
        raise SettingError("`scores` needs `format` json or jsonl", hint="add one of them")
    if options["encoding"] and not any(options[name] for name in FILES):
        raise SettingError(
            "`encoding` is that of a file, but none is given", hint="give `seed_file`, `batch` or `adapt`"
        )
    if sum(options[name] == "-" for name in FILES) > 1:
        raise SettingError("two options read standard input", hint="give a file to one of them")
    if is_given(context, "run") and is_given(context, "model"):
        raise SettingError("RUN and `model` are both given", hint="give one of the two")
    for one, other in CONTRADICTIONS:
        if is_given(context, one) and is_given(context, other):
            raise SettingError(f"`{one}` and `{other}` are both given", hint="give one of the two")
    for one, other in NEEDED:
        if is_given(context, one) and not (is_given(context, other) or options["batch"]):
            raise SettingError(f"`{one}` has no effect without `{other}`", hint=f"give `{other}`, or leave `{one}` out")
    if options["beam"] and options["num_samples"] > options["beam"]:
        raise SettingError(
            f"`num_samples` is {options['num_samples']}, but `beam` {options['beam']} finds at most that many texts",
            hint="give a wider `beam`",
        )
