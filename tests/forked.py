"""The command line in processes that are forked from one that has imported TensorFlow, which takes seconds."""

import multiprocessing
import os
import sys
import tempfile
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest import mock

from charlstm.__main__ import run

ROOT = Path(__file__).parents[1]


class ForkedCommand:
    """A process that runs a command; the environment variables given are added to those of this process."""

    def __init__(self, *arguments: object, cwd: Path, environment: dict[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._outputs = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        words, variables = [*map(str, arguments)], os.environ | (environment or {})
        self._process = _context().Process(target=_run, args=(words, cwd, variables, self._outputs))
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def is_running(self) -> bool:
        return bool(self._process.is_alive())

    @property
    def stderr(self) -> str:
        """What it has written so far."""
        return self._outputs[1].read_text()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for its end; return the exit code, stdout and stderr."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, self.stderr
        return self._process.exitcode, self._outputs[0].read_text(), self.stderr


@cache
def _context() -> Any:
    """Start the process that others are forked from. It runs nothing in TensorFlow, and so has none of its threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preloaded"])
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path])):
        forkserver.ensure_running()
    return context


def _run(arguments: list[str], folder: Path, environment: dict[str, str], outputs: list[Path]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = ["charlstm", *arguments]
    sys.exit(run())
