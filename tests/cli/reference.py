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
    "repeat",
    "sweep",
    "generate",
    "write",
    "evaluate",
    "score",
    "info",
    "inspect",
    "plot",
    "samples",
    "gradients",
    "export",
    "import",
    "push",
    "pull",
    "serve",
    "runs",
    "runs rm",
    "runs mv",
    "runs best",
    "corpus stats",
    "corpus list",
    "corpus fetch",
)
WITH_MORE_OPTIONS = (("train",), ("repeat",), ("sweep",), ("generate",))  # than `--help` shows
WIDTH = "80"
SETTINGS = """\
An option that is not on the command line is taken from its environment variable, then from the file of `--config`, and
else has its default:

- The variable of `charlstm train --max-time` is `CHARLSTM_TRAIN_MAX_TIME`, and so on for every command and every option
  that can be given only once. The variable of a switch is `1` or `0`.
- The file of `--config`, which `train`, `compare`, `repeat` and `sweep` take, is TOML. Its keys are the options without
  dashes, and `text`. `charlstm train macbeth.txt --show-config > run.toml` writes one with everything that `charlstm
  train --config run.toml` would use, and says for each setting whether it was given, chosen or is the default.

```toml
text = ["macbeth.txt"]
max-time = "5m"
units = 256
```

`charlstm --install-completion` switches on completion in bash, zsh and fish, in the terminals that are opened after it:
of commands, options, runs, models, texts, cells, presets and the values of options. `charlstm --show-completion` prints
the script instead.

The same text is installed as manual pages: `man charlstm-train`.
"""


def help_text(*arguments: str) -> str:
    show = "--help-all" if arguments in WITH_MORE_OPTIONS else "--help"
    with mock.patch.dict(os.environ, COLUMNS=WIDTH), contextlib.redirect_stdout(io.StringIO()) as out:
        main([*arguments, show])
    return out.getvalue().rstrip()


def reference() -> str:
    parts = [
        f"# The command line\n\nGenerated from `--help` and `--help-all` by `make docs`.\n\n{SETTINGS}",
        f"```text\n{help_text()}\n```\n",
    ]
    parts += [f"## charlstm {command}\n\n```text\n{help_text(*command.split())}\n```\n" for command in COMMANDS]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
