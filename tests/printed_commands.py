"""Run the commands of a page of documentation as they are printed, on small data and in less time."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

DOCUMENTATION = Path(__file__).parents[1]
TRAINS = ("train", "compare")
SMALL = ("--units", "16", "--layers", "1")  # of an option that is given twice, the last one counts
SECONDS = {"h": 0.2, "m": 0.04, "s": 0.01}  # for an hour, a minute or a second that is printed
TIME = "1m"  # for a command that leaves it out
INTERACTIVE = ("write",)  # needs a terminal; tests/cli/test_write.py drives it


class Output(NamedTuple):
    """What one command wrote."""

    command: str  # as printed
    stdout: str


def put_short_macbeth(folder: Path) -> None:
    """Let the name macbeth.txt stand for a few scenes of the play: a file comes before a text that ships."""
    play = (DOCUMENTATION / "data" / "macbeth.txt").read_text()
    (folder / "macbeth.txt").write_text(play[:8000])


def indented_blocks(page: Path) -> list[list[str]]:
    """Return the indented blocks of a page that hold commands, line by line, without their comments."""
    blocks = re.findall(r"(?:^ {4}.+\n)+", page.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [[line.strip() for line in block.splitlines()] for block in blocks]
    return [lines for lines in commands if lines[0].startswith(("charlstm ", "cp "))]


def shortened(line: str) -> list[str]:
    """Return the words of a printed command, with its time cut and its network made small.

    >>> shortened("charlstm train names.txt --max-time 2h   # a long one")
    ['charlstm', 'train', 'names.txt', '--max-time', '0.4s', '--units', '16', '--layers', '1']
    """
    words = shlex.split(line, comments=True)
    if words[1] in TRAINS:
        words += SMALL if "--max-time" in words else (*SMALL, "--max-time", TIME)
    for index, word in enumerate(words):
        if words[index - 1] == "--max-time":
            words[index] = f"{float(word[:-1]) * SECONDS[word[-1]]}s"
    return words


def run_printed(line: str, charlstm) -> Output:
    """Run one printed command in the working folder; `charlstm` is the fixture of that name."""
    words = shortened(line)
    if words[0] != "charlstm":
        return Output(line, subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    if words[1] in INTERACTIVE:
        return Output(line, "")
    code, out, err = charlstm(*words[1:])
    assert code == 0, f"{line}\n{err}"
    return Output(line, out)
