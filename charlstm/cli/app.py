"""The command line's entry: the commands, and the one place where errors become a line and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, cast

import typer

from charlstm import __version__
from charlstm.cli.commands.compare import compare
from charlstm.cli.commands.corpus import corpus
from charlstm.cli.commands.evaluate import evaluate
from charlstm.cli.commands.generate import generate
from charlstm.cli.commands.gradients import gradients
from charlstm.cli.commands.info import info
from charlstm.cli.commands.resume import resume
from charlstm.cli.commands.train import train
from charlstm.cli.commands.write import write
from charlstm.cli.display.messages import show_error
from charlstm.errors import CharLSTMError
from charlstm.machine import prefer_avx512_openblas

WRONG_USAGE = cast("type[typer.BadParameter]", typer.BadParameter.__base__)  # Typer names only this child of it

app = typer.Typer(
    name="charlstm",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
for command in (train, resume, generate, write, evaluate, info, compare, gradients):
    app.command()(command)
app.add_typer(corpus)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"charlstm {__version__}")
        raise typer.Exit


@app.callback()
def charlstm(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Learn the letters of a text with an LSTM, and write on in its style.

    \b
    charlstm train macbeth.txt --max-time 2m
    charlstm generate --seed "Tomorrow, and tomorrow"
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage, 130 when interrupted.

    With CHARLSTM_DEBUG=1 in the environment errors keep their traceback.
    """
    prefer_avx512_openblas()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    try:
        return app(args=arguments, prog_name="charlstm", standalone_mode=False) or 0
    except SystemExit as stop:  # a reader of stdout that has gone
        return int(stop.code or 0)
    except MemoryError as problem:
        if os.environ.get("CHARLSTM_DEBUG") == "1":
            raise
        return _report(CharLSTMError(f"there is not enough memory: {problem}", hint="try a smaller network or batch"))
    except (CharLSTMError, WRONG_USAGE, OSError) as problem:
        if os.environ.get("CHARLSTM_DEBUG") == "1":
            raise
        return _report(problem)


def _report(problem: Exception) -> int:
    if isinstance(problem, CharLSTMError):
        show_error(str(problem), problem.hint)
        return problem.exit_code
    if isinstance(problem, WRONG_USAGE):
        if message := problem.format_message():
            command = problem.ctx.command_path if problem.ctx else "charlstm"
            show_error(message, f"see {command} --help")
        return problem.exit_code
    show_error(str(problem), "check the path, its permissions and the free space")
    return 1
