"""`charlstm import`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.messages import say, visible
from charlstm.cli.options import OUTPUT, option
from charlstm.cli.overwriting import OVERWRITE, check_may_replace
from charlstm.errors import RunError


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .keras file, or a .safetensors file with PyTorch's names.")
    ],
    vocabulary: Annotated[
        Path | None,
        option(
            "--vocabulary",
            metavar="FILE.json",
            panel=OUTPUT,
            help="The character of each id: a list, one string, or an object from characters to ids. A file that "
            "charlstm export has written needs none.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="RUN",
            panel=OUTPUT,
            help="The run folder to make, or a model file if it ends in .safetensors. Default: runs/ and FILE's name.",
        ),
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Read a character model that was trained with Keras or PyTorch.

    It is an embedding or one-hot input, stacked LSTM, GRU or SimpleRNN layers of one size, and a dense layer. No code
    in the file is run, and pickles are not read. All commands take what is made as RUN; train NEW --from RUN trains on.

    \b
    charlstm import model.keras --vocabulary characters.json -o runs/imported
    charlstm import model.safetensors --vocabulary characters.json -o imported.safetensors
    """
    from charlstm.export.import_model import import_model
    from charlstm.storage.model_file import save_model
    from charlstm.storage.run_folder import RUNS, RunFolder

    target = output or RUNS / file.name.partition(".")[0]
    is_file = target.suffix.lower() == ".safetensors"
    run = RunFolder(target)
    if is_file:
        if not target.parent.is_dir():
            raise RunError(f"there is no folder {target.parent} for the file", hint="create it first")
        check_may_replace(target, overwrite=overwrite)
    elif not overwrite:
        run.check_is_free()
    model = import_model(file, vocabulary)
    if not is_file:
        run.create()
        run.clear()
    save_model(target if is_file else run.model, model, follow_links=is_file)
    config = model.config
    layers = f"{config.num_layers} layer{'s' if config.num_layers > 1 else ''} of {config.units} units"
    say(f"imported {config.cell}, {layers}, {len(model.vocabulary)} characters; try: charlstm generate {target}")
    print(visible(str(target)))
