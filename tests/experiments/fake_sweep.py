"""A process that works at a sweep without training: `python -m tests.experiments.fake_sweep FOLDER N SECONDS`.

Every trial takes so many seconds, and its loss follows from its settings. Each one that ends is a line of `ended.txt`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from charlstm.analysis.evaluation import Scores
from charlstm.experiments import sweep, sweep_worker
from charlstm.experiments.sweep_plan import SweepPlan, SweepRequest
from charlstm.storage.evaluations import EvaluationFigures
from charlstm.storage.run_folder import RunFolder
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.parts import PartsRequest
from charlstm.training.history import Evaluation
from charlstm.training.overrides import Overrides
from charlstm.training.run_request import NewRunRequest
from tests.experiments.reporters import SilentReporter

SPACE: list[dict[str, Any]] = [
    {"field": "dropout", "low": 0.0, "high": 0.6},
    {"field": "units", "low": 8, "high": 64, "step": 8},
    {"field": "cell", "choices": ["lstm", "gru"]},
]
NUM_EVALUATIONS = 5


def plan_of(request, text, _=None):
    return SweepPlan(
        text_sha256=text.corpus.digest,
        reading=DecodingOptions().to_json(),
        start_from=None,
        min_count=1,
        settings={"dropout": 0.2, "units": 32, "batch_size": 4, "sequence_length": 10, "max_time": 1.0},
        space=SPACE,
        pruner=request.pruner or "median",
        parts=text.parts and text.parts.to_json(),
    )


def loss_of(settings):
    """A loss in nats, lowest at a dropout of 0.3 and 48 units."""
    return 1.0 + (settings["dropout"] - 0.3) ** 2 + ((settings["units"] - 48) / 64) ** 2


def evaluation_of(nats, seconds):
    return Evaluation(
        step=1,
        epoch=seconds,
        seconds=seconds,
        train_nats=nats,
        validation=Scores(100 * nats, 50, 100),
        characters_per_second=1.0,
        learning_rate=0.1,
        sample="",
        is_best=True,
    )


def make_finish_run(folder, seconds):
    def finish_run(run, reporter):
        """Write the files of a run that an outcome is read from."""
        run.folder.create()
        lines, names = [], EvaluationFigures.__dataclass_fields__
        with run.interruption:
            for number in range(1, NUM_EVALUATIONS + 1):
                time.sleep(seconds / NUM_EVALUATIONS)
                done = number / NUM_EVALUATIONS
                nats = loss_of(run.overrides.settings) + 1 - done
                figures = dict.fromkeys(names, nats) | {"step": number, "epoch": done, "seconds": done}
                lines.append(json.dumps(figures) + "\n")
                run.folder.history.write_text("".join(lines))
                reporter.on_evaluation(evaluation_of(nats, done))
                if run.interruption.signal_number is not None:
                    return
        run.folder.model.write_bytes(b"model")
        with (folder / "ended.txt").open("a") as file:
            file.write(f"{run.folder.path.name}\n")

    return finish_run


def make_request(folder, num_trials, **settings):
    run = NewRunRequest(
        folder=RunFolder(folder),
        texts=["cats.txt"],
        parts=settings.pop("parts", PartsRequest()),
        overrides=Overrides(settings.pop("fixed", {})),
        decoding=DecodingOptions(),
        overwrite=settings.pop("overwrite", False),
        checkpoint_every=30.0,
    )
    return SweepRequest(run=run, num_trials=num_trials, **settings)


def replaced_training(finish_run):
    return mock.patch.object(sweep_worker, "finish_run", finish_run)


def run_fake_sweep(folder, num_trials, seconds=0.0, reporter=None, **settings):
    with mock.patch.object(sweep, "new_plan", plan_of), replaced_training(make_finish_run(folder, seconds)):
        return sweep.run_sweep(make_request(folder, num_trials, **settings), reporter or SilentReporter())


if __name__ == "__main__":
    run_fake_sweep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), pruner="none")
