"""What `make models` and `make samples` do: train a model on each text, and generate a sample from each model.

python -m tools.batch models|samples CHARLSTM

Make itself knows no paths with blanks. The settings come from the environment, where make puts them.
"""

import glob
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from charlstm.storage.lock import is_locked
from charlstm.storage.run_folder import RunFolder
from charlstm.text.sources import corpus_name

RUNS, SAMPLES = Path("runs"), Path("samples")
SAMPLING = {
    "LENGTH": "1000",
    "TEMPERATURE": "",
    "RANDOM_SEED": "0",
}  # defaults; "": that of charlstm


@dataclass(frozen=True)
class Batch:
    """One call of make: the texts by the names of their runs, and the settings."""

    texts: Mapping[str, str]
    train_flags: list[str] | None  # None: not given, so any model will do
    sample_flags: list[str]
    charlstm: Sequence[str]  # the program

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], charlstm: Sequence[str]) -> "Batch":
        """Read CORPORA, TRAIN_FLAGS, LENGTH, TEMPERATURE and RANDOM_SEED."""
        train_flags = environment.get("TRAIN_FLAGS")
        sampling = {name: environment.get(name) or default for name, default in SAMPLING.items()}
        return cls(
            texts=_name_texts([*sorted(glob.glob("data/*.txt")), *split_paths(environment.get("CORPORA", ""))]),
            train_flags=None if train_flags is None else shlex.split(train_flags),
            sample_flags=[f"--{name.lower().replace('_', '-')}={value}" for name, value in sampling.items() if value],
            charlstm=charlstm,
        )


def split_paths(words: str) -> list[str]:
    """Return the paths in CORPORA: separated by blanks, which a path that exists may hold itself.

    Quotation marks and backslashes work as in a shell, unless the paths exist as they stand, and so do patterns. What
    names no file is kept, for charlstm to refuse.
    """
    if os.path.exists(words):
        return [words]
    try:
        readings = [_join_paths(shlex.split(words)), _join_paths(words.split())]
    except ValueError:  # an apostrophe
        readings = [_join_paths(words.split())]
    return next((paths for paths in readings if all(map(os.path.exists, paths))), readings[0])


def _join_paths(words: Sequence[str]) -> list[str]:
    """Join words to paths, each the longest that exists."""
    paths: list[str] = []
    rest = list(words)
    while rest:
        lengths = (length for length in range(len(rest), 0, -1) if os.path.exists(" ".join(rest[:length])))
        length = next(lengths, 1)
        path = " ".join(rest[:length])
        paths += [path] if os.path.exists(path) else sorted(glob.glob(path)) or [path]
        del rest[:length]
    return paths


def _name_texts(paths: Sequence[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        name = corpus_name([path])
        if name in texts:
            sys.exit(f"{texts[name]} and {path} would share the run {RUNS / name}: rename one of them")
        texts[name] = path
    return texts


def train_models(batch: Batch) -> None:
    """Train a model on each text that has none, an older one, or one that was trained with other flags."""
    for name, text in batch.texts.items():
        if not _is_current(RUNS / name, text, batch.train_flags):
            _train(RUNS / name, text, batch)


def _is_current(run: Path, text: str, train_flags: list[str] | None) -> bool:
    model = RunFolder(run).model
    if not model.exists() or (os.path.exists(text) and model.stat().st_mtime < _last_change(text)):
        return False
    if train_flags is None:
        return True
    try:
        command = json.loads(RunFolder(run).config.read_bytes())["origin"]["command"]
    except (OSError, ValueError, KeyError, TypeError):  # of an earlier version, which kept no command
        return False
    return bool(command == _train_command(run, text, train_flags))


def _train_command(run: Path, text: str, train_flags: Sequence[str]) -> list[str]:
    """Return the command as charlstm records it. It trains in a hidden folder, so a failed run is never a model."""
    return ["charlstm", "train", text, *train_flags, "--output", str(run.with_name(f".making-{run.name}"))]


def _train(run: Path, text: str, batch: Batch) -> None:
    """Train a model, and only then put it in the place of the one before, which is kept as NAME.previous."""
    if run.exists() and is_locked(run):
        sys.exit(f"{run} is training: wait until it ends, or stop it")
    making, previous = run.with_name(f".making-{run.name}"), run.with_name(f"{run.name}.previous")
    shutil.rmtree(making, ignore_errors=True)
    _call([*batch.charlstm, *_train_command(run, text, batch.train_flags or [])[1:]])
    if run.exists():
        shutil.rmtree(previous, ignore_errors=True)
        run.rename(previous)
    making.rename(run)
    RunFolder(run).model.touch()


def write_samples(batch: Batch) -> None:
    """Generate samples/NAME.txt, unless it is there, newer than the model, and made with the same settings."""
    for name in batch.texts:
        model, sample, record = RunFolder(RUNS / name).model, SAMPLES / f"{name}.txt", SAMPLES / f".{name}.json"
        settings = json.dumps(batch.sample_flags)
        is_newer = sample.exists() and sample.stat().st_mtime >= model.stat().st_mtime
        if is_newer and record.exists() and record.read_text() == settings:
            continue
        SAMPLES.mkdir(exist_ok=True)
        saving = ["--overwrite", "--output", str(sample)]
        _call([*batch.charlstm, "generate", str(RUNS / name), *batch.sample_flags, *saving])
        record.write_text(settings)


def _last_change(text: str) -> float:
    """Return when a file, or the newest file in a folder, was changed."""
    return max(path.stat().st_mtime for path in (Path(text), *Path(text).rglob("*")))


def _call(command: Sequence[str]) -> None:
    print(shlex.join(command), flush=True)
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)


def main(what: str, charlstm: Sequence[str]) -> None:
    """Do it while no other make does: the second one waits, and then finds what the first one made."""
    RUNS.mkdir(exist_ok=True)
    lock = FileLock(RUNS / ".make.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("waiting for another make in this folder", file=sys.stderr)
        lock.acquire()
    with lock:
        batch = Batch.from_environment(os.environ, charlstm)
        train_models(batch)
        if what == "samples":
            write_samples(batch)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
