"""The stand-in for the Hub, and the real client in another process: it reads its settings when it is imported."""

import contextlib
import io
import json
import os
import subprocess
import sys

import pytest

from tests.sharing.stand_in import running_hub

TOKEN = "hf_secret"  # noqa: S105 (of nobody)


@pytest.fixture(scope="session")
def _running_hub():
    pytest.importorskip("huggingface_hub")
    with running_hub() as hub:
        yield hub


@pytest.fixture
def hub(_running_hub):
    _running_hub.forget()
    return _running_hub


@pytest.fixture(scope="session")
def hub_environment(_running_hub, tmp_path_factory):
    """The environment of a user who is logged in at the stand-in."""
    home = tmp_path_factory.mktemp("home")
    (home / "tmp").mkdir()
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return kept | {
        "HF_ENDPOINT": _running_hub.address,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",  # the stand-in knows the older way
        "TMPDIR": str(home / "tmp"),
    }


@pytest.fixture(scope="session")
def _client(hub_environment):
    """A process that runs many commands, see `answer_commands`: imports take longer than all of them."""
    command = [sys.executable, "-c", "from tests.sharing.conftest import answer_commands; answer_commands()"]
    with subprocess.Popen(
        command, text=True, env=hub_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.communicate("\n")


@pytest.fixture
def at_hub(hub, _client, hub_environment):
    """Run a command of charlstm with the stand-in: returns its exit code, stdout and stderr."""

    def run(*arguments):
        _client.stdin.write(json.dumps([os.getcwd(), [*map(str, arguments)]]) + "\n")
        _client.stdin.flush()
        answer = tuple(json.loads(_client.stdout.readline()))
        assert not os.listdir(hub_environment["TMPDIR"])
        return answer

    return run


def answer_commands():
    """Answer each line of standard input, a folder and the arguments of a command, with what the command did.

    An empty line ends it: the input itself would not end while another process holds it open.
    """
    from charlstm.cli.app import main

    for line in iter(sys.stdin.readline, "\n"):
        folder, arguments = json.loads(line)
        os.chdir(folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)


@pytest.fixture
def in_own_process(hub, hub_environment):
    """Run a command with other variables in its environment (None: without); returns as `at_hub` does."""

    def run(*arguments, **changes):
        environment = {name: value for name, value in (hub_environment | changes).items() if value is not None}
        command = [sys.executable, "-m", "charlstm", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    return run
