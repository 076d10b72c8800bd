"""A run that is stopped and resumed gives the same results as one that is not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from charlstm.cells.registry import CELLS
from charlstm.storage.checkpoint import load_checkpoint, save_checkpoint
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from charlstm.training.interruption import Interruption
from tests.training.small_runs import (
    MEDIUM,
    SHORT,
    SMALL,
    Recorder,
    StopAfterReports,
    make_run,
    resume_run,
)

pytestmark = pytest.mark.tensorflow

DEEP_CELLS = ("depth-gated", "grid")
NETWORKS = [{"cell": cell, "num_layers": 2 if cell in DEEP_CELLS else 1} for cell in CELLS if cell != "lstm"] + [
    {"attention": 5, "num_layers": 1},
    {"num_layers": 1, "embedding_dim": 1, "encoding": "integer", "window": 7, "residual": False},
]


class SaveAtStep(Recorder):
    """Saves a checkpoint in another folder at one step; the first step after an evaluation is always reported."""

    def __init__(self, run, step, folder):
        super().__init__()
        self.run, self.step, self.folder = run, step, folder

    def on_step(self, progress):
        if progress.step == self.step:
            save_checkpoint(self.folder, self.run.checkpoint())


def history_without_clock(folder):
    lines = [json.loads(line) for line in folder.history.read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "characters_per_second")}
        for line in lines
    ]


def test_a_run_stopped_several_times_ends_like_one_that_was_not(tmp_path):
    make_run(tmp_path / "whole", MEDIUM).run(Recorder())
    make_run(tmp_path / "parts", MEDIUM).run(StopAfterReports(stop := Interruption(), 5), stop)
    for num_reports in (1, 4):
        stop = Interruption()
        result = resume_run(tmp_path / "parts", MEDIUM).run(StopAfterReports(stop, num_reports), stop)
        assert result.signal_number == 15
    result = resume_run(tmp_path / "parts", MEDIUM).run(Recorder())
    assert result.signal_number is None
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    assert parts.model.read_bytes() == whole.model.read_bytes()
    assert parts.samples.read_bytes() == whole.samples.read_bytes()
    assert history_without_clock(parts) == history_without_clock(whole)
    ends = [load_checkpoint(folder)[0] for folder in (whole, parts)]
    assert all(np.array_equal(array, ends[1].arrays[name]) for name, array in ends[0].arrays.items())


def test_a_run_remembers_its_start_and_says_when_it_is_complete(tmp_path):
    stop = Interruption()
    run = make_run(tmp_path / "run", MEDIUM)
    run.run(StopAfterReports(stop, 2), stop)
    config = json.loads(run.folder.config.read_text())
    assert config["finished"] is False
    resumed = resume_run(tmp_path / "run", MEDIUM)
    resumed.run(Recorder())
    assert json.loads(run.folder.config.read_text()) == config | {"finished": True}
    assert RunOrigin.from_json(config["origin"]) == run.origin == resumed.origin
    assert resume_run(tmp_path / "run", replace(MEDIUM, epochs=4)).origin.changed_on_resume


def test_a_run_of_an_earlier_version_is_resumed(tmp_path):
    stop = Interruption()
    make_run(tmp_path / "run", MEDIUM).run(StopAfterReports(stop, 2), stop)
    checkpoint, _ = load_checkpoint(RunFolder(tmp_path / "run"))
    del checkpoint.metadata["origin"]
    run = make_run(tmp_path / "run", MEDIUM, checkpoint=checkpoint)
    run.run(Recorder())
    assert "origin" not in json.loads(run.folder.config.read_text())


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_network_learns_and_resumes_exactly_where_it_was_stopped(tmp_path, network):
    """A run is resumed from the checkpoint that a signal after step 6 would have left."""
    shape = replace(SMALL, units=16, **network)
    config = replace(  # a sequence of seven is not unrolled, so the graph is built quickly
        SHORT, epochs=0.02 if shape.window else 0.15, sequence_length=7, recurrent_dropout=0.1, evaluate_every=5
    )
    whole = make_run(tmp_path / "whole", config, model_config=shape)
    stopped = RunFolder(tmp_path / "stopped")
    stopped.create()
    whole.run(SaveAtStep(whole, 6, stopped))
    checkpoint, _ = load_checkpoint(stopped)
    assert checkpoint.metadata["history"]["step"] == 6
    make_run(stopped.path, config, model_config=shape, checkpoint=checkpoint).run(Recorder())
    assert stopped.model.read_bytes() == whole.folder.model.read_bytes()
    losses = [evaluation.validation.nats_per_character for evaluation in whole.history.evaluations]
    assert losses[-1] < losses[0] < 4
    assert whole.history.first_nats == pytest.approx(np.log(len(whole.data.vocabulary)), abs=1.0)
    assert np.isfinite(losses).all()


def test_the_weights_do_not_depend_on_how_often_they_are_evaluated(tmp_path):
    for every in (7, 40):
        make_run(tmp_path / str(every), replace(MEDIUM, evaluate_every=every)).run(Recorder())
    seldom, often = (load_checkpoint(RunFolder(tmp_path / every))[0].arrays for every in ("40", "7"))
    assert all(np.array_equal(array, often[name]) for name, array in seldom.items() if not name.startswith("best/"))
    steps = [line["step"] for line in history_without_clock(RunFolder(tmp_path / "40"))]
    assert steps[:2] == [40, 80]


def test_a_longer_plan_continues_and_the_same_plan_does_not(tmp_path):
    make_run(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
    model = RunFolder(tmp_path / "run").model.read_bytes()
    resume_run(tmp_path / "run", replace(SHORT, epochs=1)).run(recorder := Recorder())
    assert recorder.steps == []
    assert RunFolder(tmp_path / "run").model.read_bytes() == model
    resume_run(tmp_path / "run", replace(SHORT, epochs=2)).run(recorder := Recorder())
    assert recorder.steps[0].epoch > 1
    assert recorder.steps[-1].epoch == pytest.approx(2, abs=0.1)


def test_a_lost_or_damaged_model_file_is_written_again(tmp_path):
    make_run(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
    folder = RunFolder(tmp_path / "run")
    model = folder.model.read_bytes()
    for damage in (folder.model.unlink, lambda: folder.model.write_bytes(model[:-9])):
        damage()
        resume_run(tmp_path / "run", replace(SHORT, epochs=1)).run(Recorder())
        assert folder.model.read_bytes() == model
