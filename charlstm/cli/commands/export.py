"""`charlstm export`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli.completion import choices
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.messages import say, visible
from charlstm.cli.options import OUTPUT, Run, is_given, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.errors import RunError, SettingError
from charlstm.export.formats import (
    ARRAYS,
    DEFAULT_FONT_SIZE,
    FORMATS,
    KERAS,
    MODEL,
    PAGE,
    PICKLES,
    STDOUT,
    TORCH,
    USES,
    WEIGHTS,
    format_of,
)
from charlstm.machine import prefer_one_openblas_thread

if TYPE_CHECKING:
    from charlstm.storage.model_file import Model

# The format that an option is for
OF_FORMAT = {"font_size": PAGE, "weights": MODEL, "about": MODEL, "stateful": KERAS, "batch_size": KERAS}


def export(
    context: typer.Context,
    run: Run = None,
    to: Annotated[
        Path | None,
        option(
            "--to",
            metavar="FILE",
            panel=OUTPUT,
            help=f"The file to write: {', '.join(FORMATS)}, or {STDOUT} for the weights in .npz on standard output.",
        ),
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
    stateful: Annotated[
        bool,
        typer.Option(
            "--stateful", help="Let Keras's layers keep their states from call to call.", rich_help_panel=OUTPUT
        ),
    ] = False,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            metavar="N",
            help="The number of texts side by side, with --stateful.",
            rich_help_panel=OUTPUT,
        ),
    ] = 1,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write a model as one file, to share it.

    FILE.html is a page that runs the network in any browser, also on a phone, without a network connection: type, and
    see how it reads along; let it write on, look at its units, and clamp them. FILE.safetensors is the model itself:
    all commands take it as RUN, and in 8 bits it has a quarter of the size.

    FILE.keras, FILE.onnx, FILE.torch.safetensors and FILE.npz are for programs that know nothing of charlstm. Before
    any file is written, its predictions are compared with those of the model.

    \b
    charlstm export --to model.html
    charlstm export macbeth --to macbeth.html --font-size 24
    charlstm export macbeth --to macbeth.safetensors --weights 8-bit
    charlstm export macbeth --to macbeth.onnx
    """
    if to is None:
        raise SettingError("`to` is missing: there is no file to write", hint=f"give `to` {_formats()}")
    ending = ARRAYS if str(to) == STDOUT else format_of(to.name)
    if to.suffix.lower() in PICKLES:
        hint = f"name it FILE{TORCH}: docs/export.md has a loader for torch"
        raise SettingError(f"{to} would be a pickle, which can hold code", hint=hint)
    if ending is None:
        raise SettingError(f"{to} has no ending that says what to write", hint=f"name it {_formats()}")
    _check_options(context, to, ending, weights=weights, stateful=stateful)
    if str(to) == STDOUT:
        _check_is_no_terminal()
    else:
        if not to.parent.is_dir():
            raise RunError(f"there is no folder {to.parent} for the file", hint="create it first")
        check_may_replace(to, overwrite=overwrite)
    prefer_one_openblas_thread()
    from charlstm.export.write import file_content
    from charlstm.storage.find_runs import find_model, model_name
    from charlstm.storage.model_file import load_model

    path = find_model(run)
    if run is None:
        say(newest_run_line(path))
    model = load_model(path)
    if ending == PAGE:
        from charlstm.export.page import write_page

        write_page(model, to, font_size=font_size, title=model_name(path))
    else:
        model = model if about is None else _described(model, about)
        content = file_content(
            model, ending, batch_size=batch_size if stateful else None, weight_format=WEIGHTS[weights]
        )
        _write(content, to)
    if str(to) != STDOUT:
        say(f"{to.stat().st_size / 1e6:,.1f} MB: {USES[ending]}")
        print(visible(str(to)))


def _check_options(context: typer.Context, to: Path, ending: str, *, weights: str, stateful: bool) -> None:
    """Raise SettingError for options that have no effect on the format, and for a size of weights that there is not."""
    for name, wanted in OF_FORMAT.items():
        if is_given(context, name) and ending != wanted:
            raise SettingError(f"`{name}` is for FILE{wanted}, but `to` is {to}", hint=f"leave `{name}` out")
    if is_given(context, "batch_size") and not stateful:
        raise SettingError("`batch_size` is for layers that keep their states", hint="give `stateful` as well")
    if weights not in WEIGHTS:
        raise SettingError(f"`weights` is {weights!r}, but it must be one of {', '.join(WEIGHTS)}")


def _check_is_no_terminal() -> None:
    if sys.stdout.isatty():
        raise SettingError("`to` is -, but standard output is a terminal", hint=f"name a FILE{ARRAYS}, or use a pipe")


def _described(model: "Model", about: str) -> "Model":
    """Return the model with something else to say about itself."""
    import dataclasses

    from charlstm.storage.model_file import MAX_NAME

    if len(about) > MAX_NAME:
        raise SettingError(f"`about` has {len(about):,} characters", hint=f"give at most {MAX_NAME:,}")
    return dataclasses.replace(model, training=model.training | {"about": about})


def _write(content: bytes, to: Path) -> None:
    """Write to a file, or to standard output."""
    from charlstm.atomic_files import write_atomically

    if str(to) == STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_atomically(to, content, follow_links=True)


def _formats() -> str:
    return ", ".join(f"FILE{ending} ({what})" for ending, what in FORMATS.items())
