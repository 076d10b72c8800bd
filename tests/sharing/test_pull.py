"""`charlstm pull`, with the real client and a stand-in for the Hub."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sharing.stand_in import Answer, Repository

NAME = "anna/poems"


@pytest.fixture
def repository(hub, run):
    """A repository with the model of the run, and a file that is none."""
    files = {"model.safetensors": (run / "model.safetensors").read_bytes(), "pytorch_model.bin": b"a pickle"}
    hub.repositories[NAME] = Repository(commits=[{}, files])
    return hub.repositories[NAME]


def test_a_model_becomes_a_run_with_the_same_bytes(hub, at_hub, charlstm, repository):
    code, out, err = at_hub("pull", NAME)
    assert (code, out) == (0, "runs/poems\n"), err
    assert err == "pulled lstm, 2 layers of 8 units, 28 characters\ntry: charlstm generate runs/poems\n"
    assert [path.name for path in Path("runs/poems").iterdir()] == ["model.safetensors"]
    assert Path("runs/poems/model.safetensors").read_bytes() == repository.files["model.safetensors"]
    assert {path.rpartition("/")[2] for path in hub.paths("GET") + hub.paths("HEAD")} == {"model.safetensors"}
    same = [charlstm("generate", name, "--length", 9, "--random-seed", 1)[1] for name in ("poems", "tiny")]
    assert same[0] == same[1]


def test_nothing_is_replaced_unless_the_user_says_so(hub, at_hub, repository):
    Path("poems.safetensors").write_bytes(b"mine")
    Path("runs/poems").mkdir()
    Path("runs/poems/model.safetensors").write_bytes(b"mine")
    for options in ([], ["-o", "poems.safetensors"], ["-o", "nowhere/poems.safetensors"]):
        code, out, _ = at_hub("pull", NAME, *options)
        assert (code, out) == (1, "")
    assert not hub.requests
    assert at_hub("pull", NAME, "-o", "poems.safetensors", "--overwrite")[1] == "poems.safetensors\n"
    assert Path("poems.safetensors").read_bytes() == repository.files["model.safetensors"]
    assert at_hub("pull", NAME, "--overwrite")[0] == 0


def test_a_revision_is_a_commit(hub, at_hub, repository):
    repository.commits.append({"model.safetensors": b"another"})
    assert at_hub("pull", NAME)[0] == 1
    assert at_hub("pull", NAME, "--revision", repository.commit_hash(1))[0] == 0
    code, _, err = at_hub("pull", NAME, "--revision", "nowhere", "-o", "runs/other")
    assert (code, err.splitlines()[0]) == (1, "error: anna/poems has no such revision")
    assert "--revision" in err


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x02\0\0\0\0\0\0\0{}"])
def test_what_is_no_model_is_refused(hub, at_hub, repository, content):
    repository.commits.append({"model.safetensors": content})
    code, out, err = at_hub("pull", NAME)
    assert (code, out) == (1, "")
    assert err.startswith("error: model.safetensors of anna/poems ")
    assert len(err.splitlines()) == 2
    assert not Path("runs/poems").exists()


def test_a_file_that_is_too_large_is_not_downloaded(hub, at_hub, repository):
    hub.claimed_sizes["model.safetensors"] = 1_000_000_001
    code, _, err = at_hub("pull", NAME)
    assert (code, "has 1,000,000,001 bytes" in err, hub.paths("GET")) == (1, True, [])


def test_a_repository_without_a_model_file(hub, at_hub, repository):
    repository.commits.append({"pytorch_model.bin": b"a pickle"})
    code, _, err = at_hub("pull", NAME)
    assert (code, err.splitlines()[0]) == (1, "error: anna/poems has no model.safetensors")


def test_a_hub_that_cannot_be_reached_or_must_not_be(hub, at_hub, in_own_process, repository):
    code, _, err = in_own_process("pull", NAME, HF_ENDPOINT="http://127.0.0.1:9")
    assert (code, "127.0.0.1:9 cannot be reached" in err, len(err.splitlines())) == (1, True, 2)
    code, _, err = in_own_process("pull", NAME, HF_HUB_OFFLINE="1")
    assert (code, err) == (1, "error: HF_HUB_OFFLINE forbids requests to the Hub\nhint: unset HF_HUB_OFFLINE\n")
    hub.answers["HEAD"] = Answer(200, body=b"<html>Please log in</html>")
    code, _, err = at_hub("pull", NAME)
    assert (code, "cannot be used" in err, len(err.splitlines())) == (1, True, 2)


def test_ctrl_c_leaves_nothing(hub, hub_environment, repository):
    hub.stalls = True
    command = [sys.executable, "-m", "charlstm", "pull", NAME]
    with subprocess.Popen(command, env=hub_environment, stderr=subprocess.PIPE, text=True) as process:
        while not hub.paths("GET"):
            time.sleep(0.02)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr
        assert process.stderr.read() == ""
    assert not Path("runs/poems").exists()
    assert not list(Path(hub_environment["TMPDIR"]).iterdir())
