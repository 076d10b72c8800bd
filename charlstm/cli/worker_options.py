"""The options for training with other machines."""

from typing import Annotated

from charlstm.cli.options import WORKERS, duration, option
from charlstm.training.cluster import WORKER_TIMEOUT

Addresses = Annotated[
    str | None,
    option(
        "--workers",
        metavar="HOST:PORT,...",
        panel=WORKERS,
        help="Train together with other machines, which run the same command: the addresses of all of them, the "
        "chief's first; or slurm[:PORT], the tasks of SLURM. Default: those of TF_CONFIG, if it is set, else alone.",
    ),
]
Index = Annotated[
    int | None,
    option(
        "--worker-index",
        metavar="I",
        panel=WORKERS,
        help="Which of the --workers this one is: 0, the chief, shows the progress and writes the run.",
    ),
]
Timeout = Annotated[
    float,
    option(
        "--worker-timeout",
        parser=duration,
        metavar="TIME",
        panel=WORKERS,
        help=f"End training if a worker does not answer for this long. Default: {WORKER_TIMEOUT:g}s.",
    ),
]
