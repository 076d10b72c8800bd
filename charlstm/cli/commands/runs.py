"""`charlstm runs`: list runs, remove and rename them, and find the best."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.completion import choices, complete_runs
from charlstm.cli.display.messages import ask, loss, say, warn
from charlstm.cli.display.run_table import run_to_json, table_lines
from charlstm.cli.help_text import Command, Group
from charlstm.cli.options import Json, option, set_current_command
from charlstm.errors import RunError, SettingError
from charlstm.storage.run_folder import RUNS
from charlstm.storage.run_housekeeping import find_run_below, remove_run, rename_run
from charlstm.storage.run_summary import RunSummary, find_runs, summarize_run
from charlstm.text.sources import corpus_name

runs = typer.Typer(name="runs", cls=Group, invoke_without_command=True, rich_markup_mode=None)

Folder = Annotated[
    Path | None, option("--folder", metavar="FOLDER", help="The folder that holds the runs. Default: runs.")
]

SORT_KEYS: dict[str, Callable[[RunSummary], Any]] = {  # missing values come last
    "name": lambda run: run.name,
    "state": lambda run: (run.state, run.name),
    "bits": lambda run: math.inf if run.validation_nats is None else run.validation_nats,
    "text": lambda run: (run.text is None, run.text, run.name),
    "network": lambda run: (run.cell is None, run.cell, run.num_layers or 0, run.units or 0),
    "time": lambda run: -(run.seconds or 0),
    "date": lambda run: -(run.started.timestamp() if run.started else 0),
    "size": lambda run: -run.num_bytes,
}


@runs.callback()
def list_runs(
    context: typer.Context,
    folder: Folder = None,
    sort: Annotated[
        str | None,
        option(
            "--sort",
            autocompletion=choices(tuple(SORT_KEYS)),
            metavar="COLUMN",
            help=f"Sort by {', '.join(SORT_KEYS)}: the lowest loss, the newest, the longest and the largest first. "
            "Default: date.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List, remove and rename runs.

    The list has the text, network, loss, time, date, size and state of each run, and what it started from. A run is
    training, interrupted (charlstm resume continues it), complete, or damaged. The loss is the lowest on the
    validation text, in bits per character. On a narrow terminal some columns are left out; --json has everything.

    \b
    charlstm runs --sort bits
    charlstm runs rm old-run
    charlstm generate "$(charlstm runs best)"
    """
    set_current_command(context)
    context.obj = folder
    if context.invoked_subcommand is not None:
        if sort is not None or as_json:
            raise SettingError("--sort and --json belong to the list of runs", hint="leave them out")
        return
    key = SORT_KEYS.get(sort or "date")
    if key is None:
        raise SettingError(f"--sort is {sort!r}, which is not a column", hint=f"columns are: {', '.join(SORT_KEYS)}")
    summaries = sorted(_summaries(_folder(context, folder)), key=key)
    if as_json:
        print(json.dumps([run_to_json(run) for run in summaries], indent=2))
    elif summaries:
        print("\n".join(table_lines(summaries)))
        for run in summaries:
            if run.problem:
                warn(f"{run.name} is damaged: {run.problem}")
    else:
        say(f"there are no runs in {_folder(context, folder)}; start one: charlstm train TEXT")


@runs.command("rm", cls=Command)
def remove(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(autocompletion=complete_runs, metavar="NAME", help="Runs, as charlstm runs lists them."),
    ],
    folder: Folder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove runs.

    Only the files of a run are removed: other files in its folder are kept. A run that is training, a folder that is
    not a run, and anything that a link leads to are refused; then nothing is removed.

    \b
    charlstm runs rm first-try second-try
    """
    found = [find_run_below(_folder(context, folder), name) for name in dict.fromkeys(names)]
    summaries = [summarize_run(run, name=str(run.path)) for run in found]
    if not yes:
        if not sys.stdin.isatty():
            raise SettingError("removing runs has to be confirmed", hint="add --yes")
        for line in table_lines(summaries):
            say(line)
        if not ask(f"remove {'this run' if len(found) == 1 else f'these {len(found)} runs'}?"):
            say("nothing is removed")
            return
    for run in found:
        others = remove_run(run)
        say(f"removed {run.path}" + (f", but not other files in it: {', '.join(others)}" if others else ""))


@runs.command("mv", cls=Command)
def rename(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(autocompletion=complete_runs, metavar="OLD", help="A run, as charlstm runs lists it.")
    ],
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, which must be free.")],
    folder: Folder = None,
) -> None:
    """Rename a run.

    It can be resumed and used under its new name. A run that is training is refused.

    \b
    charlstm runs mv macbeth macbeth-small
    """
    parent = _folder(context, folder)
    run = rename_run(parent, find_run_below(parent, name), new_name)
    print(run.path)


@runs.command(cls=Command)
def best(
    context: typer.Context,
    folder: Folder = None,
    text: Annotated[
        str | None, option("--text", metavar="NAME", help="Only runs on this text, by its name in the list of runs.")
    ] = None,
) -> None:
    """Print the path of the run with the lowest validation loss.

    Losses can be compared only between runs on the same text that keep the same part of it for validation; with
    several texts, choose one with --text.

    \b
    charlstm generate "$(charlstm runs best --text macbeth)"
    """
    parent = _folder(context, folder)
    trained = [run for run in _summaries(parent) if run.validation_nats is not None]
    texts = sorted({run.text for run in trained if run.text})
    if text is not None:
        trained = [run for run in trained if run.text in (text, corpus_name([text]))]
    if not trained:
        on_text = "" if text is None else f" on a text {text!r}"
        raise RunError(
            f"there is no trained run{on_text} in {parent}",
            hint=f"there are runs on: {', '.join(texts)}" if texts else "train one: charlstm train TEXT",
        )
    winner = min(trained, key=lambda run: run.validation_nats or 0.0)
    print(winner.path)
    say(f"{winner.name}: {loss(winner.validation_nats or 0.0)} per character on {winner.text or 'an unknown text'}")
    _warn_if_not_comparable(trained)


def _warn_if_not_comparable(trained: Sequence[RunSummary]) -> None:
    if len({(run.text_sha256, run.validation, run.lowercase) for run in trained}) > 1:
        names = sorted({run.text or "unknown" for run in trained})
        warn(
            f"these runs were not validated on the same characters (texts: {', '.join(names)}), so their losses "
            "cannot be compared" + ("; choose a text with `text`" if len(names) > 1 else "")
        )


def _folder(context: typer.Context, folder: Path | None) -> Path:
    """Return the folder of runs, which may be given before or after the subcommand."""
    folder = folder or context.obj
    if folder is not None and not folder.is_dir():
        raise RunError(f"there is no folder {folder}", hint="give another `folder`")
    return folder or RUNS


def _summaries(folder: Path) -> list[RunSummary]:
    return [summarize_run(run, name=str(run.path.relative_to(folder))) for run in find_runs(folder)]
