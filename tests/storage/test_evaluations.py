"""Histories and samples as runs record them, and damaged ones."""

import os
from pathlib import Path

import pytest

from charlstm.errors import RunError
from charlstm.storage.evaluations import MAX_EVALUATIONS, find_recorded_run, read_evaluations, read_samples
from tests.run_folders import make_run_folder, write_evaluations


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_run_folder(tmp_path / "runs" / "tiny")


def test_figures_and_samples(run):
    figures = read_evaluations(run)
    assert [(one.step, one.epoch, one.seconds) for one in figures] == [(10, 0.5, 5.0), (20, 1.0, 10.0), (30, 1.5, 15.0)]
    assert [(one.train_nats, one.validation_nats) for one in figures] == [(2.5, 2.0), (1.4, 1.5), (1.2, 1.75)]
    assert list(read_samples(run)) == [(10, "the cat\nsat 1"), (20, "the cat\nsat 2"), (30, "the cat\nsat 3")]


@pytest.mark.parametrize("sample", ["", "\n", "a\n\n", "--- step 5, epoch 0.10 ---\n", "a\r\nb\r", "x" * 10_000])
def test_samples_are_read_as_they_were_generated(run, sample):
    """Also those that end in line breaks, or look like a heading."""
    texts = [(step, sample + suffix) for step, suffix in ((10, ""), (20, "end"), (30, ""))]
    parts = [f"--- step {step}, epoch 1.00 ---\n{text}\n" for step, text in texts]
    run.samples.write_bytes("\n".join(parts).encode())
    assert list(read_samples(run)) == texts


def test_lines_that_are_damaged_are_left_out(run):
    good = run.history.read_bytes()
    for line in (b"{", b"[]", b'{"step": "x"}', b'{"step": NaN}', b"\xff", b"[" * 5000, b"1" * 100_000):
        run.history.write_bytes(line + b"\n" + good + line + b"\n")
        assert [one.step for one in read_evaluations(run)] == [10, 20, 30]
        run.history.write_bytes(line)
        with pytest.raises(RunError, match="is damaged"):
            read_evaluations(run)
    run.history.write_bytes(b"")
    with pytest.raises(RunError, match="not been evaluated"):
        read_evaluations(run)


def test_of_a_long_history_some_evaluations_are_read(run):
    number = 4 * MAX_EVALUATIONS
    write_evaluations(run, validation=[1.5] * number, train=[1.25] * number)
    figures = read_evaluations(run)
    assert len(figures) <= MAX_EVALUATIONS + 1
    assert (figures[0].step, figures[-1].step) == (10, 10 * number)


@pytest.mark.parametrize(
    "place",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("missing"),
    ],
    ids=["pipe", "folder", "device", "loop of links", "dangling link"],
)
def test_what_is_no_file_is_refused(run, place):
    """And not waited for, or read without end."""
    for file, read in [(run.history, read_evaluations), (run.samples, lambda run: next(read_samples(run)))]:
        file.unlink()
        place(file)
        with pytest.raises(RunError, match=rf"{file.name} cannot be read: \w"):
            read(run)
    with pytest.raises(RunError, match="there is no run"):
        find_recorded_run(None)


def test_runs_are_found_by_name_folder_file_and_age(run, tmp_path):
    other = make_run_folder(tmp_path / "runs" / "other")
    os.utime(run.history, (2e9, 2e9))
    assert find_recorded_run(None).path.name == "tiny"
    for name in ("other", "runs/other", other.path, other.model):
        assert find_recorded_run(name).path.resolve() == other.path
    (tmp_path / "runs" / "empty").mkdir()
    for name in ("nowhere", "empty"):
        with pytest.raises(RunError, match=name):
            find_recorded_run(name)
