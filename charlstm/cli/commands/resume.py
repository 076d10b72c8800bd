"""`charlstm resume`."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import training_options, validation_options, worker_options
from charlstm.cli.completion import complete_runs, complete_texts
from charlstm.cli.display.messages import say
from charlstm.cli.display.run_reporter import TerminalReporter
from charlstm.cli.members import resume_and_show_members
from charlstm.cli.options import option
from charlstm.training.cluster import WORKER_TIMEOUT, ClusterOptions
from charlstm.training.interruption import exit_code
from charlstm.training.overrides import Overrides
from charlstm.training.schedule import CHECKPOINT_EVERY

if TYPE_CHECKING:
    from charlstm.training.following import Followed
    from charlstm.training.reporting import TrainingResult
    from charlstm.training.resume import ResumeRequest


def resume(
    run: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_runs,
            metavar="RUN",
            help="The run folder, or its name under runs/. Default: the run that was trained last.",
            show_default=False,
        ),
    ] = None,
    epochs: training_options.Epochs = None,
    max_time: training_options.MaxTime = None,
    evaluate_every: validation_options.EvaluateEvery = None,
    text: Annotated[
        list[str] | None,
        option(
            "--text", autocompletion=complete_texts, metavar="TEXT", help="Where the text is now, if it has been moved."
        ),
    ] = None,
    changed_text: Annotated[bool, typer.Option("--changed-text", help="Resume even if the text has changed.")] = False,
    checkpoint_every: training_options.CheckpointEvery = CHECKPOINT_EVERY,
    log: training_options.Log = None,
    workers: worker_options.Addresses = None,
    worker_index: worker_options.Index = None,
    worker_timeout: worker_options.Timeout = WORKER_TIMEOUT,
    quiet: training_options.Quiet = False,
) -> None:
    """Continue an interrupted run, with the same result as if it had not been interrupted.

    The run folder holds everything that is needed except the text, which is read again from where it was. --epochs
    and --max-time, both counted from the start of the run, set a new length: a longer one extends the run, even if it
    is complete; a shorter one ends it earlier. The members of a run (train --members) are resumed one after the other.

    \b
    charlstm resume
    charlstm resume runs/macbeth --epochs 60
    charlstm resume runs/macbeth --max-time 1h
    """
    from charlstm.storage.find_runs import find_run
    from charlstm.training.resume import ResumeRequest

    options = {"epochs": epochs, "max_time": max_time, "evaluate_every": evaluate_every}
    overrides = Overrides.from_options(options)
    request = ResumeRequest(
        folder=find_run(run),
        overrides=overrides,
        texts=text,
        changed_text=changed_text,
        checkpoint_every=checkpoint_every,
        waits_for_space=sys.stderr.isatty(),
        logs=tuple(log or ()),
    )
    cluster = ClusterOptions.given(workers, worker_index, worker_timeout)
    resume_and_show(request, quiet=quiet, cluster=cluster)


def resume_and_show(request: "ResumeRequest", *, quiet: bool, cluster: ClusterOptions | None) -> None:
    """Resume a run, perhaps with other workers, and show its result."""
    if request.folder.members:
        resume_and_show_members(request, quiet=quiet, cluster=cluster)
        return
    reporter = TerminalReporter(request.folder, quiet=quiet)
    from charlstm.training.following import connected, follow_run
    from charlstm.training.resume import resume_run

    with connected(cluster, request.interruption, reporter) as workers:
        if workers and not workers.is_chief:
            finish_following(follow_run(request, workers, reporter), reporter)
            return
        result = resume_run(replace(request, workers=workers), reporter)
    if result is None:
        say(f"{request.folder.path} is complete; extend it with a larger --epochs or --max-time")
    else:
        finish(result, reporter)


def finish_following(followed: "Followed", reporter: TerminalReporter) -> None:
    """Say where the run is that the chief led; if a signal stopped it, exit with that signal's exit code."""
    reporter.on_message(f"training has ended; the run is saved by the chief at {followed.chief}")
    if followed.signal_number is not None:
        raise typer.Exit(exit_code(followed.signal_number))


def finish(result: "TrainingResult", reporter: TerminalReporter) -> None:
    """Show how a run ended; if a signal stopped it, the command exits with that signal's exit code."""
    reporter.show_result(result)
    if result.signal_number is not None:
        raise typer.Exit(exit_code(result.signal_number))
