"""What the small files of a run say, and folders that hold something else."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from charlstm.storage.model_file import load_model, save_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_summary import find_runs, settings_of_model, summarize_run
from charlstm.text.known_lines import MAX_KEPT_LINES, KnownLines
from tests.run_folders import digest_of, make_run_folder, write_evaluations


@pytest.fixture
def run(tmp_path):
    return make_run_folder(tmp_path / "runs" / "tiny")


def summary(run):
    return summarize_run(run, name="tiny")


def change_settings(run, **changes):
    settings = json.loads(run.config.read_text()) | changes
    run.config.write_text(json.dumps({name: value for name, value in settings.items() if value is not None}))


def test_a_run(run):
    found = summary(run)
    assert (found.state, found.problem, found.text, found.random_seed) == ("complete", "", "cats", 7)
    assert (found.cell, found.num_layers, found.units) == ("lstm", 2, 8)
    assert (found.validation_nats, found.step, found.epoch, found.seconds) == (1.5, 30, 1.5, 15.0)
    assert found.num_bytes == sum(file.stat().st_size for file in run.path.iterdir())
    assert found.started is not None
    assert found.started.year == 2026


def damage_header(run):
    run.model.write_bytes(b"\xff" * 8 + run.model.read_bytes()[8:])


def replace_by_pipe(run):
    run.config.unlink()
    os.mkfifo(run.config)


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: run.config.write_text("{"),
        lambda run: run.config.write_text("[]"),
        lambda run: run.config.write_text("[" * 100_000),
        lambda run: run.config.write_text('{"a": ' + "9" * 5000 + "}"),
        lambda run: run.config.write_bytes(b"\xff\xfe\x00"),
        lambda run: run.config.unlink(),
        replace_by_pipe,
        lambda run: (run.config.unlink(), run.config.mkdir()),
        lambda run: (run.model.unlink(), run.model.symlink_to("/dev/zero")),
        lambda run: (run.history.unlink(), run.history.symlink_to("/dev/zero")),
        lambda run: run.history.write_text("nonsense"),
        lambda run: run.history.write_text("3\n"),
        lambda run: run.model.write_bytes(run.model.read_bytes()[:-1]),
        lambda run: run.model.write_bytes(b""),
        damage_header,
        lambda run: run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:40]),
        lambda run: (run.model.unlink(), run.checkpoint.unlink()),
    ],
)
def test_a_damaged_run(run, damage):
    damage(run)
    found = summary(run)
    assert found.state == "damaged"
    assert found.problem
    assert "\n" not in found.problem


def test_values_of_other_types_are_not_shown(run):
    hostile = {"cell": [], "units": "9", "num_layers": True, "random_seed": 1e99}
    change_settings(run, model=hostile, training=hostile, text={"name": 3}, origin={"started": "never"})
    run.history.write_text('{"step": -1, "epoch": NaN, "seconds": 1e999}')
    found = summary(run)
    assert (found.cell, found.units, found.num_layers, found.random_seed) == (None, None, None, None)
    assert (found.epoch, found.seconds, found.started) == (None, None, None)
    assert found.text == "cats"  # as the model says


def test_a_run_without_a_model_was_stopped_before_its_first_evaluation(run):
    run.model.unlink()
    run.history.write_text("")
    change_settings(run, finished=False)
    assert summary(run).state == "interrupted"


def test_a_model_on_its_own_is_complete(run):
    for file in (run.config, run.history, run.samples, run.checkpoint):
        file.unlink()
    found = summary(run)
    assert (found.state, found.text, found.validation_nats, found.epoch) == ("complete", "cats", 1.5, 1.0)


def test_a_model_of_a_long_list_of_lines(run):
    model, checksums = load_model(run.model), KnownLines(np.arange(MAX_KEPT_LINES, dtype=np.uint32)).to_base64()
    save_model(run.model, replace(model, training=model.training | {"line_checksums": checksums}))
    assert (summary(run).problem, summary(run).text) == ("", "cats")


@pytest.mark.parametrize(
    ("epochs", "max_time", "state"),
    [(1.5, None, "complete"), (1.51, None, "complete"), (2.0, None, "interrupted"), (None, 15.2, "complete"),
     (None, 20.0, "interrupted"), (1.5, 20.0, "complete")],
)  # fmt: skip
def test_runs_of_earlier_versions(run, epochs, max_time, state):
    training = json.loads(run.config.read_text())["training"]
    change_settings(run, finished=None, origin=None, training=training | {"epochs": epochs, "max_time": max_time})
    assert summary(run).state == state
    (run.path / ".lock").touch()
    os.utime(run.path / ".lock", (1e9, 1e9))
    assert summary(run).started.year == 2001


@pytest.mark.parametrize(("patience", "state"), [(1, "complete"), (2, "interrupted")])
def test_runs_of_earlier_versions_that_stopped_early(run, patience, state):
    """The best evaluation is the first of two, as the model says."""
    training = json.loads(run.config.read_text())["training"] | {"epochs": 99.0, "patience": patience}
    change_settings(run, finished=None, training=training)
    write_evaluations(run, validation=(2.0, 1.75), train=(2.0, 1.75))
    assert summary(run).state == state


def test_runs_are_found_below_folders_but_not_behind_links_or_in_runs(run, tmp_path):
    root = tmp_path / "runs"
    make_run_folder(root / "compare" / "lstm-0")
    make_run_folder(root / "tiny" / "nested")
    make_run_folder(root / ".hidden")
    (root / "loop").symlink_to(root)
    (root / "plain").mkdir()
    (root / "file").touch()
    assert [found.path.name for found in find_runs(root)] == ["lstm-0", "tiny"]
    assert not list(find_runs(root / "nowhere"))


def test_a_comparison_is_no_run_but_holds_some(tmp_path):
    make_run_folder(tmp_path / "runs" / "compare-cats" / "lstm-1")
    for name in ("plan.json", ".lock"):
        (tmp_path / "runs" / "compare-cats" / name).touch()
    assert [found.path.name for found in find_runs(tmp_path / "runs")] == ["lstm-1"]


def test_a_long_history_is_not_read_as_a_whole(run):
    line = run.history.read_text().splitlines()[-1] + "\n"
    with run.history.open("w") as file:
        file.truncate(1 << 34)  # a sparse file
        file.seek(0, os.SEEK_END)
        file.write("\n" + line)
    assert summary(run).step == 30


def test_settings_belong_to_the_model_in_their_folder(run, tmp_path):
    assert settings_of_model(run.model, {"text_sha256": digest_of("cats")})["text"]["name"] == "cats"
    assert settings_of_model(run.model, {"text_sha256": "other"}) == {}
    assert settings_of_model(run.path / "other.safetensors", {"text_sha256": digest_of("cats")}) == {}
    assert settings_of_model(RunFolder(tmp_path).model, {}) == {}
