"""The options that set the network, and what it is computed with, which several commands share."""

from typing import Annotated

from charlstm.cli.completion import choices, complete_cells
from charlstm.cli.options import COMMON, NETWORK, option
from charlstm.config import PRECISIONS, TrainingConfig
from charlstm.training.auto_config import DEFAULT_EMBEDDING_DIM, DEFAULT_NUM_LAYERS

Cell = Annotated[
    str | None,
    option(
        "--cell",
        autocompletion=complete_cells,
        metavar="CELL",
        panel=NETWORK,
        help="The recurrent cell: lstm (the default), rnn, peephole (:fi for some of the gates), coupled, gru, "
        "depth-gated, clockwork (:4 modules), grid (:2 dimensions), mogrifier (:5 rounds), mlstm, feedforward (:16 "
        "characters), echo-state.",
    ),
]
Layers = Annotated[
    int | None,
    option("--layers", metavar="N", panel=NETWORK, help=f"Recurrent layers. Default: {DEFAULT_NUM_LAYERS}."),
]
Units = Annotated[
    int | None, option("--units", metavar="N", panel=COMMON, help="Units of each recurrent layer. Default: chosen.")
]
Embedding = Annotated[
    int | None,
    option(
        "--embedding",
        metavar="N",
        panel=NETWORK,
        help=f"Size of the character embeddings. Default: {DEFAULT_EMBEDDING_DIM}.",
    ),
]
Attention = Annotated[
    int | None,
    option(
        "--attention",
        metavar="N",
        panel=NETWORK,
        help="Let each step attend to the last N outputs. Default: 0, no attention.",
    ),
]
RandomSeed = Annotated[
    int | None,
    option(
        "--random-seed",
        metavar="N",
        panel=NETWORK,
        help="The random seed of initial weights, dropout and drawn validation text. "
        f"Default: {TrainingConfig.random_seed}.",
    ),
]
Precision = Annotated[
    str | None,
    option(
        "--precision",
        autocompletion=choices(("auto", *PRECISIONS)),
        metavar="TYPE",
        panel=NETWORK,
        help="The type that matrices are multiplied in: float32, bfloat16, or auto, the faster one on this processor. "
        "Default: auto, or the type of the model of --from.",
    ),
]
Shards = Annotated[
    int | None,
    option(
        "--shards",
        metavar="N",
        panel=NETWORK,
        help="Parts of a batch that are computed in parallel. Default: one for each core, of at least 8 streams. The "
        "last bits of the weights depend on it: give the same number to repeat a run on a machine with other cores.",
    ),
]
