"""The commands and the code in docs/serve.md run as they are printed, but for the port."""

import inspect
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from charlstm.cli.commands.serve import serve
from charlstm.storage.model_file import save_model
from tests.cli.test_serve import serving
from tests.conftest import random_model
from tests.printed_commands import DOCUMENTATION

PAGE = (DOCUMENTATION / "docs" / "serve.md").read_text(encoding="utf-8")
PRINTED_ADDRESS = "127.0.0.1:8000"


def printed_command(program):
    """The words of the only command of this program on the page."""
    (line,) = re.findall(rf"^ {{4}}({program} .+)$", PAGE, re.MULTILINE)
    return shlex.split(line, comments=True)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """The printed server, on a port that is free, with a small network under the printed name."""
    pytest.importorskip("uvicorn")
    monkeypatch.chdir(tmp_path)
    Path("runs/macbeth").mkdir(parents=True)
    save_model(Path("runs/macbeth/model.safetensors"), random_model(characters="MACBETH.\n abcdefgh"))
    program, command, *arguments = printed_command("charlstm")
    assert (program, command) == ("charlstm", "serve")
    with serving(*arguments) as (_, port):
        yield f"127.0.0.1:{port}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl(address):
    words = [word.replace(PRINTED_ADDRESS, address) for word in printed_command("curl")]
    result = subprocess.run(
        [*words, "--silent", "--show-error"], capture_output=True, text=True, check=True, timeout=60
    )
    (choice,) = json.loads(result.stdout)["choices"]
    assert (len(choice["text"]), choice["seed"], choice["finish_reason"]) == (200, 5, "length")


def test_the_python_client(address, capsys):
    pytest.importorskip("openai")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code.replace(PRINTED_ADDRESS, address), "docs/serve.md", "exec"), {})  # noqa: S102
    assert len(capsys.readouterr().out) == 200


def test_the_printed_address_is_the_default():
    given = inspect.signature(serve).parameters
    assert f"{given['host'].default}:{given['port'].default}" == PRINTED_ADDRESS
