"""A log for Trackio: in local files, unless the user's environment names a server or a Space."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from charlstm.errors import RunError
from charlstm.libraries import library_imports
from charlstm.training.history import Evaluation
from charlstm.training.logs.logged_run import PROJECT, LoggedRun, figures, markdown_code

REMOTE = ("TRACKIO_SERVER_URL", "TRACKIO_SPACE_ID")


class TrackioLog:
    """Writes figures, samples and hyper-parameters. Steps that the run has already are left out after a resume."""

    def __init__(self, run: LoggedRun) -> None:
        folder = run.store.absolute() / "trackio"
        has_own_folder = not os.environ.get("TRACKIO_DIR")
        with (
            _environment({"TRACKIO_DIR": str(folder)} if has_own_folder else {}),
            library_imports("Trackio", "trackio", without="the other logs do without it", extra="trackio"),
        ):
            import trackio
            from trackio.utils import TRACKIO_DIR
        if has_own_folder and folder != TRACKIO_DIR:  # it was imported before
            raise RunError(f"in this process Trackio writes to {TRACKIO_DIR}", hint="set TRACKIO_DIR for all runs")
        is_local = not any(map(os.environ.get, REMOTE))
        with _hub_offline() if is_local else nullcontext():
            self._run = trackio.init(
                project=PROJECT,
                name=run.name if is_local and has_own_folder else f"{run.name}-{run.run_id}",  # beside others
                group=run.group,
                config=run.hyper_parameters,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        self._markdown, self._finish = trackio.Markdown, trackio.finish
        self._next_step = self._run._next_step  # no public name; 0 for a new run

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Log the evaluations at steps that the run does not have."""
        for evaluation in evaluations:
            if evaluation.step >= self._next_step:
                sample = self._markdown(markdown_code(evaluation.sample))
                self._run.log(figures(evaluation) | {"sample": sample}, step=evaluation.step)
                self._next_step = evaluation.step + 1

    def close(self, *, finished: bool) -> None:
        """Write everything to disk, or wait until it is uploaded."""
        self._finish()


@contextmanager
def _hub_offline() -> Iterator[None]:
    """Keep the library of Hugging Face off the network: Trackio asks it for the user's name even for local files."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment that are not set, while a library is imported that reads them then."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
