"""`charlstm train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli.console import clock, loss, say, starting_tensorflow, training_display
from charlstm.cli.options import duration
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.machine import fastest_precision, num_cores
from charlstm.planning import (
    EMBEDDING_DIM,
    NUM_LAYERS,
    PRESETS,
    SEQUENCE_LENGTH,
    Situation,
    choose,
    describe,
    make_configs,
    needs_speed,
    preset_settings,
)

if TYPE_CHECKING:
    from charlstm.corpus import Corpus
    from charlstm.runfolder import RunFolder
    from charlstm.training import TrainingResult
    from charlstm.vocabulary import Vocabulary


def _option(*names: str, **settings: Any) -> Any:
    """An option whose default is chosen, or told in its help."""
    return typer.Option(*names, show_default=False, **settings)


def train(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT", help="Text files, or the name of a text that ships with charlstm (macbeth.txt)."
        ),
    ],
    out: Annotated[
        Path | None,
        _option("--out", "-o", metavar="RUN", help="The run folder. Default: runs/ and the name of the text."),
    ] = None,
    preset: Annotated[
        str | None, _option("--preset", metavar="NAME", help=f"Fixed settings: {', '.join(PRESETS)}.")
    ] = None,
    cell: Annotated[str, typer.Option(metavar="CELL", help="The recurrent cell: lstm.")] = ModelConfig.cell,
    layers: Annotated[
        int | None, _option("--layers", metavar="N", help=f"Recurrent layers. Default: {NUM_LAYERS}.")
    ] = None,
    units: Annotated[int | None, _option("--units", metavar="N", help="Units of each recurrent layer.")] = None,
    embedding: Annotated[
        int | None,
        _option("--embedding", metavar="N", help=f"Numbers that stand for a character. Default: {EMBEDDING_DIM}."),
    ] = None,
    dropout: Annotated[
        float | None, _option("--dropout", metavar="SHARE", help="Share of each layer's outputs left out in training.")
    ] = None,
    recurrent_dropout: Annotated[
        float | None,
        _option("--recurrent-dropout", metavar="SHARE", help="Share of the recurrent weights left out in training."),
    ] = None,
    sequence_length: Annotated[
        int | None,
        _option(
            "--sequence-length",
            metavar="N",
            help=f"Characters that the gradient reaches back. Default: {SEQUENCE_LENGTH}.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, _option("--batch-size", metavar="N", help="Streams through the text, side by side.")
    ] = None,
    epochs: Annotated[float | None, _option("--epochs", metavar="N", help="Passes over the text.")] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=duration, metavar="TIME", help="Train at most so long: 90s, 5m, 1h30m.", show_default=False
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, _option("--learning-rate", metavar="RATE", help="The highest learning rate.")
    ] = None,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Share at the end of the text kept for validation.")
    ] = TrainingConfig.validation,
    patience: Annotated[
        int, typer.Option(metavar="N", help="Stop after so many evaluations without improvement.")
    ] = TrainingConfig.patience,
    random_seed: Annotated[
        int, typer.Option(metavar="N", help="Fixes initial weights and dropout.")
    ] = TrainingConfig.random_seed,
    precision: Annotated[
        str, typer.Option(metavar="TYPE", help="Of the matmuls: float32, bfloat16, or auto (what is faster here).")
    ] = "auto",
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Learn the text in lower case.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
) -> None:
    """Train a network on a text.

    What is not given is chosen: units, dropout, batch size, learning rate and the length of the training, from the
    size of the text, the time given and the speed of this machine. The end of the text is kept for validation; the
    model that foretells it best is kept in the run folder.

    \b
    charlstm train macbeth.txt
    charlstm train lyrics.txt --max-time 5m --out runs/lyrics
    """
    options: dict[str, Any] = {
        "num_layers": layers,
        "units": units,
        "embedding_dim": embedding,
        "dropout": dropout,
        "recurrent_dropout": recurrent_dropout,
        "sequence_length": sequence_length,
        "batch_size": batch_size,
        "epochs": epochs,
        "max_time": max_time,
        "learning_rate": learning_rate,
    }
    given = preset_settings(preset) | {name: value for name, value in options.items() if value is not None}
    always: dict[str, Any] = {
        "cell": cell,
        "validation": validation,
        "patience": patience,
        "random_seed": random_seed,
        "precision": fastest_precision() if precision == "auto" else precision,
    }
    make_configs(given | always)  # refuses what is out of range before anything is read
    from charlstm.batching import split_for_validation
    from charlstm.corpus import load_corpus
    from charlstm.modelfile import weight_shapes
    from charlstm.runfolder import RUNS, RunFolder
    from charlstm.vocabulary import Vocabulary

    corpus = load_corpus(texts)
    vocabulary = Vocabulary.of(corpus.text, lowercase=lowercase)
    dataset = split_for_validation(
        vocabulary.encode(corpus.text),
        validation=validation,
        sequence_length=given.get("sequence_length", SEQUENCE_LENGTH),
    )
    weight_shapes(ModelConfig(cell=cell), len(vocabulary))  # refuses an unknown cell
    run = RunFolder(out or RUNS / corpus.name)
    run.create(overwrite=overwrite)
    with starting_tensorflow(quiet=quiet) as show:
        from charlstm.learner import set_threads
        from charlstm.speed import measure_speed
        from charlstm.training import Training

        set_threads(num_cores())
        show("measuring how fast this machine trains")
        speed = measure_speed(precision=always["precision"]) if needs_speed(given) else None
    situation = Situation(len(dataset.training), len(vocabulary), num_cores(), speed)
    chosen = choose(situation, given)
    model_config, config = make_configs(chosen | always)
    if not quiet:
        _introduce(corpus, vocabulary, config)
        say(describe(chosen, given, situation))
    training = Training(corpus, vocabulary, dataset, model_config, config, run)
    try:
        with training_display(quiet=quiet) as listener:
            result = training.go(listener)
    except KeyboardInterrupt:
        _say_where_it_stopped(run)
        raise
    if not quiet:
        _conclude(run, result)


def _introduce(corpus: "Corpus", vocabulary: "Vocabulary", config: TrainingConfig) -> None:
    say(
        f"{corpus.name}: {len(corpus.text):,} characters, {len(vocabulary)} different; "
        f"the last {config.validation:.0%} for validation"
    )


def _conclude(run: "RunFolder", result: "TrainingResult") -> None:
    best = result.best
    if result.stopped_early:
        say(f"stopped early: no improvement since epoch {best.epoch:.2f}")
    say(f"trained for {clock(result.seconds)}, best after {best.epoch:.2f} epochs")
    say(
        f"validation: {loss(best.validation.nats_per_character)} per character, accuracy {best.validation.accuracy:.1%}"
    )
    say(f"model: {run.model}")
    say(f"write with it: charlstm generate {run.path}", style="bold")


def _say_where_it_stopped(run: "RunFolder") -> None:
    if run.model.exists():
        say(f"stopped; the best model so far is {run.model}: charlstm generate {run.path}")
    else:
        say("stopped before the first evaluation: there is no model yet")
