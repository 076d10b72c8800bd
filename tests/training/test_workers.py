"""Two processes that train one network together end like one, whatever happens to them."""

import contextlib
import json
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from charlstm.cli.app import main
from charlstm.storage.checkpoint import load_checkpoint
from charlstm.storage.run_folder import RunFolder
from tests.forked import ForkedCommand
from tests.training.small_runs import TEXT

pytestmark = pytest.mark.tensorflow

OPTIONS = """
    --units 16 --layers 2 --embedding 8 --batch-size 5 --sequence-length 16 --epochs 6 --dropout 0.1
    --recurrent-dropout 0.2 --learning-rate 0.01 --shards 3 --precision float32 --evaluate-every 10 --patience 99
    --checkpoint-every 0.2s
"""
SETTINGS = OPTIONS.split()
NUM_STEPS = 202
TIMEOUT = 5  # seconds


def free_addresses():
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]


def start_pair(chief, other, cwd):
    """Start two workers with these arguments, in two folders; return their processes."""
    together = ["--workers", ",".join(free_addresses()), "--worker-timeout", f"{TIMEOUT}s"]
    return [
        ForkedCommand(*arguments, *together, "--worker-index", index, cwd=folder)
        for index, (arguments, folder) in enumerate([(chief, cwd), (other, elsewhere(cwd))])
    ]


def start_pair_of_environment(chief, other, cwd):
    """Start two workers that TF_CONFIG tells of each other."""
    addresses = free_addresses()
    cluster = {"chief": addresses[:1], "worker": addresses[1:]}
    configs = [json.dumps({"cluster": cluster, "task": {"type": job, "index": 0}}) for job in ("chief", "worker")]
    return [
        ForkedCommand(*arguments, cwd=folder, environment={"TF_CONFIG": config})
        for config, arguments, folder in zip(configs, (chief, other), (cwd, elsewhere(cwd)), strict=True)
    ]


def elsewhere(folder):
    """Return a folder for the worker that writes nothing."""
    path = folder / "elsewhere"
    path.mkdir(exist_ok=True)
    return path


def ends(processes):
    """Wait for processes; return the exit code and stderr of each."""
    results = [process.end() for process in processes]
    assert all(out == "" for _, out, _ in results)
    return [(code, err) for code, _, err in results]


def wait_for_evaluations(run, number, processes):
    history = run / "history.jsonl"
    while not history.exists() or history.read_text().count("\n") < number:
        assert all(process.is_running() for process in processes), [process.stderr for process in processes]
        time.sleep(0.01)


def checkpoint_of(path):
    return load_checkpoint(RunFolder(path))[0]


