"""`charlstm train`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import network_options, text_options, training_options, validation_options, worker_options
from charlstm.cli.commands.resume import finish, finish_following, resume_and_show
from charlstm.cli.completion import AUTO, NOTHING, choices, complete_starting_points
from charlstm.cli.config_file import Config, to_toml
from charlstm.cli.display.messages import command_line as command_to_type
from charlstm.cli.display.run_reporter import TerminalReporter
from charlstm.cli.given_settings import given_settings
from charlstm.cli.members import check_members, refuse_cluster, train_and_show_members
from charlstm.cli.options import COMMON, FIELD_OPTIONS, OUTPUT, TEXT, command_line, is_given, option
from charlstm.errors import ChangedTextError, SettingError
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.cluster import WORKER_TIMEOUT, ClusterOptions
from charlstm.training.overrides import Overrides
from charlstm.training.presets import TUTORIAL
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.storage.run_folder import RunFolder
    from charlstm.training.resume import ResumeRequest
    from charlstm.training.run_request import NewRunRequest


def train(
    context: typer.Context,
    texts: text_options.Texts,
    max_time: training_options.MaxTime = None,
    epochs: training_options.Epochs = None,
    preset: training_options.Preset = None,
    units: network_options.Units = None,
    output: training_options.Output = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=COMMON, help="Replace a run that is already there.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", rich_help_panel=COMMON, help="Resume the run if it has been started already."),
    ] = False,
    start_from: Annotated[
        str | None,
        option(
            "--from",
            autocompletion=complete_starting_points,
            metavar="RUN",
            panel=COMMON,
            help="Start from a run, a file, english or none. Default: auto.",
        ),
    ] = None,
    _config: Config = None,
    show_config: Annotated[
        bool,
        typer.Option(
            "--show-config",
            rich_help_panel=OUTPUT,
            help="Print the settings that would be used, as a file for --config, and train nothing.",
        ),
    ] = False,
    quiet: training_options.Quiet = False,
    cell: network_options.Cell = None,
    layers: network_options.Layers = None,
    embedding: network_options.Embedding = None,
    attention: network_options.Attention = None,
    dropout: training_options.Dropout = None,
    recurrent_dropout: training_options.RecurrentDropout = None,
    sequence_length: training_options.SequenceLength = None,
    batch_size: training_options.BatchSize = None,
    learning_rate: training_options.LearningRate = None,
    clip_norm: training_options.ClipNorm = None,
    clip_value: training_options.ClipValue = None,
    weight_decay: training_options.WeightDecay = None,
    teachers: training_options.Teachers = None,
    calibration: training_options.Calibration = None,
    validation: validation_options.Validation = None,
    test: validation_options.Test = None,
    split: validation_options.Split = None,
    validation_split: validation_options.ValidationSplit = None,
    split_seed: validation_options.SplitSeed = None,
    patience: validation_options.Patience = None,
    evaluate_every: validation_options.EvaluateEvery = None,
    random_seed: network_options.RandomSeed = None,
    members: training_options.Members = None,
    precision: network_options.Precision = None,
    shards: network_options.Shards = None,
    lowercase: text_options.Lowercase = False,
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeNew = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    min_count: text_options.MinCount = 1,
    unknown: Annotated[
        str | None,
        option(
            "--unknown",
            autocompletion=choices(("error", "skip", "nearest")),
            metavar="POLICY",
            panel=TEXT,
            help="With --from: do not learn characters that are new to the model, but treat them by this policy: "
            "error, skip, or nearest.",
        ),
    ] = None,
    checkpoint_every: training_options.CheckpointEvery = CHECKPOINT_EVERY,
    log: training_options.Log = None,
    workers: worker_options.Addresses = None,
    worker_index: worker_options.Index = None,
    worker_timeout: worker_options.Timeout = WORKER_TIMEOUT,
    _help_all: training_options.HelpAll = False,
) -> None:
    """Train a network on a text.

    Units, dropout, batch size, learning rate and the length of the run are chosen, unless they are given, from the
    size of the text, the time given and the speed of this machine. A part of the text is kept for validation; the run
    folder gets the model that predicts it best. An interrupted run is continued with charlstm resume.

    A small text in a language that the model english knows, which ships with charlstm, is learned on top of it (--from
    auto): it scores a sample of the text, and a line says so. Such a run has at most 11 epochs, or those of --epochs.
    --from none begins from nothing, as do --preset, --teachers N above 0, and options for the shape of the network.

    \b
    charlstm train macbeth.txt
    charlstm train lyrics.txt --max-time 5m --output runs/lyrics
    charlstm train sonnets.txt --from runs/macbeth
    charlstm train lyrics.txt --from none
    """
    may_start_from_shipped = start_from in (None, AUTO)
    starts_from_nothing = start_from == NOTHING
    start_from = None if may_start_from_shipped or starts_from_nothing else start_from
    overrides = Overrides(given_settings(context.params), preset)
    parts = validation_options.parts_request(validation, test, split)
    parts.check_settings(overrides.settings)
    cluster = ClusterOptions.given(workers, worker_index, worker_timeout)
    _refuse_contradictions(resume and overwrite, min_count=min_count, start_from=start_from, unknown=unknown)
    decoding = DecodingOptions(encoding, normalize or "nfc", keep_boilerplate, lowercase or preset == TUTORIAL)
    from charlstm.storage.find_runs import find_model
    from charlstm.training.resume import ResumeRequest
    from charlstm.training.run_request import NewRunRequest

    folder = _run_folder(output, texts)
    reporter = TerminalReporter(folder, quiet=quiet)
    saving: dict[str, Any] = {
        "checkpoint_every": checkpoint_every,
        "waits_for_space": sys.stderr.isatty(),
        "logs": tuple(log or ()),
    }
    if resume and (folder.has_checkpoint or folder.members) and not show_config:
        about_text: dict[str, Any] = {
            "encoding": encoding,
            "normalize": normalize,
            "keep_boilerplate": keep_boilerplate or None,
            "lowercase": lowercase or None,
            "min_count": min_count if is_given(context, "min_count") else None,
            "start_from": None if start_from is None else str(find_model(start_from).absolute()),
            "unknown": unknown,
            "validation": parts.validation,
            "test": parts.test,
            "split": parts.split,
        }
        given = {name: value for name, value in about_text.items() if value is not None}
        if starts_from_nothing:
            given["start_from"] = None
        request = ResumeRequest(folder=folder, texts=texts, overrides=overrides, text_options=given, **saving)
        check_members(request, members)
        _resume(request, quiet=quiet, cluster=cluster)
        return
    new_run = NewRunRequest(
        folder=folder,
        texts=texts,
        parts=parts,
        overrides=overrides,
        decoding=decoding,
        normalize=normalize,
        min_count=min_count,
        start_from=start_from,
        may_start_from_shipped=may_start_from_shipped,
        inherits_precision=precision is None,
        unknown=unknown,
        overwrite=overwrite,
        command=command_line(),
        **saving,
    )
    if show_config:
        _show_config(context, new_run, reporter, members, cluster)
    elif members is not None:
        train_and_show_members(new_run, members, quiet=quiet, cluster=cluster)
    else:
        _train(new_run, reporter, cluster)


def _refuse_contradictions(
    continues_and_replaces: bool, *, min_count: int, start_from: str | None, unknown: str | None
) -> None:
    if continues_and_replaces:
        raise SettingError("--resume continues a run, --overwrite replaces it", hint="give one of the two")
    if min_count > 1 and start_from:
        raise SettingError("`min_count` has no effect: the model of --from has its own characters", hint="leave it out")
    if unknown and not start_from:
        raise SettingError("--unknown is for characters that the model of --from does not know", hint="leave it out")


def _train(request: "NewRunRequest", reporter: TerminalReporter, cluster: ClusterOptions | None) -> None:
    """Train a new run, perhaps with other workers, and show its result."""
    from charlstm.training.following import connected, follow_run
    from charlstm.training.new_run import train_new_run
    from charlstm.training.resume import ResumeRequest

    with connected(cluster, request.interruption, reporter) as workers:
        if workers and not workers.is_chief:
            about_run = ResumeRequest(
                folder=request.folder,
                texts=request.texts,
                overrides=request.overrides,
                interruption=request.interruption,
                checkpoint_every=request.checkpoint_every,
            )
            finish_following(follow_run(about_run, workers, reporter), reporter)
            return
        result = train_new_run(replace(request, workers=workers), reporter)
    finish(result, reporter)


def _resume(request: "ResumeRequest", *, quiet: bool, cluster: ClusterOptions | None) -> None:
    """Resume a run; only the command `resume` accepts a text that has changed."""
    try:
        resume_and_show(request, quiet=quiet, cluster=cluster)
    except ChangedTextError as error:
        texts = [word for text in request.texts or () for word in ("--text", text)]
        command = command_to_type("resume", "--changed-text", *texts, request.folder.path)
        hint = f"restore the old text, train again in another folder, or resume nevertheless: {command}"
        raise ChangedTextError(str(error), hint=hint) from error


def _show_config(
    context: typer.Context,
    request: "NewRunRequest",
    reporter: TerminalReporter,
    num_members: int | None,
    cluster_options: ClusterOptions | None,
) -> None:
    """Print all settings of a new run as TOML."""
    from charlstm.training.preview import preview_new_run

    names = {field: name.removeprefix("--") for field, name in FIELD_OPTIONS.items() if field != "start_from"}
    if num_members is not None:
        from charlstm.experiments.members import first_member

        refuse_cluster(cluster_options)
        request = first_member(request, num_members)
    cluster = cluster_options.cluster() if cluster_options else None
    settings = preview_new_run(request, reporter, num_workers=len(cluster) if cluster else 1)
    print("\n".join(to_toml(context, {names.get(field, field): found for field, found in settings.items()})))


def _run_folder(output: Path | None, texts: list[str]) -> "RunFolder":
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.text.sources import corpus_name

    return RunFolder(output or RUNS / corpus_name(texts))
