"""`charlstm train`."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import launch, settings
from charlstm.cli.console import say
from charlstm.cli.resume import go_on
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.decoding import Reading
from charlstm.errors import SettingError
from charlstm.machine import fastest_precision, num_cores
from charlstm.planning import SEQUENCE_LENGTH, Situation, choose, describe, make_configs, needs_speed

if TYPE_CHECKING:
    from charlstm.modelfile import Model
    from charlstm.runfolder import RunFolder


def train(
    texts: settings.Texts,
    out: settings.Out = None,
    preset: settings.Preset = None,
    cell: settings.Cell = None,
    layers: settings.Layers = None,
    units: settings.Units = None,
    embedding: settings.Embedding = None,
    dropout: settings.Dropout = None,
    recurrent_dropout: settings.RecurrentDropout = None,
    sequence_length: settings.SequenceLength = None,
    batch_size: settings.BatchSize = None,
    epochs: settings.Epochs = None,
    max_time: settings.MaxTime = None,
    learning_rate: settings.LearningRate = None,
    validation: settings.Validation = None,
    patience: settings.Patience = None,
    evaluate_every: settings.EvaluateEvery = None,
    random_seed: settings.RandomSeed = None,
    precision: settings.Precision = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Learn the text in lower case.")] = False,
    encoding: settings.Encoding = None,
    normalize: settings.Normalize = "nfc",
    keep_boilerplate: settings.KeepBoilerplate = False,
    min_count: settings.MinCount = 1,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RUN", help="Start from the model of this run, or a model file.", show_default=False
        ),
    ] = None,
    unknown: Annotated[
        str | None,
        typer.Option(
            "--unknown",
            metavar="POLICY",
            help="With --from, do not learn new characters: error, skip, or nearest.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run if it has been started already.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
    checkpoint_every: settings.CheckpointEvery = "30s",  # type: ignore[assignment]
    quiet: settings.Quiet = False,
) -> None:
    """Train a network on a text.

    What is not given is chosen: units, dropout, batch size, learning rate and the length of the training, from the
    size of the text, the time given and the speed of this machine. The end of the text is kept for validation; the
    model that foretells it best is kept in the run folder. A training that was stopped goes on with charlstm resume.

    \b
    charlstm train macbeth.txt
    charlstm train lyrics.txt --max-time 5m --out runs/lyrics
    charlstm train sonnets.txt --from runs/macbeth
    """
    given = settings.settings_given(
        preset,
        cell=cell,
        num_layers=layers,
        units=units,
        embedding_dim=embedding,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        sequence_length=sequence_length,
        batch_size=batch_size,
        epochs=epochs,
        max_time=max_time,
        learning_rate=learning_rate,
        validation=validation,
        patience=patience,
        evaluate_every=evaluate_every,
        random_seed=random_seed,
        precision=precision,
    )
    make_configs(given)  # refuses what is out of range before anything is read
    if resume and overwrite:
        raise SettingError("--resume goes on with a run, --overwrite replaces it", hint="give one of the two")
    if unknown and not start_from:
        raise SettingError("--unknown is for characters that the model of --from does not know", hint="leave it out")
    reading = Reading(encoding, normalize, keep_boilerplate, lowercase)
    run = _run_folder(out, texts)
    if resume and run.has_checkpoint:
        go_on(run, texts=texts, given=given, checkpoint_every=checkpoint_every, quiet=quiet)
        return
    _begin(
        run,
        texts,
        given,
        reading=reading,
        min_count=min_count,
        start_from=start_from,
        unknown=unknown,
        overwrite=overwrite,
        checkpoint_every=checkpoint_every,
        quiet=quiet,
    )


def _silent(_: str) -> None:
    pass


def _run_folder(out: Any, texts: list[str]) -> "RunFolder":
    from charlstm.runfolder import RUNS, RunFolder
    from charlstm.sources import label

    return RunFolder(out or RUNS / label(texts))


def _begin(
    run: "RunFolder",
    texts: list[str],
    given: dict[str, Any],
    *,
    reading: Reading,
    min_count: int,
    start_from: str | None,
    unknown: str | None,
    overwrite: bool,
    checkpoint_every: float,
    quiet: bool,
) -> None:
    """Start a new run."""
    from charlstm.batching import split_for_validation
    from charlstm.corpus import load_corpus
    from charlstm.finetuning import grown_vocabulary
    from charlstm.modelfile import load_model, weight_shapes
    from charlstm.runfolder import find_model
    from charlstm.sources import STANDARD_INPUT
    from charlstm.vocabulary import Vocabulary

    start = None if start_from is None else load_model(find_model(start_from))
    if start:
        given = _with_shape_of(start, given, str(start_from), lowercase=reading.lowercase)
        reading = dataclasses.replace(reading, lowercase=start.vocabulary.lowercase)
    corpus = load_corpus(texts, reading, tell=_silent if quiet else say)
    if start:
        vocabulary = start.vocabulary if unknown else grown_vocabulary(start, corpus.characters)
    else:
        vocabulary = Vocabulary.of_counts(
            corpus.characters, corpus.counts, lowercase=reading.lowercase, min_count=min_count
        )
    dataset = split_for_validation(
        launch.ids_of(corpus, vocabulary, unknown or "skip", quiet=quiet),
        validation=given.get("validation", TrainingConfig.validation),
        sequence_length=given.get("sequence_length", SEQUENCE_LENGTH),
    )
    weight_shapes(ModelConfig(cell=given.get("cell", ModelConfig.cell)), len(vocabulary))  # refuses an unknown cell
    given = {"precision": fastest_precision()} | given
    if not overwrite:
        run.refuse_if_taken()
    run.make()
    with launch.owned(run) as (ownership, interruption):
        run.clear()
        if STANDARD_INPUT in texts:
            corpus, reading = launch.keep_text(corpus, run, lowercase=reading.lowercase)
        with launch.tensorflow_started(quiet=quiet) as show:
            from charlstm.speed import measure_speed
            from charlstm.training import Training

            show("measuring how fast this machine trains")
            speed = measure_speed(precision=given["precision"]) if needs_speed(given) else None
            situation = Situation(len(dataset.training), len(vocabulary), num_cores(), speed)
            chosen = choose(situation, given)
            training = Training(
                corpus,
                vocabulary,
                dataset,
                *make_configs(chosen),
                run,
                reading=reading,
                unknown=unknown or "skip",
                start=start,
            )
        if not quiet:
            launch.introduce(corpus, vocabulary, training.config.validation)
            say(describe(chosen, given, situation))
        launch.go(training, ownership, interruption, checkpoint_every=checkpoint_every, quiet=quiet)


def _with_shape_of(model: "Model", given: dict[str, Any], name: str, *, lowercase: bool) -> dict[str, Any]:
    """What was given, and the shape of the model to start from; raises SettingError where the two contradict."""
    if lowercase and not model.vocabulary.lowercase:
        raise SettingError(f"--lowercase is given, but {name} knows capitals", hint="leave --lowercase out")
    shape = model.config.to_json()
    settings.refuse_contradictions({key: given[key] for key in shape.keys() & given.keys()}, shape, name)
    return given | shape
