"""`charlstm train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli.console import clock, loss, say, starting_tensorflow, training_display
from charlstm.cli.options import duration
from charlstm.config import ModelConfig, TrainingConfig

if TYPE_CHECKING:
    from charlstm.corpus import Corpus
    from charlstm.runfolder import RunFolder
    from charlstm.training import TrainingResult
    from charlstm.vocabulary import Vocabulary


def train(
    texts: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="Text files, or the name of a text that ships with charlstm (macbeth.txt)."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="RUN",
            help="The run folder. Default: runs/ and the name of the text.",
            show_default=False,
        ),
    ] = None,
    cell: Annotated[str, typer.Option(metavar="CELL", help="The recurrent cell: lstm.")] = ModelConfig.cell,
    layers: Annotated[int, typer.Option(metavar="N", help="Recurrent layers.")] = ModelConfig.num_layers,
    units: Annotated[int, typer.Option(metavar="N", help="Units of each recurrent layer.")] = ModelConfig.units,
    embedding: Annotated[
        int, typer.Option(metavar="N", help="Numbers that stand for a character at the input.")
    ] = ModelConfig.embedding_dim,
    dropout: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of each layer's outputs left out in training.")
    ] = TrainingConfig.dropout,
    sequence_length: Annotated[
        int, typer.Option(metavar="N", help="Characters that the gradient reaches back.")
    ] = TrainingConfig.sequence_length,
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Streams through the text, side by side.")
    ] = TrainingConfig.batch_size,
    epochs: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help=f"Passes over the text. Default: {TrainingConfig.epochs:g}, or as many as --max-time allows.",
            show_default=False,
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=duration, metavar="TIME", help="Train at most so long: 90s, 5m, 1h30m.", show_default=False
        ),
    ] = None,
    learning_rate: Annotated[
        float, typer.Option(metavar="RATE", help="The highest learning rate.")
    ] = TrainingConfig.learning_rate,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", help="Share at the end of the text kept for validation.")
    ] = TrainingConfig.validation,
    patience: Annotated[
        int, typer.Option(metavar="N", help="Stop after so many evaluations without improvement.")
    ] = TrainingConfig.patience,
    random_seed: Annotated[
        int, typer.Option(metavar="N", help="Fixes initial weights and dropout.")
    ] = TrainingConfig.random_seed,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Learn the text in lower case.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
) -> None:
    """Train a network on a text.

    The end of the text is kept for validation; the model that foretells it best is kept in the run folder.

    \b
    charlstm train macbeth.txt
    charlstm train lyrics.txt --max-time 5m --out runs/lyrics
    """
    model_config = ModelConfig(cell=cell, num_layers=layers, units=units, embedding_dim=embedding)
    config = TrainingConfig(
        dropout=dropout,
        sequence_length=sequence_length,
        batch_size=batch_size,
        epochs=TrainingConfig.epochs if epochs is None and max_time is None else epochs,
        max_time=max_time,
        learning_rate=learning_rate,
        validation=validation,
        patience=patience,
        random_seed=random_seed,
    )
    from charlstm.batching import split_for_validation
    from charlstm.corpus import load_corpus
    from charlstm.modelfile import weight_shapes
    from charlstm.runfolder import RUNS, RunFolder
    from charlstm.vocabulary import Vocabulary

    corpus = load_corpus(texts)
    vocabulary = Vocabulary.of(corpus.text, lowercase=lowercase)
    run = RunFolder(out or RUNS / corpus.name)
    dataset = split_for_validation(
        vocabulary.encode(corpus.text), validation=validation, sequence_length=sequence_length
    )
    weight_shapes(model_config, len(vocabulary))  # refuses an unknown cell
    run.create(overwrite=overwrite)
    with starting_tensorflow(quiet=quiet):
        from charlstm.training import Training

    if not quiet:
        _introduce(corpus, vocabulary, model_config, config)
    training = Training(corpus, vocabulary, dataset, model_config, config, run)
    try:
        with training_display(quiet=quiet) as listener:
            result = training.go(listener)
    except KeyboardInterrupt:
        _say_where_it_stopped(run)
        raise
    if not quiet:
        _conclude(run, result)


def _introduce(corpus: "Corpus", vocabulary: "Vocabulary", model: ModelConfig, config: TrainingConfig) -> None:
    say(
        f"{corpus.name}: {len(corpus.text):,} characters, {len(vocabulary)} different; "
        f"the last {config.validation:.0%} for validation"
    )
    say(
        f"{model.cell} {model.num_layers}x{model.units}, embedding {model.embedding_dim}, dropout {config.dropout:g}, "
        f"batches of {config.batch_size}x{config.sequence_length}, learning rate {config.learning_rate:g}"
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
