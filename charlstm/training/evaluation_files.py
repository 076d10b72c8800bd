"""The files of a run that grow with each evaluation: its history, its samples, and some logs.

They are written whole when a process begins, from the checkpoint, so that they hold what the checkpoint holds and no
line that a power cut has torn, unless they do already. After that only new evaluations are appended.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from charlstm.atomic_files import append, read_regular_file, write_atomically
from charlstm.training.history import Evaluation


class EvaluationFile:
    """A file with one part for each evaluation."""

    def __init__(self, path: Path, part: Callable[[int, Evaluation], bytes]) -> None:
        self._path, self._part = path, part
        self._num_written = 0
        self._length: int | None = None  # bytes on disk; None: not known

    def write(self, evaluations: Sequence[Evaluation]) -> None:
        """Write those that are not in the file yet. Raises RunError if they cannot be written."""
        length, self._length = self._length, None  # not known if writing fails
        if length is not None:
            content = self._content(evaluations, start=self._num_written)
            if not content or append(self._path, content, length=length):
                self._length, self._num_written = length + len(content), len(evaluations)
                return
        content = self._content(evaluations)
        if not self._is_on_disk(content):  # a program that reads the file goes on with it then
            write_atomically(self._path, content)
        self._length, self._num_written = len(content), len(evaluations)

    def _is_on_disk(self, content: bytes) -> bool:
        try:
            return read_regular_file(self._path, max_bytes=len(content)) == content
        except OSError:
            return False

    def _content(self, evaluations: Sequence[Evaluation], *, start: int = 0) -> bytes:
        return b"".join(self._part(index, evaluations[index]) for index in range(start, len(evaluations)))


def history_line(_: int, evaluation: Evaluation) -> bytes:
    """Return the line of history.jsonl."""
    return json.dumps(evaluation.to_line()).encode() + b"\n"


def sample_part(index: int, evaluation: Evaluation) -> bytes:
    """Return the sample with its heading, after an empty line unless it is the first."""
    heading = f"--- step {evaluation.step}, epoch {evaluation.epoch:.2f} ---"
    text = ("\n" if index else "") + f"{heading}\n{evaluation.sample}\n"
    return text.encode("utf-8", "surrogatepass")
