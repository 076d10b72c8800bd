"""Sweeps: trials are neither lost nor done twice, whatever happens to the processes that work at them."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charlstm.errors import RunError, SettingError
from charlstm.experiments import journal, sweep_worker
from charlstm.experiments.pruning import make_pruner
from charlstm.experiments.search_space import Dimension
from charlstm.experiments.study import WORKERS, open_storage
from charlstm.experiments.sweep import show_sweep
from charlstm.storage.lock import OWNER_FILE
from charlstm.text.parts import PartsRequest
from tests.experiments.fake_sweep import make_request, run_fake_sweep
from tests.experiments.reporters import SilentReporter

optuna = pytest.importorskip("optuna")

LN_2 = 0.6931471805599453
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cats.txt").write_text("the cat sat on the mat\n" * 100)
    return tmp_path / "sweep"


def start(folder, num_trials, seconds):
    """Work at a sweep in a process of its own."""
    path = os.pathsep.join([str(ROOT), *sys.path])
    command = [sys.executable, "-m", "tests.experiments.fake_sweep", str(folder), str(num_trials), str(seconds)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)


def wait_until(condition, process):
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def ended(folder):
    file = folder / "ended.txt"
    return file.read_text().splitlines() if file.exists() else []


def running_trial_of(process, folder):
    """Return the number of the trial that a process works at, as Optuna counts; None if it is between two."""
    study = optuna.load_study(storage=open_storage(None, folder), study_name=folder.name)
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        owner = folder / WORKERS / trial.user_attrs.get("worker", "none") / OWNER_FILE
        if owner.exists() and json.loads(owner.read_text())["process"] == process.pid:
            return trial.number
    return None


def test_two_processes_share_the_trials_and_one_that_is_killed_loses_none(folder):
    processes = [start(folder, 8, 1.0) for _ in range(2)]
    wait_until(lambda: len(ended(folder)) >= 2 and running_trial_of(processes[0], folder) is not None, processes[0])
    time.sleep(0.3)  # its turn is over
    processes[0].send_signal(signal.SIGKILL)
    processes[0].wait()
    killed = running_trial_of(processes[0], folder)
    again = start(folder, 8, 0.5)
    for process in (processes[1], again):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    trials = show_sweep(make_request(folder, 8)).trials
    assert [(trial.number, trial.state) for trial in trials] == [(number, "complete") for number in range(8)]
    assert sorted(trial.folder.path.name for trial in trials) == sorted(ended(folder))
    assert len({json.dumps(trial.values) for trial in trials}) == 8  # also the automatic choice is there once
    assert trials[0].values == {"dropout": 0.2, "units": 32, "cell": "lstm"}
    study = optuna.load_study(storage=open_storage(None, folder), study_name=folder.name)
    assert [trial.number for trial in study.get_trials(states=(optuna.trial.TrialState.FAIL,))] == [killed]
    assert not (folder / WORKERS).exists()


def test_one_process_gives_the_same_trials_again_also_when_it_is_continued(folder):
    whole = run_fake_sweep(folder, 12, pruner="none")
    parts = folder.with_name("parts")
    assert run_fake_sweep(parts, 5, pruner="none").importances == {}
    continued = run_fake_sweep(parts, 12)
    assert [trial.values for trial in whole.trials] == [trial.values for trial in continued.trials]
    assert list(whole.importances)[-1] == "cell"  # which changes nothing


def test_the_first_trial_is_the_automatic_choice_and_only_the_best_run_is_kept(folder):
    result = run_fake_sweep(folder, 4)
    assert result.trials[0].values == {"dropout": 0.2, "units": 32, "cell": "lstm"}
    assert result.best.bits == min(trial.bits for trial in result.trials)
    assert [path.name for path in folder.glob("trial-*")] == [result.best.folder.path.name]
    assert result.best.curve[0] == (0.2, pytest.approx(result.best.bits + 0.8 / LN_2))
    assert [trial["automatic"] for trial in result.to_json()["trials"]] == [True, False, False, False]
    run_fake_sweep(folder, 6, keep_models=True)
    assert len(list(folder.glob("trial-*"))) >= 3


class NotingReporter(SilentReporter):
    """Notes which trials begin."""

    def __init__(self):
        super().__init__()
        self.started = list[int]()

    def on_trial_start(self, number, *_):
        self.started.append(number)


class InterruptingReporter(NotingReporter):
    """Sends a signal when the third trial begins or is evaluated."""

    def __init__(self, event):
        super().__init__()
        self._event = event

    def on_trial_start(self, number, *_):
        super().on_trial_start(number)
        self._interrupt("start")

    def on_evaluation(self, _):
        self._interrupt("evaluation")

    def _interrupt(self, event):
        if (event, self.started[-1]) == (self._event, 2):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("event", "storage"), [("start", None), ("evaluation", None), ("start", "sqlite:///study.db")])
def test_an_interrupted_trial_waits_and_is_continued_in_its_folder(folder, event, storage):
    result = run_fake_sweep(folder, 4, reporter=InterruptingReporter(event), storage=storage)
    assert result.signal_number == signal.SIGINT
    assert [trial.state for trial in result.trials] == ["complete", "complete", "waiting"]
    reporter = NotingReporter()
    continued = run_fake_sweep(folder, 4, reporter=reporter, storage=storage)
    assert reporter.started == [2, 3]
    assert continued.trials[2].values == result.trials[2].values
    assert [trial.state for trial in continued.trials] == ["complete"] * 4
    assert ended(folder) == [f"trial-000{number}" for number in range(4)]


def test_a_trial_that_cannot_be_trained_is_given_up_and_the_next_one_begins(folder, monkeypatch):
    def fail(run, reporter):
        raise SettingError("no such network")

    reporter = SilentReporter()
    run_fake_sweep(folder, 1)
    monkeypatch.setattr("tests.experiments.fake_sweep.make_finish_run", lambda *_: fail)
    result = run_fake_sweep(folder, 3, reporter=reporter)
    assert [trial.state for trial in result.trials] == ["complete", "pruned", "pruned"]
    assert reporter.warnings == ["trial 1: no such network", "trial 2: no such network"]


class ImpatientPruner:
    """Gives up every trial at its first evaluation."""

    def prune(self, study, trial):
        return True


def test_the_automatic_choice_is_never_given_up(folder, monkeypatch):
    monkeypatch.setattr(
        sweep_worker, "make_pruner", lambda name: make_pruner(name) if name == "none" else ImpatientPruner()
    )
    result = run_fake_sweep(folder, 3)
    assert [(trial.state, trial.is_automatic) for trial in result.trials] == [
        ("complete", True),
        ("pruned", False),
        ("pruned", False),
    ]


def test_bad_trials_are_given_up_early(folder):
    result = run_fake_sweep(folder, 12)
    given_up = [trial for trial in result.trials if trial.state == "pruned"]
    assert given_up
    assert all(len(trial.curve) < 5 for trial in given_up)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"fixed": {"batch_size": 5}}, "`batch_size`"),
        ({"fixed": {"units": 32}}, "`units`"),
        ({"pruner": "hyperband"}, "`pruner`"),
        ({"space": [Dimension(field="units", choices=[8, 16])]}, "`space`"),
        ({"parts": PartsRequest(split="90/5/5")}, "`split`"),
        ({"parts": PartsRequest(validation="cats.txt")}, "validation part"),
        ({"parts": PartsRequest(test="cats.txt")}, "test part"),
    ],
)
def test_a_sweep_is_not_joined_with_other_settings(folder, changes, name):
    run_fake_sweep(folder, 1)
    with pytest.raises(RunError, match=f"holds a sweep with another {name}"):
        run_fake_sweep(folder, 2, **changes)
    Path("cats.txt").write_text("other\n" * 100)
    with pytest.raises(RunError, match="holds a sweep with another text"):
        run_fake_sweep(folder, 2)


def test_overwriting_removes_the_trials_and_no_other_file(folder):
    run_fake_sweep(folder, 2, keep_models=True)
    (folder / "notes.txt").write_text("mine")
    result = run_fake_sweep(folder, 1, overwrite=True)
    assert len(result.trials) == 1
    assert [path.name for path in folder.glob("trial-*")] == ["trial-0000"]
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("storage", "message"),
    [("nonsense", "nonsense cannot be used"), ("mysql+none://me:secret@host/x", "host/x cannot")],
)
def test_a_storage_that_cannot_be_opened_is_named_without_its_password(folder, storage, message):
    with pytest.raises(RunError, match=message) as error:
        run_fake_sweep(folder, 1, storage=storage)
    assert "secret" not in str(error.value)
    assert not folder.exists()


def test_a_damaged_journal_is_named(folder):
    run_fake_sweep(folder, 1)
    (folder / "study.journal").write_text("no json\n{}\n")
    with pytest.raises(RunError, match=r"study\.journal cannot be used"):
        run_fake_sweep(folder, 2)


def test_a_journal_that_ends_within_a_line_is_continued(folder, monkeypatch):
    monkeypatch.setattr(journal, "BLOCK", 7)
    run_fake_sweep(folder, 2)
    path = folder / "study.journal"
    content = path.read_bytes()
    path.write_bytes(content + content[:100])  # as a full disk or a power cut leaves it
    assert [trial.state for trial in run_fake_sweep(folder, 3).trials] == ["complete"] * 3
    assert path.read_bytes().startswith(content)
    assert len(show_sweep(make_request(folder, 3)).trials) == 3
    path.write_bytes(content[:100])  # nothing whole is left: the study begins again
    assert [trial.number for trial in run_fake_sweep(folder, 1).trials] == [0]


class RemovingReporter(SilentReporter):
    """Puts another file in the place of the journal when a trial begins."""

    def __init__(self, path, content):
        super().__init__()
        self._path, self._content = path, content

    def on_trial_start(self, *_):
        self._path.unlink()
        if self._content is not None:
            self._path.write_bytes(self._content)


@pytest.mark.parametrize("content", [None, b"", b"{}\n"])
def test_a_journal_that_is_removed_meanwhile_ends_the_sweep(folder, content):
    with pytest.raises(RunError, match=r"study\.journal cannot be (used|written)"):
        run_fake_sweep(folder, 2, reporter=RemovingReporter(folder / "study.journal", content))


def test_a_journal_that_cannot_be_written_is_named(folder, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run_fake_sweep(folder, 1)
    monkeypatch.setattr(optuna.storages.journal.JournalFileBackend, "append_logs", fail)
    with pytest.raises(RunError, match=r"study\.journal cannot be written: No space left on device"):
        run_fake_sweep(folder, 2)


def test_what_cannot_be_searched_is_refused(folder):
    with pytest.raises(SettingError, match="no `pruner` 'medain'") as error:
        make_request(folder, 1, pruner="medain")
    assert "did you mean 'median'" in error.value.hint
    with pytest.raises(SettingError, match="`units` is given, and also in the space"):
        make_request(folder, 1, fixed={"units": 8}, space=[Dimension(field="units", choices=[8, 16])])
    with pytest.raises(RunError, match="there is no sweep"):
        show_sweep(make_request(folder, 1))


@pytest.mark.parametrize("name", ["study.journal", ".workers", "trial-0001"])
def test_a_link_in_the_place_of_a_file_is_refused(folder, name):
    run_fake_sweep(folder, 2, keep_models=True)
    elsewhere = folder.with_name("elsewhere")
    (folder / name).rename(elsewhere) if (folder / name).exists() else elsewhere.mkdir()
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(RunError, match=f"{name} is a link"):
        run_fake_sweep(folder, 3)
