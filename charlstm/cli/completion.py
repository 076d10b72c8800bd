"""Values that a shell can complete: runs, models, texts, cells, and the choices of options.

Every key press of Tab starts the program, so nothing here may import NumPy.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from charlstm.storage.run_folder import RUNS

MODEL_SUFFIX = ".safetensors"
AUTO, NOTHING = "auto", "none"  # of train --from: a model that ships if it suits the text, and no model
MIXES = ("characters", "words", "lines")  # of generation.ensemble
BUDGETS = ("time", "epochs", "steps", "characters")  # of experiments.plan
VARIATIONS = ("textbook", "initial", "closed", "exploding")  # of analysis.gradient_flow
Completion = Callable[[str], list[str]]


def complete_runs(incomplete: str) -> list[str]:
    """Return the names of runs under runs/, also in comparisons there, and folders of runs by their paths."""
    from charlstm.storage.run_summary import find_runs

    runs = sorted(find_runs(RUNS), key=lambda run: run.path) if RUNS.is_dir() else []
    names = [str(run.path.relative_to(RUNS)) for run in runs if run.has_run]
    return _matching([*names, *_paths(incomplete, folders_only=True)], incomplete)


def complete_models(incomplete: str) -> list[str]:
    """Return runs, models that ship, and model files."""
    from charlstm.storage.shipped_models import shipped_models

    files = [path for path in _paths(incomplete) if path.endswith(MODEL_SUFFIX)]
    return list(dict.fromkeys([*complete_runs(incomplete), *_matching([*shipped_models()], incomplete), *files]))


def complete_starting_points(incomplete: str) -> list[str]:
    """Return what a run can start from."""
    return [*complete_models(incomplete), *_matching([NOTHING, AUTO], incomplete)]


def complete_texts(incomplete: str) -> list[str]:
    """Return the texts that ship, those that were fetched, and files."""
    from charlstm.machine import cache_folder
    from charlstm.text.catalogue import ENTRIES, find_fetched, shipped_texts

    cache = cache_folder()
    fetched = [entry.name for entry in ENTRIES if cache is not None and find_fetched(entry.name, cache) is not None]
    return _matching([*shipped_texts(), *fetched, *_paths(incomplete)], incomplete)


def complete_texts_and_runs(incomplete: str) -> list[str]:
    """Return texts, then runs."""
    return list(dict.fromkeys([*complete_texts(incomplete), *complete_runs(incomplete)]))


def complete_fetchable(incomplete: str) -> list[str]:
    """Return the texts that can be downloaded by name."""
    from charlstm.text.catalogue import ENTRIES

    return _matching([entry.name for entry in ENTRIES], incomplete)


def complete_cells(incomplete: str) -> list[str]:
    """Return cells; after a comma, the next one of a list."""
    from charlstm.cells.registry import CELLS

    earlier, comma, _ = incomplete.rpartition(",")
    return _matching([earlier + comma + name for name in CELLS], incomplete)


def choices(values: Sequence[str]) -> Completion:
    """Return the completion of an option that takes one of these values."""

    def complete(incomplete: str) -> list[str]:
        return _matching(values, incomplete)

    return complete


@contextlib.contextmanager
def quoting_for_bash() -> Iterator[None]:
    """Quote what is printed while bash asks for completions: it inserts lines as they are, and words end at blanks."""
    if os.environ.get("_CHARLSTM_COMPLETE") != "complete_bash":
        yield
        return
    position = int(os.environ.get("COMP_CWORD", "0"))
    typed = "".join(os.environ.get("COMP_WORDS", "").split("\n")[position : position + 1])
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            yield
    finally:
        has_quote = typed.startswith(("'", '"'))  # which protects what is inserted, except from itself
        special = re.compile(r"(?!)" if has_quote else r"[^\w@%+=:,./~\n-]")
        sys.stdout.write(special.sub(lambda match: "\\" + match[0], output.getvalue()))


def _matching(values: Sequence[str], incomplete: str) -> list[str]:
    return list(dict.fromkeys(value for value in values if value.startswith(incomplete)))


def _paths(incomplete: str, *, folders_only: bool = False) -> list[str]:
    """Return the files and folders whose paths begin like this, folders with a slash at their ends.

    Of a single folder what it holds is returned too: after a single match, shells end the word.
    """
    found = _entries(incomplete)
    if len(found) == 1 and found[0].endswith("/"):
        found += _entries(found[0])
    return [path for path in found if path.endswith("/") or not folders_only]


def _entries(incomplete: str) -> list[str]:
    parent, start = os.path.split(incomplete)
    try:
        entries = sorted(Path(parent or ".").iterdir())
    except OSError:
        return []
    shown = [entry for entry in entries if entry.name.startswith(start) and (start or not entry.name.startswith("."))]
    return [os.path.join(parent, entry.name) + ("/" if entry.is_dir() else "") for entry in shown]
