"""`charlstm resume`."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import launch, settings
from charlstm.cli.display.messages import say, warn
from charlstm.cli.options import Run
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import CorpusError
from charlstm.text.decoding import DecodingOptions
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.storage.checkpoint import Checkpoint
    from charlstm.storage.run_folder import RunFolder
    from charlstm.text.corpus import Corpus


def resume(
    run: Run = None,
    epochs: settings.Epochs = None,
    max_time: settings.MaxTime = None,
    evaluate_every: settings.EvaluateEvery = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="TEXT", help="Where the text is now, if it has been moved.", show_default=False),
    ] = None,
    changed_text: Annotated[
        bool, typer.Option("--changed-text", help="Go on even if the text is not the same any more.")
    ] = False,
    checkpoint_every: settings.CheckpointEvery = CHECKPOINT_EVERY,
    quiet: settings.Quiet = False,
) -> None:
    """Go on with a training that was stopped, as if it had not been.

    Everything needed is in the run folder, but for the text, which is read again where it was. --epochs or
    --max-time (both count from the start of the run) make the plan longer, also of a run that is complete.

    \b
    charlstm resume
    charlstm resume runs/macbeth --epochs 60
    """
    from charlstm.storage.run_folder import find_run

    given = settings.settings_given(None, epochs=epochs, max_time=max_time, evaluate_every=evaluate_every)
    TrainingConfig(**given)  # refuses what is out of range
    go_on(
        find_run(run),
        texts=text,
        given=given,
        changed_text=changed_text,
        checkpoint_every=checkpoint_every,
        quiet=quiet,
    )


def go_on(
    run: "RunFolder",
    *,
    texts: list[str] | None,
    given: dict[str, Any],
    checkpoint_every: float,
    quiet: bool,
    changed_text: bool = False,
) -> None:
    """Go on with the run from its newest whole checkpoint."""
    from charlstm.storage.checkpoint import load_checkpoint
    from charlstm.text.batches import split_for_validation
    from charlstm.text.sources import STANDARD_INPUT
    from charlstm.text.vocabulary import Vocabulary

    with launch.owned(run) as interruption:
        run.remove_leftovers()
        checkpoint, trouble = load_checkpoint(run)
        if trouble:
            warn(trouble)
        facts = checkpoint.metadata
        settings.refuse_contradictions(given, facts["model"] | facts["training"], str(run.path))
        before = TrainingConfig.from_json(facts["training"])
        config = _planned_anew(before, given)
        if facts["history"]["finished"] and not _is_longer(config, before):
            say(f"{run.path} is complete; to train on, give more --epochs or --max-time")
            return
        reading = DecodingOptions(**facts["text"]["reading"])
        if run.text.exists() and (texts is None or STANDARD_INPUT in texts):
            texts = [str(run.text)]
        corpus = _same_text(facts["text"], texts, reading, changed_text=changed_text)
        vocabulary = Vocabulary(**facts["vocabulary"])
        ids = launch.ids_of(corpus, vocabulary, facts["text"]["unknown"], quiet=True)
        dataset = split_for_validation(ids, validation=config.validation, sequence_length=config.sequence_length)
        with launch.tensorflow_started(quiet=quiet, precision=config.precision):
            from charlstm.training.loop import TrainingRun

            training = TrainingRun(
                corpus,
                vocabulary,
                dataset,
                ModelConfig.from_json(facts["model"]),
                config,
                run,
                reading=reading,
                unknown=facts["text"]["unknown"],
                checkpoint=checkpoint,
            )
        _compare_environments(checkpoint)
        if not quiet:
            say(launch.introduction(corpus, vocabulary, config.validation))
            say(f"going on with {run.path} at epoch {training.epoch:.2f}, {training.done:.0%} of its plan")
        launch.go(training, interruption, checkpoint_every=checkpoint_every, quiet=quiet)


def _planned_anew(config: TrainingConfig, given: dict[str, Any]) -> TrainingConfig:
    """The config with the plan that was given, if one was: in epochs, in seconds, or in both."""
    plan = {name: given[name] for name in given.keys() & settings.PLAN}
    if {"epochs", "max_time"} & plan.keys():
        plan = {"epochs": None, "max_time": None} | plan
    return dataclasses.replace(config, **plan)


def _is_longer(config: TrainingConfig, before: TrainingConfig) -> bool:
    """Whether a plan goes beyond an earlier one."""
    pairs = ((config.epochs, before.epochs), (config.max_time, before.max_time))
    return any(new is not None and (old is None or new > old) for new, old in pairs)


def _same_text(
    text: dict[str, Any], texts: list[str] | None, reading: DecodingOptions, *, changed_text: bool
) -> "Corpus":
    """The text of a run, from where it was or is now.

    Raises CorpusError if it is gone, or, unless `changed_text`, if it is another.
    """
    from charlstm.text.catalogue import relocate_shipped_text
    from charlstm.text.corpus import load_corpus

    try:
        corpus = load_corpus(texts or [relocate_shipped_text(path) for path in text["sources"]], reading)
    except CorpusError as problem:
        hint = "" if texts else "if the text has been moved, say where to: --text FILE"
        raise CorpusError(str(problem), hint=hint or problem.hint) from problem
    if corpus.digest != text["sha256"] and not changed_text:
        raise CorpusError(
            f"the text is not the one that the run began with: {len(corpus):,} characters, "
            f"then {text['characters']:,}, with another digest",
            hint="put the old text back, train anew in another folder, or go on all the same: "
            "charlstm resume RUN --changed-text",
        )
    return corpus


def _compare_environments(checkpoint: "Checkpoint") -> None:
    from charlstm.machine import environment

    before = checkpoint.metadata["environment"]
    pairs = [(name, before.get(name), now) for name, now in environment().items()]
    changes = [f"{name} {then} then, {now} now" for name, then, now in pairs if then != now]
    if changes:
        warn(f"results may differ in the last bits from those of a run in one place: {'; '.join(changes)}")
