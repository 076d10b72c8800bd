"""Generate docs/cli.md from `--help`: `python -m tests.cli.reference docs/cli.md`."""

import contextlib
import io
import sys
from pathlib import Path

from charlstm.cli.app import main

COMMANDS = (
    "train",
    "resume",
    "generate",
    "write",
    "evaluate",
    "info",
    "compare",
    "gradients",
    "plot",
    "samples",
    "runs",
    "runs rm",
    "runs mv",
    "runs best",
    "corpus stats",
    "corpus list",
    "corpus fetch",
)


def help_text(*arguments: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main([*arguments, "--help"])
    return out.getvalue().rstrip()


def reference() -> str:
    parts = ["# The command line\n\nGenerated from `--help` by `make docs`.\n", f"```text\n{help_text()}\n```\n"]
    parts += [f"## charlstm {command}\n\n```text\n{help_text(*command.split())}\n```\n" for command in COMMANDS]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
