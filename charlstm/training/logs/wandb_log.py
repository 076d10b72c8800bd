"""A log for Weights & Biases: offline, unless the user's environment says WANDB_MODE=online.

Its integration with Keras needs `Model.fit`, so the library is called directly.
"""

import html
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from charlstm.libraries import library_imports
from charlstm.training.history import Evaluation
from charlstm.training.logs.logged_run import PROJECT, LoggedRun, figures

OFFLINE = ("offline", "dryrun")  # two names of one mode


class WandbLog:
    """Writes figures, samples and hyper-parameters; `wandb sync` uploads them.

    Offline, all evaluations are written again after a resume, and the files before it are removed. Online, steps that
    the server has already are left out.
    """

    def __init__(self, run: LoggedRun) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would report errors over the network
        with library_imports("Weights & Biases", "wandb", without="the other logs do without it", extra="wandb"):
            import wandb
        mode = os.environ.get("WANDB_MODE", "offline")
        folder = Path(os.environ.get("WANDB_DIR") or run.store)
        folder.mkdir(parents=True, exist_ok=True)
        if mode in OFFLINE:
            for earlier in folder.glob(f"wandb/offline-run-*-{run.run_id}"):
                shutil.rmtree(earlier)
        self._run = wandb.init(
            id=run.run_id,
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", run.name),
            group=os.environ.get("WANDB_RUN_GROUP", run.group),
            config=run.hyper_parameters,
            dir=folder,
            mode=mode,
            resume=None if mode in OFFLINE else "allow",
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )
        self._html = wandb.Html
        self._next_step = self._run.step

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Log the evaluations at steps that the run does not have."""
        for evaluation in evaluations:
            if evaluation.step >= self._next_step:
                sample = self._html(f"<pre>{html.escape(evaluation.sample)}</pre>", inject=False)
                self._run.log(figures(evaluation) | {"sample": sample}, step=evaluation.step)
                self._next_step = evaluation.step + 1

    def close(self, *, finished: bool) -> None:
        """Write everything to disk, or wait until it is uploaded."""
        self._run.finish(exit_code=0 if finished else 1)
