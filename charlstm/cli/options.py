"""Arguments and options that several commands share, and the names of options in messages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from charlstm.cli.completion import MIXES, choices, complete_models
from charlstm.durations import parse_duration
from charlstm.errors import SettingError

FIELD_OPTIONS = {  # where field and option differ
    "num_layers": "--layers",
    "embedding_dim": "--embedding",
    "num_shards": "--shards",
    "files": "--text",
    "start_from": "--from",
}

# The panels of options in --help, in their order
COMMON = "Common"
SEARCH = "Search"
NETWORK = "Network"
REGULARISATION = "Optimization and regularisation"
TEXT = "Text"
VALIDATION = "Validation and checkpoints"
WORKERS = "Several machines"
PROMPT = "Prompt"
SAMPLING = "Sampling"
STOPPING = "Where it stops"
OUTPUT = "Output"
PANELS = (COMMON, SEARCH, NETWORK, REGULARISATION, TEXT, VALIDATION, WORKERS, PROMPT, SAMPLING, STOPPING, OUTPUT)

SHARE_OR_FILE = "SHARE|FILE"  # as the help calls an option that takes either

_FIELD = re.compile(r"(?<!['\"])`(\w+)`(?!['\"])")  # not in quotation marks, which a user's own text stands in


@dataclass
class CurrentCommand:
    """The command that is running."""

    path: str = "charlstm"
    arguments: tuple[str, ...] = ()
    options: set[str] = field(default_factory=set)
    context: Any = None  # once all its options have been read


_current = CurrentCommand()


def set_current_command(context: typer.Context | None) -> None:
    """Tell messages which command is running: the subcommand that a group is about to call, or none."""
    _current.path, _current.options, _current.context = "charlstm", set(), None
    if context is not None and context.invoked_subcommand is not None:
        command = getattr(context.command, "commands", {})[context.invoked_subcommand]
        _current.path = f"{context.command_path} {context.invoked_subcommand}"
        _current.options = {option for parameter in command.params for option in parameter.opts}


def set_invoked(context: Any) -> None:
    """Remember where the values of the running command come from."""
    _current.context = context


def parameters_in(message: str) -> list[tuple[Any, Any]]:
    """Return the parameters of the running command that a message names as fields, each with the context."""
    context = _current.context
    options = [with_option_names(f"`{name}`") for name in _FIELD.findall(message)]
    found = [one for option in options for one in (context.command.params if context else []) if option in one.opts]
    return [(context, parameter) for parameter in found]


def set_command_line(arguments: Sequence[str]) -> None:
    """Remember the arguments of the program, for the runs that it starts."""
    _current.arguments = tuple(arguments)


def command_line() -> tuple[str, ...]:
    """Return the whole command as it was typed: charlstm, train, macbeth.txt, ..."""
    return ("charlstm", *_current.arguments)


def current_command_path() -> str:
    """Return the running command as it is typed: `charlstm corpus stats`."""
    return _current.path


def with_option_names(message: str) -> str:
    """Replace fields in backticks, as the library names them, by options of the running command.

    `batch_size` becomes --batch-size. A field that the command has no option for stays as it is.
    """

    def option_of(match: re.Match[str]) -> str:
        names = (FIELD_OPTIONS.get(match[1], ""), "--" + match[1].replace("_", "-"))
        return next((name for name in names if name in _current.options), match[0])

    return _FIELD.sub(option_of, message)


def is_given(context: typer.Context, name: str) -> bool:
    """Return whether a parameter was given on the command line, in the environment or in a file of settings."""
    source = context.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT", "DEFAULT_MAP")


def option(*names: str, panel: str | None = None, **settings: Any) -> Any:
    """Return an option in a panel of the help; its default is not shown, but computed or explained in the help."""
    return typer.Option(*names, show_default=False, rich_help_panel=panel, **settings)


def duration(text: str | float) -> float:
    """Return the seconds of a duration on the command line: `90s`, `5m`, `1h30m` or a plain number of seconds."""
    try:
        return parse_duration(text)
    except SettingError as problem:  # Typer adds the name of the option
        raise typer.BadParameter(f"{problem}; {problem.hint}") from problem


def share_or_file(value: str | float) -> str | float:
    """Return a number as a share of a text, and anything else, such as `./0.1`, as the name of a file."""
    try:
        return float(value)
    except ValueError:
        return value


Run = Annotated[
    str | None,
    typer.Argument(
        autocompletion=complete_models,
        metavar="RUN",
        help="A run folder or name, a model file, or english. Default: the newest run.",
        show_default=False,
    ),
]
Models = Annotated[
    list[str] | None,
    option(
        "--model",
        autocompletion=complete_models,
        metavar="RUN[:WEIGHT]",
        panel=SAMPLING,
        help="Use several models, one per --model, instead of RUN: their predictions are averaged with these weights.",
    ),
]
Mix = Annotated[
    str | None,
    option(
        "--mix",
        autocompletion=choices(MIXES),
        metavar="UNIT",
        panel=SAMPLING,
        help="How several models are mixed: characters (the default) averages their predictions; with words or lines "
        "one of them, drawn by the weights, writes each word or line, and all read it.",
    ),
]
Json = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print the result as one JSON object.")]
RandomSeed = Annotated[
    int | None,
    option(
        "--random-seed",
        metavar="N",
        panel=COMMON,
        help="The same one gives the same text. Default: a new one.",
    ),
]
Unknown = Annotated[
    str,
    typer.Option(
        "--unknown",
        autocompletion=choices(("error", "skip", "nearest")),
        metavar="POLICY",
        rich_help_panel=PROMPT,
        help="How to treat characters that the model does not know: error, skip, or nearest (take another case, the "
        "letter without its accent, a plain quotation mark or dash; skip the others).",
    ),
]
TopK = Annotated[
    int | None, option("--top-k", metavar="K", panel=SAMPLING, help="Sample from the K most probable characters only.")
]
TopP = Annotated[
    float | None,
    option("--top-p", metavar="P", panel=SAMPLING, help="Probability mass kept by nucleus (top-p) sampling."),
]