def assert_close(path, other):
    """Compare checkpoints. The carried states sum up over all characters, so rounding shows more in them."""
    one, two = checkpoint_of(path), checkpoint_of(other)
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        atol, rtol = (1e-4, 1e-4) if name.startswith("states/") else (1e-5, 0)
        np.testing.assert_allclose(array, two.arrays[name], atol=atol, rtol=rtol, err_msg=name)
    losses = [
        [(evaluation["step"], evaluation["train_nats"]) for evaluation in run.metadata["history"]["evaluations"]]
        for run in (one, two)
    ]
    np.testing.assert_allclose(np.array(losses[0]), np.array(losses[1]), atol=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a text and two runs on it, one of a process alone and one of two workers."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "cats.txt").write_text(TEXT)
    pair = start_pair(
        ["train", "cats.txt", "--output", "pair", *SETTINGS], ["train", folder / "cats.txt", *SETTINGS], folder
    )
    with contextlib.chdir(folder):
        assert main(["train", "cats.txt", "--output", "alone", *SETTINGS]) == 0
    (code, err), (other_code, other_err) = ends(pair)
    assert (code, other_code) == (0, 0), err + other_err
    assert "charlstm generate pair" in err
    lines = other_err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("worker 1 of 2; the chief at 127.0.0.1:")
    assert lines[1].startswith("training has ended; the run is saved by the chief at 127.0.0.1:")
    return folder


def test_two_workers_train_what_one_process_trains(folder):
    assert checkpoint_of(folder / "pair").metadata["history"]["step"] == NUM_STEPS
    assert_close(folder / "alone", folder / "pair")
    assert [path.name for path in (folder / "elsewhere").iterdir()] == []


def test_a_signal_to_any_worker_stops_all_and_they_resume_exactly(folder):
    """They resume as TF_CONFIG tells them."""
    command = ["train", "cats.txt", "--output", "parts", *SETTINGS]
    processes = start_pair(command, ["train", folder / "cats.txt"], folder)
    wait_for_evaluations(folder / "parts", 2, processes)
    processes[1].send_signal(signal.SIGINT)
    (code, err), (other_code, _) = ends(processes)
    assert (code, other_code) == (130, 130), err
    assert "charlstm resume parts" in err
    assert 10 < checkpoint_of(folder / "parts").metadata["history"]["step"] < NUM_STEPS
    resume = ["resume", "parts"], ["resume", folder / "parts", "--text", folder / "cats.txt"]
    (code, err), (other_code, other_err) = ends(start_pair_of_environment(*resume, folder))
    assert (code, other_code) == (0, 0), err + other_err
    assert "worker 1 of 2" in other_err
    for file in ("model.safetensors", "samples.txt"):
        assert (folder / "parts" / file).read_bytes() == (folder / "pair" / file).read_bytes()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_dies_ends_the_other_and_the_run_goes_on_alone(folder, charlstm, monkeypatch, victim):
    name = f"killed-{victim}"
    command = ["train", "cats.txt", "--output", name, *SETTINGS]
    processes = start_pair(command, ["train", folder / "cats.txt"], folder)
    wait_for_evaluations(folder / name, 2, processes)
    processes[victim].send_signal(signal.SIGKILL)
    killed_at = time.monotonic()
    code, err = ends(processes)[1 - victim]
    assert code == 1
    assert time.monotonic() - killed_at < 8 * TIMEOUT
    lost = ("the chief", "worker 1")[victim]
    assert err.splitlines()[-2].startswith(f"error: {lost} (127.0.0.1:"), err
    assert "does not answer any more" in err
    assert "Traceback" not in err
    monkeypatch.chdir(folder)
    assert charlstm("resume", name)[0] == 0
    assert_close(folder / "alone", folder / name)


def test_another_text_is_refused_on_both_sides(folder):
    (folder / "dogs.txt").write_text(TEXT.replace("cat", "dog"))
    processes = start_pair(["train", "cats.txt", "--output", "no", *SETTINGS], ["train", folder / "dogs.txt"], folder)
    (code, err), (other_code, other_err) = ends(processes)
    assert (code, other_code) == (1, 1)
    assert "error: worker 1 (127.0.0.1:" in err
    assert "cannot train: the text is not the one that the run was started with" in err
    assert other_err.splitlines()[-2].startswith("error: the text is not the one")
    assert other_err.splitlines()[-1] == "hint: give all workers the same text and the same options for it"
    assert not (folder / "no").exists()


def test_an_error_of_the_chief_is_told_to_the_others(folder):
    few = ["train", "cats.txt", "--output", "few", *SETTINGS, "--shards", 1]
    (code, err), (other_code, other_err) = ends(start_pair(few, ["train", folder / "cats.txt"], folder))
    assert (code, other_code) == (2, 1)
    assert "--shards 1 can be shared by at most 1" in err
    assert "ended: there are 2 workers" in other_err


def test_a_port_that_is_in_use_is_one_line(folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        addresses = f"127.0.0.1:{server.getsockname()[1]},{free_addresses()[0]}"
        command = ["train", "cats.txt", "--workers", addresses, "--worker-index", 0]
        (code, err), *_ = ends([ForkedCommand(*command, cwd=folder)])
    assert code == 1
    assert err.splitlines()[-2].startswith("error: no server can be started at 127.0.0.1:")
    assert Path(folder / "runs").exists() is False
