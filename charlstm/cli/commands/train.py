"""`charlstm train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import settings
from charlstm.cli.commands.resume import go_on
from charlstm.cli.newrun import NewRun, begin
from charlstm.errors import SettingError
from charlstm.text.decoding import DecodingOptions
from charlstm.training.auto_config import TUTORIAL, make_configs
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.storage.run_folder import RunFolder


def train(
    texts: settings.Texts,
    out: settings.Out = None,
    preset: settings.Preset = None,
    cell: settings.Cell = None,
    layers: settings.Layers = None,
    units: settings.Units = None,
    embedding: settings.Embedding = None,
    attention: settings.Attention = None,
    dropout: settings.Dropout = None,
    recurrent_dropout: settings.RecurrentDropout = None,
    sequence_length: settings.SequenceLength = None,
    batch_size: settings.BatchSize = None,
    epochs: settings.Epochs = None,
    max_time: settings.MaxTime = None,
    learning_rate: settings.LearningRate = None,
    clip_norm: settings.ClipNorm = None,
    clip_value: settings.ClipValue = None,
    weight_decay: settings.WeightDecay = None,
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
    checkpoint_every: settings.CheckpointEvery = CHECKPOINT_EVERY,
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
        attention=attention,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        sequence_length=sequence_length,
        batch_size=batch_size,
        epochs=epochs,
        max_time=max_time,
        learning_rate=learning_rate,
        clip_norm=clip_norm,
        clip_value=clip_value,
        weight_decay=weight_decay,
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
    reading = DecodingOptions(encoding, normalize, keep_boilerplate, lowercase or preset == TUTORIAL)
    run = _run_folder(out, texts)
    if resume and run.has_checkpoint:
        go_on(run, texts=texts, given=given, checkpoint_every=checkpoint_every, quiet=quiet)
        return
    begin(
        NewRun(
            run=run,
            texts=texts,
            given=given,
            reading=reading,
            min_count=min_count,
            start_from=start_from,
            unknown=unknown,
            overwrite=overwrite,
            checkpoint_every=checkpoint_every,
            quiet=quiet,
        )
    )


def _run_folder(out: Path | None, texts: list[str]) -> "RunFolder":
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.text.sources import corpus_name

    return RunFolder(out or RUNS / corpus_name(texts))
