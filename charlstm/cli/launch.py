"""What `train` and `resume` share: own the run folder, start TensorFlow, train in sight of the user, and conclude."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from charlstm.arrays import Ids
from charlstm.cli.display.library_startup import starting_tensorflow
from charlstm.cli.display.messages import changes_line, clock, loss, say, warn
from charlstm.cli.display.training_screen import training_display
from charlstm.machine import num_cores
from charlstm.text.decoding import DecodingOptions

if TYPE_CHECKING:
    from subprocess import Popen

    from charlstm.storage.run_folder import RunFolder
    from charlstm.text.corpus import Corpus
    from charlstm.text.vocabulary import Vocabulary
    from charlstm.training.interruption import Interruption
    from charlstm.training.loop import TrainingResult, TrainingRun

Show = Callable[[str], None]


@contextmanager
def tensorflow_started(*, quiet: bool, precision: str) -> Iterator[Show]:
    """TensorFlow with its threads set for training; yields a function that changes the line on the screen.

    The first time on a machine the fast loops are compiled meanwhile.
    """
    with starting_tensorflow(quiet=quiet) as show, _compiling(precision) as compiler:
        from charlstm.training.train_step import set_threads

        set_threads(num_cores())
        if compiler:
            show("compiling for this processor, once on a machine")
            compiler.wait()
        yield show


@contextmanager
def _compiling(precision: str) -> Iterator["Popen[bytes] | None"]:
    from charlstm.kernels import start_precompiling

    compiler = start_precompiling(precision)
    try:
        yield compiler
    finally:
        if compiler:
            compiler.kill()
            compiler.wait()


def introduction(corpus: "Corpus", vocabulary: "Vocabulary", validation: float) -> str:
    return (
        f"{corpus.name}: {len(corpus):,} characters, {len(vocabulary)} different; "
        f"the last {validation:.0%} for validation"
    )


def ids_of(corpus: "Corpus", vocabulary: "Vocabulary", policy: str, *, quiet: bool) -> "Ids":
    """The text in the ids of a vocabulary; what that changes is said."""
    map_characters = vocabulary.map_characters(corpus.characters, policy)
    if map_characters.changes and not quiet:
        say(changes_line(map_characters.changes))
    return corpus.remapped(map_characters.table, size=len(vocabulary))


def keep_text(training: "TrainingRun") -> None:
    """Keep a text that cannot be read again (standard input) in the run folder, for a resume."""
    from charlstm.atomic_files import writing

    text = training.folder.text
    with writing(text) as file:
        for piece in training.corpus.pieces():
            file.write(piece.encode())
    training.corpus = dataclasses.replace(training.corpus, sources=(str(text.absolute()),))
    training.reading = DecodingOptions(
        encoding="utf-8", normalize="none", keep_boilerplate=True, lowercase=training.reading.lowercase
    )


@contextmanager
def owned(run: "RunFolder") -> "Iterator[Interruption]":
    """A run folder that is this process's, and signals that leave at once until the training begins."""
    from charlstm.storage.lock import exclusive_lock
    from charlstm.training.interruption import Interruption

    with exclusive_lock(run.path), Interruption() as interruption:
        interruption.can_wait = False
        try:
            yield interruption
        except (Exception, SystemExit) as problem:
            if interruption.can_wait or interruption.signal_number is None:
                raise
            warn("stopped before the training began; nothing is lost")
            raise SystemExit(interruption.exit_code) from problem  # an import may have made another error of it


def go(
    training: "TrainingRun",
    interruption: "Interruption",
    *,
    checkpoint_every: float,
    quiet: bool,
) -> None:
    """Train to the end or to a signal; then the command ends with the signal's exit code."""
    interruption.can_wait = True
    with training_display(quiet=quiet) as listener:
        result = training.run(
            listener,
            interruption,
            checkpoint_every=checkpoint_every,
            waits_for_room=sys.stderr.isatty(),
        )
    if result.interrupted:
        warn(f"stopped after {result.done:.0%}; nothing is lost, go on with: charlstm resume {training.folder.path}")
        raise typer.Exit(interruption.exit_code)
    if not quiet:
        conclude(training.folder, result)


def conclude(run: "RunFolder", result: "TrainingResult") -> None:
    best = result.best
    if best is None:
        return
    if result.stopped_early:
        say(f"stopped early: no improvement since epoch {best.epoch:.2f}")
    say(f"trained for {clock(result.seconds)}, best after {best.epoch:.2f} epochs")
    say(
        f"validation: {loss(best.validation.nats_per_character)} per character, accuracy {best.validation.accuracy:.1%}"
    )
    say(f"model: {run.model}")
    say(f"write with it: charlstm generate {run.path}", style="bold")
