"""Generate docs/cli.md from the whole help of every command: `python -m tests.cli.reference docs/cli.md`."""

import contextlib
import io
import os
import sys
from pathlib import Path
from unittest import mock

from charlstm.cli.app import main

COMMANDS = (
    "train",
    "resume",
    "compare",
    "generate",
    "write",
    "evaluate",
    "info",
    "plot",
    "samples",
    "gradients",
    "runs",
    "runs rm",
    "runs mv",
    "runs best",
    "corpus stats",
    "corpus list",
    "corpus fetch",
)
WITH_MORE_OPTIONS = (("train",), ("generate",))  # than `--help` shows
WIDTH = "80"


def help_text(*arguments: str) -> str:
    show = "--help-all" if arguments in WITH_MORE_OPTIONS else "--help"
    with mock.patch.dict(os.environ, COLUMNS=WIDTH), contextlib.redirect_stdout(io.StringIO()) as out:
        main([*arguments, show])
    return out.getvalue().rstrip()


def reference() -> str:
    parts = [
        "# The command line\n\nGenerated from `--help` and `--help-all` by `make docs`.\n",
        f"```text\n{help_text()}\n```\n",
    ]
    parts += [f"## charlstm {command}\n\n```text\n{help_text(*command.split())}\n```\n" for command in COMMANDS]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
