"""The entry point of the command line: its commands, and the one handler that turns errors into messages."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from keyword import iskeyword
from typing import Annotated

import typer

from charlstm import __version__
from charlstm.cli.completion import quoting_for_bash
from charlstm.cli.display.messages import show_error
from charlstm.cli.help_text import Command, Group
from charlstm.cli.options import set_command_line, set_current_command, with_option_names
from charlstm.cli.standard_streams import StandardStreams, prepare_standard_streams
from charlstm.cli.usage_errors import explain_usage, place_in
from charlstm.errors import CharLSTMError
from charlstm.machine import prefer_avx512_openblas

MEMORY_FIELDS = ("batch_size", "units", "sequence_length", "num_samples", "beam", "length", "characters")

COMMANDS = {  # in the order of --help: each is the function or group of its name in commands/NAME.py
    **dict.fromkeys(("train", "resume", "compare", "repeat", "sweep"), "Train"),
    **dict.fromkeys(("generate", "write"), "Write"),
    **dict.fromkeys(("evaluate", "score", "info", "inspect", "plot", "samples", "gradients"), "Look"),
    **dict.fromkeys(("export", "import", "push", "pull", "serve"), "Share"),
    **dict.fromkeys(("runs", "corpus"), "Keep house"),
}


@cache
def make_app(only: str | None = None) -> typer.Typer:
    """Return the program with all its commands, or with only one: it takes long to import the others."""
    app = typer.Typer(
        name="charlstm",
        cls=Group,
        callback=charlstm,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    )
    for name in [only] if only else COMMANDS:
        function = f"{name}_" if iskeyword(name) else name
        command = getattr(import_module(f"charlstm.cli.commands.{name}"), function)
        if isinstance(command, typer.Typer):
            app.add_typer(command, rich_help_panel=COMMANDS[name])
        else:
            app.command(name, cls=Command, rich_help_panel=COMMANDS[name])(command)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"charlstm {__version__}")
        raise typer.Exit


def charlstm(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train a character-level LSTM on a text and generate more in its style.

    \b
    charlstm train macbeth.txt --max-time 2m
    charlstm generate --seed "Tomorrow, and tomorrow"
    """
    set_current_command(context)
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage, 130 after Ctrl-C.

    With CHARLSTM_DEBUG=1 in the environment, errors are raised with their traceback.
    """
    prefer_avx512_openblas()
    streams = prepare_standard_streams()
    set_current_command(None)
    words = sys.argv[1:] if arguments is None else arguments
    set_command_line(words)
    try:
        app = make_app(words[0] if words and words[0] in COMMANDS else None)
        with quoting_for_bash():
            code = app(args=words, prog_name="charlstm", standalone_mode=False) or 0
        sys.stdout.flush()
    except SystemExit as stop:  # raised by Typer when the reader of stdout has gone away
        code = int(stop.code or 0)
    except (CharLSTMError, typer.TyperException, OSError, MemoryError) as problem:
        if os.environ.get("CHARLSTM_DEBUG") == "1":
            raise
        code = _report(problem, streams)
    finally:
        streams.abandon_broken()
    return code


def _report(problem: Exception, streams: StandardStreams) -> int:
    """Show an error with a hint and return the exit code."""
    match problem:
        case CharLSTMError():
            show_error(place_in(str(problem)) + str(problem), problem.hint)
            return problem.exit_code
        case typer.TyperException():
            show_error(*explain_usage(problem))
            return problem.exit_code
        case MemoryError():
            show_error(": ".join(filter(None, ["there is not enough memory", str(problem)])), _memory_hint())
        case _ if error := streams.stdout_error:
            if not isinstance(error, BrokenPipeError):  # its reader wants no more
                show_error(f"standard output cannot be written: {error.strerror}", "write to a file or a terminal")
        case _:
            show_error(str(problem), "check the path, its permissions and the free space")
    return 1


def _memory_hint() -> str:
    """Say which options of the running command make it take less memory."""
    names = [f"`{field}`" for field in MEMORY_FIELDS if with_option_names(f"`{field}`") != f"`{field}`"]
    smaller = f"give a smaller {', '.join(names)}" if names else "take a smaller model or text"
    return f"end other programs, or {smaller}"
