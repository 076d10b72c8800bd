"""`charlstm import`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.messages import visible
from charlstm.cli.model_output import ModelOutput
from charlstm.cli.options import OUTPUT, option
from charlstm.cli.overwriting import OVERWRITE
from charlstm.storage.run_folder import RUNS


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

    target = ModelOutput(output or RUNS / file.name.partition(".")[0])
    target.check_is_free(overwrite=overwrite)
    model = import_model(file, vocabulary)
    save_model(target.make_room(), model, follow_links=target.is_file)
    target.tell("imported", model)
    print(visible(str(target.path)))
