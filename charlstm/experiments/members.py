"""Train several networks as one model: the members of a run, which differ in their random seeds alone.

Each is a run of its own below the folder of the whole. The first chooses the settings that are not fixed, and the
others are trained with those of its config.json, also when the whole is resumed after a crash.
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from charlstm.analysis.averaging import MemberScores, averaged_reader, score_averaged
from charlstm.analysis.evaluation import Scores
from charlstm.analysis.reporting import SILENT, EvaluationReporter
from charlstm.analysis.trained_text import part_of_run
from charlstm.analysis.training_text import find_recorded_text
from charlstm.config import TrainingConfig
from charlstm.errors import ChangedTextError, CorpusError, RunError
from charlstm.experiments.calibration import fit_logit_scale
from charlstm.experiments.seeds import RunSettings, is_complete, random_seeds, same_overrides, with_random_seed
from charlstm.experiments.shared_text import changed_parts, read_shared_text
from charlstm.experiments.single_run import check_can_be_repeated, run_below, with_shared_logs
from charlstm.generation.load import LoadedModel
from charlstm.network.backend import free_networks
from charlstm.storage.ensemble import EnsembleRecord, check_num_members, find_models, read_ensemble
from charlstm.storage.lock import exclusive_lock
from charlstm.storage.model_file import load_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_housekeeping import remove_run
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.run_summary import read_settings
from charlstm.text.parts import Parts, PartsRequest
from charlstm.training.interruption import Interruption
from charlstm.training.new_run import train_new_run
from charlstm.training.overrides import Overrides
from charlstm.training.reporting import RunReporter, TrainingResult
from charlstm.training.resume import ResumeRequest, resume_run
from charlstm.training.run_request import NewRunRequest
from charlstm.training.startup import created_folder

MAX_SCORED = 1_000_000  # characters of the validation text that the finished members are scored on


@dataclass(frozen=True)
class MembersResult:
    """How well the members predict the validation text, alone and averaged; or the signal that interrupted them."""

    folder: RunFolder
    members: list[MemberScores]
    average: Scores | None  # None: they were interrupted, or the validation text cannot be read any more
    signal_number: int | None = None


class MembersReporter(RunReporter, Protocol):
    """Receives everything about the member that is trained."""

    def on_member(self, member: RunFolder, number: int, num_members: int) -> None:
        """Receive which member is next; its number counts from 1, and counts members that were complete before."""
        ...

    def on_result(self, result: TrainingResult) -> None:
        """Receive how a member ended."""
        ...


def first_member(run: NewRunRequest, num_members: int) -> NewRunRequest:
    """Return the request for the first member of a run: it has its share of the time.

    Raises SettingError for a number of members that no run has, and for what members cannot do.
    """
    check_num_members(num_members)
    check_can_be_repeated(run)
    overrides = dict(run.overrides.explicit)
    if run.overrides.settings.get("max_time") is not None:
        overrides["max_time"] = run.overrides.settings["max_time"] / num_members
    run = replace(with_shared_logs(run), overrides=Overrides(overrides, run.overrides.preset), num_members=num_members)
    first = with_random_seed(run, random_seeds(run, num_members)[0], _member(run.folder, 0))
    return replace(first, overwrite=run.overwrite)


def train_members(
    run: NewRunRequest, num_members: int, reporter: MembersReporter, *, scoring: EvaluationReporter = SILENT
) -> MembersResult:
    """Train the members of a new run, one after the other; the time of the run is for all of them together.

    An existing run is only removed once everything that can fail has succeeded. Raises CharLSTMError for everything
    that the user can fix.
    """
    folder, first = run.folder, first_member(run, num_members)
    if not run.overwrite:
        folder.check_is_free()
    with created_folder(folder), exclusive_lock(folder.path):
        if not run.overwrite:
            folder.check_is_free()  # another process may have trained here meanwhile
        earlier = folder.members[1:]

        def replace_earlier_run() -> None:
            for member in earlier:
                remove_run(member)
            folder.clear()
            EnsembleRecord(num_members=num_members).save(folder)

        others = ResumeRequest(
            folder=folder,
            overrides=Overrides(),
            texts=run.texts,
            checkpoint_every=run.checkpoint_every,
            waits_for_space=run.waits_for_space,
            logs=first.logs,
        )
        new_run = replace(first, on_start=replace_earlier_run)
        return _finish(others, num_members, reporter, scoring, new_run=new_run)


def resume_members(
    request: ResumeRequest, reporter: MembersReporter, *, scoring: EvaluationReporter = SILENT
) -> MembersResult | None:
    """Train the members of a run that are not complete; returns None if all of them are, and have been scored.

    A new length is for each member in epochs, and for all of them together in seconds. Raises CharLSTMError for
    everything that the user can fix.
    """
    with exclusive_lock(request.folder.path):
        first = _settings(request.folder.member(0))
        alternative = "train in another folder with `output`"
        request.overrides.check_agreement(
            first["model"] | first["training"], str(request.folder.path), alternative=alternative
        )
        num_members = read_ensemble(request.folder).num_members
        needs_training = any(_needs_training(request, index) for index in range(num_members))
        if not needs_training and read_ensemble(request.folder).average_nats is not None:
            return None
        return _finish(request, num_members, reporter, scoring)


def _finish(
    request: ResumeRequest,
    num_members: int,
    reporter: MembersReporter,
    scoring: EvaluationReporter,
    *,
    new_run: NewRunRequest | None = None,
) -> MembersResult:
    """Train the members that are not complete, the first one by `new_run` if it is given, then score all of them."""
    folder = request.folder
    with Interruption() as interruption:
        for index in range(num_members):
            first = new_run if index == 0 else None
            if not (first or _needs_training(request, index)):
                continue
            reporter.on_member(folder.member(index), index + 1, num_members)
            try:
                result = train_new_run(first, reporter) if first else _train_member(request, index, reporter)
            finally:
                free_networks()
            signal_number = interruption.signal_number or (result and result.signal_number)
            if signal_number:
                return MembersResult(folder, [], None, signal_number)
            if result:
                reporter.on_result(result)
    try:
        return _score(folder, scoring)
    except CorpusError as problem:  # the members are trained all the same
        reporter.on_warning(f"the members are not scored together: {problem}")
        return MembersResult(folder, [], None)


def _score(folder: RunFolder, scoring: EvaluationReporter) -> MembersResult:
    """Score the members and their average on the validation text, and record the losses."""
    models = [LoadedModel(path, load_model(path)) for path in find_models(folder.path)]
    ids = part_of_run(models[0].path, models[0].model, "validation").encoded.ids[: MAX_SCORED + 1]
    scale = 1.0
    if TrainingConfig.from_json(_settings(folder.member(0))["training"]).calibration:
        scale = fit_logit_scale(models, ids, reporter=scoring)
        models = [replace(one, logit_scale=scale) for one in models]
    reader = averaged_reader(models, len(ids), reporter=scoring)
    losses, members = score_averaged(reader, models, ids, reporter=scoring)
    EnsembleRecord(
        num_members=len(models),
        member_nats=[member.scores.nats_per_character for member in members],
        average_nats=losses.scores.nats_per_character,
        logit_scale=scale,
    ).save(folder)
    return MembersResult(folder, members, losses.scores)


def _train_member(request: ResumeRequest, index: int, reporter: MembersReporter) -> TrainingResult | None:
    """Train a member from its last checkpoint, or from the start; returns None if it is complete already."""
    member, logs = _member(request.folder, index), request.folder.logs
    if not member.has_checkpoint:
        return train_new_run(replace(_like_the_first(request, index), log_folder=logs), reporter)
    explicit = {**request.overrides.explicit, **_length(request, index)}
    if "random_seed" in explicit:
        explicit["random_seed"] += index
    overrides = Overrides(explicit, request.overrides.preset)
    one = replace(request, folder=member, overrides=overrides, log_folder=logs, interruption=Interruption())
    return resume_run(one, reporter)


def _member(folder: RunFolder, index: int) -> RunFolder:
    """Return the run of a member. Raises RunError if a link to another place is there."""
    return run_below(folder.path, folder.member(index).path.name)


def _needs_training(request: ResumeRequest, index: int) -> bool:
    member = request.folder.member(index)
    if not is_complete(member):
        return True
    trained = _settings(member)["training"]
    return any(trained[name] != value for name, value in _length(request, index).items())


def _length(request: ResumeRequest, index: int) -> dict[str, Any]:
    """Return the length to resume a member with: that which was asked for, or that of the first member."""
    if index > 0:
        training = _settings(request.folder.member(0))["training"]
        return {name: training[name] for name in ("epochs", "max_time") if training[name] is not None}
    asked = {name: request.overrides.settings.get(name) for name in ("epochs", "max_time")}
    if asked["max_time"] is not None:
        asked["max_time"] /= read_ensemble(request.folder).num_members
    return {name: value for name, value in asked.items() if value is not None}


def _like_the_first(request: ResumeRequest, index: int) -> NewRunRequest:
    """Return the request for a member that is like the first one in everything but its random seed.

    It validates on the same part of the text. Raises ChangedTextError if the text is not that of the first one.
    """
    first = request.folder.member(0)
    settings, recorded = _settings(first), find_recorded_text(first)
    origin = RunOrigin.from_json(settings.get("origin"))
    if origin is None:
        raise RunError(f"{first.config} does not say how the run was started", hint="train again")
    config = TrainingConfig.from_json(settings["training"])
    parts = recorded.parts.request if recorded.parts else PartsRequest()
    overrides = dict(same_overrides(settings, parts).explicit) | {"split_seed": config.split_random_seed}
    run = NewRunRequest(
        folder=first,
        texts=request.texts or recorded.sources,
        parts=parts,
        overrides=Overrides(overrides),
        decoding=recorded.decoding,
        min_count=origin.min_count,
        start_from=origin.start_from,
        unknown=origin.unknown,
        command=origin.command,
        checkpoint_every=request.checkpoint_every,
        waits_for_space=request.waits_for_space,
        logs=tuple(dict.fromkeys([*origin.logs, *request.logs])),
    )
    if not request.changed_text:
        _check_text(run, settings, recorded.parts)
    return with_random_seed(run, config.random_seed + index, request.folder.member(index))


def _check_text(run: NewRunRequest, settings: RunSettings, parts: Parts | None) -> None:
    if changed := changed_parts(settings["text"]["sha256"], parts, read_shared_text(run)):
        raise ChangedTextError(
            f"the {changed[0].strip('`')} is not the one that the first member was trained on",
            hint="restore the old text, or train again in another folder",
        )


def _settings(run: RunFolder) -> RunSettings:
    try:
        return read_settings(run)
    except (OSError, ValueError) as problem:
        raise RunError(f"{run.config} cannot be read: {problem}", hint="train again with `overwrite`") from problem
