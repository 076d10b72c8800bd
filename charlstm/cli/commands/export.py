"""`charlstm export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli.completion import choices
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.messages import say, visible
from charlstm.cli.inspected_text import model_name
from charlstm.cli.options import OUTPUT, Run, is_given, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.errors import RunError, SettingError
from charlstm.export.formats import DEFAULT_FONT_SIZE, FORMATS, MODEL, PAGE, WEIGHTS

if TYPE_CHECKING:
    from charlstm.storage.model_file import Model

OF_FORMAT = {"font_size": PAGE, "weights": MODEL, "about": MODEL}  # the format that an option is for


def export(
    context: typer.Context,
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
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            autocompletion=choices(tuple(WEIGHTS)),
            metavar="SIZE",
            help=f"The size of each weight in a model file: {', '.join(WEIGHTS)}. 8 bits change its predictions a "
            "little.",
            rich_help_panel=OUTPUT,
        ),
    ] = next(iter(WEIGHTS)),
    about: Annotated[
        str | None,
        option("--about", metavar="TEXT", panel=OUTPUT, help="What charlstm info says about the model in a file."),
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write a model as one file, to share it.

    FILE.html is a page that runs the network in any browser, also on a phone, without a network connection: type, and
    see how it reads along; let it write on, look at its units, and clamp them. FILE.safetensors is the model itself:
    all commands take it as RUN, and in 8 bits it has a quarter of the size.

    \b
    charlstm export --to model.html
    charlstm export macbeth --to macbeth.html --font-size 24
    charlstm export macbeth --to macbeth.safetensors --weights 8-bit
    """
    if to is None:
        raise SettingError("`to` is missing: there is no file to write", hint=f"give `to` {_formats()}")
    if to.suffix.lower() not in FORMATS:
        raise SettingError(f"{to} has no ending that says what to write", hint=f"name it {_formats()}")
    _check_options(context, to, weights)
    if not to.parent.is_dir():
        raise RunError(f"there is no folder {to.parent} for the file", hint="create it first")
    check_may_replace(to, overwrite=overwrite)
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model

    path = find_model(run)
    if run is None:
        say(newest_run_line(path))
    model = load_model(path)
    if to.suffix.lower() == PAGE:
        from charlstm.export.page import write_page

        write_page(model, to, font_size=font_size, title=model_name(path))
        use = "open it in a browser, or send it to someone"
    else:
        _write_model(model, to, weights=weights, about=about)
        use = "give it to any command as RUN, or send it to someone"
    say(f"{to.stat().st_size / 1e6:,.1f} MB: {use}")
    print(visible(str(to)))


def _check_options(context: typer.Context, to: Path, weights: str) -> None:
    """Raise SettingError for options that have no effect on the format, and for a size of weights that there is not."""
    for name, ending in OF_FORMAT.items():
        if is_given(context, name) and to.suffix.lower() != ending:
            raise SettingError(f"`{name}` is for FILE{ending}, but `to` is {to}", hint=f"leave `{name}` out")
    if weights not in WEIGHTS:
        raise SettingError(f"`weights` is {weights!r}, but it must be one of {', '.join(WEIGHTS)}")


def _write_model(model: "Model", to: Path, *, weights: str, about: str | None) -> None:
    """Write a model file. What a model says about itself is kept unless there is something else to say."""
    import dataclasses

    from charlstm.storage.model_file import MAX_NAME, save_model

    if about is not None:
        if len(about) > MAX_NAME:
            raise SettingError(f"`about` has {len(about):,} characters", hint=f"give at most {MAX_NAME:,}")
        model = dataclasses.replace(model, training=model.training | {"about": about})
    save_model(to, model, weight_format=WEIGHTS[weights], follow_links=True)


def _formats() -> str:
    return ", ".join(f"FILE{ending} ({what})" for ending, what in FORMATS.items())
