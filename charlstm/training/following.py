"""The other workers' part of training: connect to the chief, and do what it does until it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import ChangedTextError, CharLSTMError, TrainingError
from charlstm.libraries import own_version
from charlstm.machine import num_cores
from charlstm.network.backend import import_tensorflow, tensorflow_memory_errors
from charlstm.training.cluster import Cluster, ClusterOptions
from charlstm.training.interruption import Interruption
from charlstm.training.listening import answer_only_at
from charlstm.training.reporting import RunReporter, StartupReporter
from charlstm.training.resume import ResumeRequest, read_data_again
from charlstm.training.startup import tensorflow_ready

if TYPE_CHECKING:
    from charlstm.training.workers import Workers


@contextmanager
def connected(
    options: ClusterOptions | None, interruption: Interruption, reporter: StartupReporter
) -> "Iterator[Workers | None]":
    """Connect to the other workers; None if there are none.

    At the end, and with every error, the chief ends training on all of them. Raises SettingError if the environment
    does not name the workers, and TrainingError if they cannot be reached.
    """
    if options is None:
        yield None
        return
    with reporter.starting_tensorflow() as show_status:
        import_tensorflow()
        cluster = options.cluster()
        workers = _connect(cluster, interruption, reporter, show_status) if cluster else None
    try:
        yield workers
    except BaseException as error:
        if workers:
            hint = error.hint if isinstance(error, CharLSTMError) else ""
            workers.end(error=str(error) if isinstance(error, CharLSTMError) else "training was stopped", hint=hint)
        raise
    if workers:
        workers.end(signal_number=interruption.signal_number)


def _connect(
    cluster: Cluster, interruption: Interruption, reporter: StartupReporter, show_status: Callable[[str], None]
) -> "Workers":
    from charlstm.network.backend import set_threads
    from charlstm.training.workers import Workers

    set_threads(num_cores())
    workers = Workers(cluster, interruption)
    if not answer_only_at(cluster.host, cluster.port):
        reporter.on_warning(f"port {cluster.port} is open at all addresses of this machine, to anyone who reaches it")
    workers.join(show_status)
    _check_versions(workers)
    return workers


def _check_versions(workers: "Workers") -> None:
    versions = workers.report(own_version())
    if len(set(versions)) > 1:
        listed = ", ".join(f"{workers.cluster.name(index)} has {version}" for index, version in enumerate(versions))
        raise TrainingError(f"the workers have different versions of charlstm: {listed}", hint="install the same one")


@dataclass(frozen=True)
class Followed:
    """How a run ended that another worker led."""

    chief: str  # its address
    signal_number: int | None  # that interrupted it


def follow_run(request: ResumeRequest, workers: "Workers", reporter: RunReporter) -> Followed:
    """Do what the chief does until it ends training. Of the request, only what it says about the text counts.

    A signal here is passed on to it. Raises TrainingError if it does not answer any more, or ended with an error.
    """
    chief = workers.cluster.addresses[0]
    reporter.on_message(f"worker {workers.cluster.index} of {len(workers)}; the chief at {chief} shows the progress")
    with request.interruption, tensorflow_memory_errors():
        message = workers.receive()
        if message["do"] == "start":
            message = _follow_steps(request, message["settings"], workers, reporter)
    if message.get("error"):
        raise TrainingError(f"{workers.cluster.name(0)} ended: {message['error']}", hint=message.get("hint", ""))
    return Followed(chief, message.get("signal_number"))


def _follow_steps(
    request: ResumeRequest, settings: dict[str, Any], workers: "Workers", reporter: RunReporter
) -> dict[str, Any]:
    """Do the chief's commands; return its last message."""
    problem: CharLSTMError | None = None
    try:
        model_config, config = ModelConfig.from_json(settings["model"]), TrainingConfig.from_json(settings["training"])
        data = read_data_again(request, settings, config, reporter)
        with tensorflow_ready(reporter, precision=config.precision, cells=[model_config.cell]):
            from charlstm.training.train_step import Trainer

            trainer = Trainer(model_config, config, len(data.vocabulary), workers=workers)
    except ChangedTextError as error:
        problem = ChangedTextError(str(error), hint="give all workers the same text and the same options for it")
    except CharLSTMError as error:
        problem = error
    if any(workers.report(str(problem or ""))):
        message = workers.receive()  # the chief ends training
        if problem:
            raise problem
        return message
    trainer.copy_from_chief()
    streams = data.training_streams(model_config, config)
    while (message := workers.receive())["do"] != "end":
        match message["do"]:
            case "train":
                steps = range(message["step"], message["step"] + len(message["learning_rates"]))
                batches = np.stack([streams.batch(step) for step in steps])
                with workers.step():
                    trainer.train_steps(batches, step=steps.start, learning_rates=message["learning_rates"])
            case "copy":
                trainer.copy_from_chief()
            case "gather":
                trainer.gather_states()
    return message
