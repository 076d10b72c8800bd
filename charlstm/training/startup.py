"""Prepare for training: TensorFlow, compiled kernels, a locked run folder, signal handlers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from charlstm.errors import TrainingError
from charlstm.machine import num_cores
from charlstm.network.backend import import_tensorflow, set_threads, tensorflow_memory_errors
from charlstm.storage.lock import exclusive_lock, is_owner
from charlstm.storage.run_folder import RunFolder
from charlstm.training.interruption import Interruption, exit_code
from charlstm.training.reporting import RunReporter, StartupReporter, TrainingResult

if TYPE_CHECKING:
    from charlstm.training.loop import TrainingRun

COMPILING_ENDS_IN = 2.0  # seconds, once it is told to; a module takes less


@dataclass(frozen=True)
class Startup:
    """The precision to train in, and a function that shows what the user is waiting for."""

    precision: str
    show_status: Callable[[str], None]


@contextmanager
def tensorflow_ready(
    reporter: StartupReporter, *, precision: str | None, cells: Iterable[str] = ()
) -> Iterator[Startup]:
    """Import TensorFlow and set its threads, for training cells in a precision; None: the fastest one here.

    Raises LibraryError if TensorFlow, Keras or llvmlite cannot be imported, and MemoryError in the place of
    TensorFlow's own error. Another thread prepares the kernels meanwhile; the first time on a machine it compiles them.
    If a signal raises an exception here, that thread ends with the module that it is compiling.
    """
    # Imported here: a signal during an import can leave Python's import lock locked, and the thread would wait for it.
    from charlstm.network import compiled_layers

    stopped = Event()
    with reporter.starting_tensorflow() as show_status, ThreadPool(1) as thread:
        arguments = precision, frozenset(cells)
        kernels = thread.apply_async(compiled_layers.compile_for_training, arguments, {"stopped": stopped})
        try:
            import_tensorflow()
            set_threads(num_cores())
            if not kernels.ready():
                show_status("compiling for this processor (only once)")
            with tensorflow_memory_errors():
                yield Startup(kernels.get(), show_status)
        finally:
            stopped.set()
            kernels.wait(COMPILING_ENDS_IN)  # LLVM should not be at work while the process ends


@contextmanager
def created_folder(folder: RunFolder) -> Iterator[None]:
    """Make a run folder; at the end it is removed, with the folders around it that were made, if it is empty.

    Raises RunError if it cannot be made.
    """
    missing = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
    folder.create()
    try:
        yield
    finally:
        with suppress(OSError):  # there is something in it
            for path in missing:
                path.rmdir()


@contextmanager
def locked_run(
    folder: RunFolder, reporter: StartupReporter, interruption: Interruption | None = None
) -> Iterator[Interruption]:
    """Lock a run folder and handle signals; until training begins, the first signal ends the process.

    Raises RunError if another process has locked the folder.
    """
    with exclusive_lock(folder.path), interruption or Interruption() as interruption:
        interruption.stops_gracefully = False
        try:
            yield interruption
        except (Exception, SystemExit) as error:
            if interruption.stops_gracefully or interruption.signal_number is None:
                raise
            reporter.on_warning("stopped before training began; nothing is lost")
            # an import may have turned the handler's SystemExit into another exception
            raise SystemExit(exit_code(interruption.signal_number)) from error


def train(
    run: "TrainingRun",
    interruption: Interruption,
    reporter: RunReporter,
    *,
    checkpoint_every: float,
    waits_for_space: bool,
    logs: Sequence[str] = (),
    log_folder: Path | None = None,
) -> TrainingResult:
    """Run the training loop: from here on the first signal stops it gracefully.

    Raises TrainingError if the locked folder is not there any more.
    """
    if not is_owner(run.folder.path):
        raise TrainingError(f"{run.folder.path} was removed or replaced before training began", hint="train again")
    interruption.stops_gracefully = True
    with tensorflow_memory_errors(), reporter.training() as training_reporter:
        return run.run(
            training_reporter,
            interruption,
            checkpoint_every=checkpoint_every,
            waits_for_space=waits_for_space,
            logs=logs,
            log_folder=log_folder,
        )
