"""`charlstm push`."""

import sys
from typing import Annotated

import typer

from charlstm.cli.completion import complete_models
from charlstm.cli.display.live_display import status_line
from charlstm.cli.display.messages import command_line, say, show_command, visible, warn
from charlstm.cli.display.progress import COMPILING, notice_if_slow
from charlstm.cli.options import option
from charlstm.errors import SettingError
from charlstm.sharing.hub import check_hub_library
from charlstm.sharing.repository import check_license, check_repository


def push(
    run: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_models, metavar="RUN", help="A run folder or name, a model file, or english."
        ),
    ],
    repository: Annotated[
        str,
        typer.Argument(metavar="USER/NAME", help="The repository on the Hugging Face Hub; it is created if need be."),
    ],
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="Let everybody see the model: a new repository becomes public, and an existing one has to be.",
        ),
    ] = False,
    license_id: Annotated[
        str | None,
        option("--license", metavar="ID", help="The licence of the model, as the Hub names it: mit, cc-by-4.0, ..."),
    ] = None,
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help="The message of the commit.")
    ] = "Upload a model of charlstm",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the model card to standard output, and upload nothing.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model card on the Hub even if somebody has edited it.")
    ] = False,
) -> None:
    """Put a model on the Hugging Face Hub.

    One commit holds the model file and a model card, README.md: the figures of the model, a sample that it writes, and
    how to use it. The repository is private unless --public is given, for the model file holds the name of its text and
    the first words of some lines. Needs a login, hf auth login or HF_TOKEN, and the extra charlstm[hub].

    \b
    charlstm push macbeth anna/macbeth --license cc0-1.0 --dry-run
    charlstm push macbeth anna/macbeth --license cc0-1.0 --public
    """
    check_repository(repository)
    license_id = None if license_id is None else check_license(license_id)
    if not message.strip():
        raise SettingError("`message` is empty", hint="say what is new, or leave it out")
    if not dry_run:
        check_hub_library()
    from charlstm.generation.load import load_network
    from charlstm.sharing.prepare import prepare_upload

    loaded = load_network(run)
    with notice_if_slow(COMPILING):
        upload = prepare_upload(loaded, repository, license_id=license_id)
    if dry_run:
        print(visible(upload.card, keep="\n\t") if sys.stdout.isatty() else upload.card, end="")
        return
    from charlstm.sharing.push import push_model

    with status_line(f"uploading {len(upload.content) / 1e6:,.1f} MB to {repository}"):
        pushed = push_model(repository, upload, is_public=public, message=message, overwrite=overwrite, on_message=warn)
    if pushed.keeps_card:
        say("README.md has been edited there, and stays as it is; `overwrite` replaces it")
    if pushed.has_changed:
        who = "everyone" if public else "everyone with access"
        show_command(f"{who} can get it", command_line("pull", repository))
    print(pushed.address)
