"""What users are told about generated texts: the run, changes of prompts, vain stop strings, lines left out."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.display.messages import changes_line, say, show_error, warn
from charlstm.errors import GenerationError

if TYPE_CHECKING:
    from charlstm.generation.answers import Failure
    from charlstm.generation.jobs import GeneratedText, GenerationJob
    from charlstm.generation.line_filter import LineFilter


def newest_run_line(model: Path) -> str:
    """Say which run is used, where none was named: the newest, or a model that ships if there is none."""
    from charlstm.storage.run_folder import RunFolder
    from charlstm.storage.shipped_models import shipped_name

    if name := shipped_name(model):
        return f"no run here: this is the model {name}, which ships with charlstm; train your own: charlstm train TEXT"
    return f"the newest run: {RunFolder(model.parent).whole.path}"


def report_changes(job: "GenerationJob") -> None:
    """Say how prompts were changed for the model, and which stop strings it can never write."""
    if job.changes:
        say(changes_line(job.changes))
    for stop, reason in job.unreachable_stops.items():
        _warn_of_stop(stop, reason)


def _warn_of_stop(stop: str, reason: str) -> None:
    warn(f"`stop` {stop!r} never ends a text: {reason}")


def reporting_answers(
    job: "GenerationJob", answers: "Iterable[GeneratedText | Failure]", *, source: str
) -> "Iterator[GeneratedText | Failure]":
    """Pass answers on and say, before each, why it has no text, or what `report_changes` says; of that nothing twice.

    `source` is what the requests come from, in words.
    """
    from charlstm.generation.answers import Failure

    changes, stops = dict[str, str](), set[str]()
    for answer in answers:
        if isinstance(answer, Failure):
            show_error(f"{source}, line {answer.line}: {answer.error}", answer.error.hint)
            yield answer
            continue
        new = {old: other for old, other in answer.source.changes.items() if old not in changes}
        if new:
            say(changes_line(new))
            changes |= new
        for stop, reason in job.unreachable_stops_of(answer.source.request).items():
            if stop not in stops:
                _warn_of_stop(stop, reason)
                stops.add(stop)
        yield answer


def report_left_out(line_filter: "LineFilter | None", *, new: bool | None, unique: bool | None) -> None:
    """Say which lines are left out of the texts of a list although nobody asked for it."""
    if line_filter is None:
        return
    kinds = [
        "those of the training text (--no-new keeps them)" if line_filter.is_new and new is None else "",
        "repeated ones (--no-unique keeps them)" if line_filter.is_unique and unique is None else "",
    ]
    if any(kinds):
        say(f"a list of short lines: new lines are written, without {' and '.join(filter(None, kinds))}")


def report_refused_lines(job: "GenerationJob") -> None:
    """Say that lines could not be left out; raise GenerationError if texts are missing for that."""
    from charlstm.generation.jobs import MAX_TRIES

    if job.has_given_up_filter:
        warn("the model writes hardly any line that does not stand in its training text: some are from there")
    elif job.ends_early:
        warn("the text ends here: the model writes hardly any further line that is new")
    elif job.num_generated < len(job):
        raise GenerationError(
            f"{job.num_generated:,} of {len(job):,} texts were generated: with {MAX_TRIES} random seeds the next one "
            "had no line that `new` or `unique` would not leave out",
            hint="ask for fewer, give a higher `temperature`, or leave these options out",
        )
