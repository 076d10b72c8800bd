"""Files of users that a command would replace."""

import sys
from pathlib import Path

import typer

from charlstm.cli.display.messages import ask, say
from charlstm.cli.options import OUTPUT
from charlstm.errors import RunError

OVERWRITE = typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace files that are already there.")


def check_may_replace(
    file: Path, *, overwrite: bool, hint: str = "replace it with `overwrite`, or choose another name"
) -> None:
    """Ask on a terminal whether a file may be replaced; exit if the answer is no.

    Elsewhere nobody can answer: raises RunError. Pipes and devices hold nothing that could be lost.
    """
    if overwrite or not file.is_file():
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RunError(f"{file} already exists", hint=hint)
    if not ask(f"replace {file}?"):
        say("nothing is written")
        raise typer.Exit(1)
