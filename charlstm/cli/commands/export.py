"""`charlstm export`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.messages import say, visible
from charlstm.cli.inspected_text import model_name
from charlstm.cli.options import OUTPUT, Run, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.errors import RunError, SettingError
from charlstm.export.formats import DEFAULT_FONT_SIZE, FORMATS


def export(
    run: Run = None,
    to: Annotated[
        Path | None, option("--to", metavar="FILE", panel=OUTPUT, help=f"The file to write: {', '.join(FORMATS)}.")
    ] = None,
    font_size: Annotated[
        int,
        typer.Option(
            "--font-size", metavar="N", help="The size of the text in a page, in pixels.", rich_help_panel=OUTPUT
        ),
    ] = DEFAULT_FONT_SIZE,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write a model as one file for people who have no charlstm.

    FILE.html is a page that runs the network in any browser, also on a phone, without a network connection: type, and
    see how it reads along; let it write on, look at its units, and clamp them.

    \b
    charlstm export --to model.html
    charlstm export macbeth --to macbeth.html --font-size 24
    """
    if to is None:
        raise SettingError("`to` is missing: there is no file to write", hint=f"give `to` {_formats()}")
    if to.suffix.lower() not in FORMATS:
        raise SettingError(f"{to} has no ending that says what to write", hint=f"name it {_formats()}")
    if not to.parent.is_dir():
        raise RunError(f"there is no folder {to.parent} for the file", hint="create it first")
    check_may_replace(to, overwrite=overwrite)
    from charlstm.export.page import write_page
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    path = find_model(run)
    if run is None:
        say(newest_run_line(path))
    write_page(load_model(path), to, font_size=font_size, title=model_name(path))
    say(f"{to.stat().st_size / 1e6:,.1f} MB: open it in a browser, or send it to someone")
    print(visible(str(to)))


def _formats() -> str:
    return ", ".join(f"FILE{ending} ({what})" for ending, what in FORMATS.items())
