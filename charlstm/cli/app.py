"""The entry point of the command line: its commands, and the one handler that turns errors into messages."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from charlstm import __version__
from charlstm.cli.commands.compare import compare
from charlstm.cli.commands.corpus import corpus
from charlstm.cli.commands.evaluate import evaluate
from charlstm.cli.commands.generate import generate
from charlstm.cli.commands.gradients import gradients
from charlstm.cli.commands.info import info
from charlstm.cli.commands.plot import plot
from charlstm.cli.commands.resume import resume
from charlstm.cli.commands.runs import runs
from charlstm.cli.commands.samples import samples
from charlstm.cli.commands.train import train
from charlstm.cli.commands.write import write
from charlstm.cli.display.messages import show_error
from charlstm.cli.help_text import Command, Group
from charlstm.cli.options import set_command_line, set_current_command, with_option_names
from charlstm.cli.standard_streams import StandardStreams, prepare_standard_streams
from charlstm.cli.usage_errors import explain_usage, place_in
from charlstm.errors import CharLSTMError
from charlstm.machine import prefer_avx512_openblas

MEMORY_FIELDS = ("batch_size", "units", "sequence_length", "num_samples", "beam", "length")

app = typer.Typer(
    name="charlstm",
    cls=Group,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Train": (train, resume, compare),
    "Write": (generate, write),
    "Look": (evaluate, info, plot, samples, gradients),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(cls=Command, rich_help_panel=panel)(command)
app.add_typer(runs, rich_help_panel="Keep house")
app.add_typer(corpus, rich_help_panel="Keep house")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"charlstm {__version__}")
        raise typer.Exit


@app.callback()
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
    set_command_line(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=arguments, prog_name="charlstm", standalone_mode=False) or 0
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
