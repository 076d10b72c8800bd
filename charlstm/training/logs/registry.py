"""The logs that there are, by the names that `train --log` takes."""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from charlstm.errors import SettingError, did_you_mean
from charlstm.libraries import library_imports

if TYPE_CHECKING:
    from charlstm.training.logs.logged_run import Log, LoggedRun

LOGS = {  # the class of each, below this package
    "csv": "csv_log.CSVLog",
    "tensorboard": "tensorboard_log.TensorBoardLog",
    "wandb": "wandb_log.WandbLog",
    "trackio": "trackio_log.TrackioLog",
    "mlflow": "mlflow_log.MLflowLog",
}
LIBRARIES = {"wandb": "Weights & Biases", "trackio": "Trackio", "mlflow": "MLflow"}  # of logs that need one, by name


def check_logs(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once.

    Raises SettingError for a name that there is not, and LibraryError if the library of a log is not installed.
    """
    for name in names:
        if name not in LOGS:
            raise SettingError(
                f"`log` is {name!r}, but it must be one of {', '.join(LOGS)}",
                hint=did_you_mean(name, LOGS, otherwise="csv needs no library"),
            )
        if name in LIBRARIES and find_spec(name) is None:
            with library_imports(LIBRARIES[name], name, without="csv and tensorboard need no library", extra=name):
                raise ImportError("it is not installed")
    return tuple(dict.fromkeys(names))


def open_log(name: str, run: "LoggedRun") -> "Log":
    """Return a log for a run, of which nothing is written yet. It may raise anything: a library may be broken."""
    module, class_name = LOGS[name].split(".")
    log: Log = getattr(import_module(f"charlstm.training.logs.{module}"), class_name)(run)
    return log
