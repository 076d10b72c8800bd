"""Train and resume runs with members, and show their results."""

from typing import TYPE_CHECKING

import typer

from charlstm.cli.display.evaluation_reporter import ShownEvaluation
from charlstm.cli.display.members_reporter import MembersReporter
from charlstm.cli.display.messages import say
from charlstm.errors import SettingError
from charlstm.training.interruption import exit_code

if TYPE_CHECKING:
    from charlstm.experiments.members import MembersResult
    from charlstm.training.cluster import ClusterOptions
    from charlstm.training.resume import ResumeRequest
    from charlstm.training.run_request import NewRunRequest


def train_and_show_members(
    request: "NewRunRequest", num_members: int, *, quiet: bool, cluster: "ClusterOptions | None"
) -> None:
    """Train a new run with members and show its result."""
    from charlstm.experiments.members import train_members

    refuse_cluster(cluster)
    reporter = MembersReporter(request.folder, quiet=quiet)
    result = train_members(request, num_members, reporter, scoring=ShownEvaluation(quiet=quiet))
    _finish(result, reporter)


def resume_and_show_members(request: "ResumeRequest", *, quiet: bool, cluster: "ClusterOptions | None") -> None:
    """Resume a run with members and show its result."""
    from charlstm.experiments.members import resume_members

    refuse_cluster(cluster)
    reporter = MembersReporter(request.folder, quiet=quiet)
    result = resume_members(request, reporter, scoring=ShownEvaluation(quiet=quiet))
    if result is None:
        say(f"{request.folder.path} is complete; extend it with a larger --epochs or --max-time")
    else:
        _finish(result, reporter)


def check_members(request: "ResumeRequest", num_members: int | None) -> None:
    """Raise SettingError if the run to resume has not as many members as were asked for."""
    from charlstm.storage.ensemble import read_ensemble

    folder = request.folder
    trained = read_ensemble(folder).num_members if folder.members else 1
    if num_members not in (None, trained):
        raise SettingError(
            f"`members` is {num_members}, but {folder.path} has {trained}",
            hint="leave `members` out, or train in another folder with `output`",
        )


def refuse_cluster(cluster: "ClusterOptions | None") -> None:
    if cluster:
        raise SettingError("`workers` train one network, and the run has members", hint="leave one of the two out")


def _finish(result: "MembersResult", reporter: MembersReporter) -> None:
    reporter.show_result(result)
    if result.signal_number is not None:
        raise typer.Exit(exit_code(result.signal_number))
