"""`charlstm pull`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.live_display import status_line
from charlstm.cli.display.messages import visible, warn
from charlstm.cli.model_output import ModelOutput
from charlstm.cli.options import OUTPUT, option
from charlstm.cli.overwriting import OVERWRITE
from charlstm.sharing.hub import check_hub_library
from charlstm.sharing.repository import check_repository
from charlstm.storage.run_folder import RUNS


def pull(
    repository: Annotated[str, typer.Argument(metavar="USER/NAME", help="A repository on the Hugging Face Hub.")],
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="RUN",
            panel=OUTPUT,
            help="The run folder to make, or a model file if it ends in .safetensors. Default: runs/NAME.",
        ),
    ] = None,
    revision: Annotated[
        str | None,
        option("--revision", metavar="NAME", help="A branch, a tag or a commit. Default: the newest on main."),
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Get a model from the Hugging Face Hub.

    Only model.safetensors is downloaded, which holds no code, and kept only if it is a model of charlstm. All commands
    take what is made as RUN. A private repository needs a login: hf auth login, or HF_TOKEN. Needs the extra
    charlstm[hub].

    \b
    charlstm pull anna/macbeth
    charlstm pull anna/macbeth --revision v2 -o macbeth-v2.safetensors
    """
    check_repository(repository)
    check_hub_library()
    target = ModelOutput(output or RUNS / repository.rpartition("/")[2])
    target.check_is_free(overwrite=overwrite)
    from charlstm.atomic_files import copy_atomically
    from charlstm.sharing.pull import downloaded_model

    with status_line(f"looking for {repository}") as show:

        def show_size(num_bytes: int) -> None:
            show(f"downloading {num_bytes / 1e6:,.1f} MB from {repository}")

        with downloaded_model(repository, revision=revision, on_size=show_size, on_message=warn) as (file, model):
            copy_atomically(file, target.make_room(), follow_links=target.is_file)
    target.tell("pulled", model)
    print(visible(str(target.path)))
