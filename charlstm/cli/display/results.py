"""Generated texts on stdout, in a file or in a folder: as text, JSON, or one JSON object per line."""

import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.atomic_files import cannot_write, open_atomically, write_atomically
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import visible
from charlstm.errors import RunError
from charlstm.figures import counted

if TYPE_CHECKING:
    from charlstm.analysis.novelty import Novelty
    from charlstm.generation.answers import Failure
    from charlstm.generation.jobs import GeneratedText
    from charlstm.generation.line_filter import LineFilter
    from charlstm.generation.load import LoadedModel

FORMATS = ("text", "json", "jsonl")
FLUSH_EVERY = 0.5  # seconds, for the reader of a pipe
MIN_DIGITS = 4  # in the names of files in a folder


@dataclass(frozen=True)
class Result:
    """A generated text, and how much of it is copied if that was measured."""

    generated: "GeneratedText"
    novelty: "Novelty | None" = None


@dataclass(frozen=True, kw_only=True)
class ResultFormat:
    """How results are written, and what JSON says about their origin."""

    name: str  # one of FORMATS
    echo: bool  # write the prompt before the text
    separator: str  # between two texts, or after each one
    single_lines: bool = False  # each text is one line, and its line end is all that separates it from the next
    answers: bool = False  # each text is read before the next one is asked for, so what ends it must follow it
    models: "Sequence[LoadedModel]"
    adapted: Mapping[str, Any] | None = None  # what the models learned after they were loaded, and how
    mix: str | None = None  # how several models are mixed
    beam: int | None = None
    scores: bool = False
    line_filter: "LineFilter | None" = None

    def to_text(self, result: "Result | Failure") -> str:
        """Return the prompt and the text; a line that got no text has an empty one, so that answers can be counted."""
        if not isinstance(result, Result):
            return ""
        return (result.generated.source.prompt if self.echo else "") + result.generated.text

    def to_json(self, result: "Result | Failure") -> dict[str, Any]:
        """Return everything that is needed to generate the text again, or why there is none."""
        if not isinstance(result, Result):
            return {"line": result.line, "error": str(result.error), "hint": result.error.hint}
        request = result.generated.source.request
        settings = request.config.to_json()
        random_seed = settings.pop("random_seed")
        values: dict[str, Any] = {"seed": result.generated.source.prompt, "text": result.generated.text}
        if self.beam:
            settings = {"length": settings["length"]}
            values["beam"] = self.beam
        values |= {"random_seed": random_seed, "settings": settings | request.rules.to_json()}
        values |= self._models_to_json()
        if self.adapted:
            values["adapted"] = dict(self.adapted)
        if self.line_filter:
            values |= self.line_filter.to_json()
        if self.scores:
            values["scores"] = list(result.generated.scores)
        if result.novelty:
            values["novelty"] = result.novelty.to_json()
        return values

    def join(self, results: "Iterable[Result | Failure]") -> Iterator[str]:
        """Yield the parts of all results as one document, each as soon as its result is there."""
        if self.name == "json":
            yield from self._join_as_array(results)
            return
        for index, result in enumerate(results):
            if self.name == "jsonl":
                yield to_json(self.to_json(result)) + "\n"
                continue
            text = self.to_text(result)
            if self.single_lines:
                yield text if text.endswith("\n") else text + "\n"
            else:
                yield text + self.separator if self.answers else (self.separator if index else "") + text

    def _join_as_array(self, results: "Iterable[Result | Failure]") -> Iterator[str]:
        """Yield a JSON array piece by piece; if Ctrl-C ends it early, it is valid all the same."""
        start = "[\n"
        try:
            for result in results:
                yield start + textwrap.indent(to_json(self.to_json(result), indent=2), "  ")
                start = ",\n"
        except KeyboardInterrupt:
            yield _end_of_array(start)
            raise
        yield _end_of_array(start)

    def _models_to_json(self) -> dict[str, Any]:
        if len(self.models) == 1:
            return {"model": str(self.models[0].path), "model_sha256": self.models[0].digest}
        members = [{"path": str(one.path), "weight": one.weight, "sha256": one.digest} for one in self.models]
        return {"models": members} | ({"mix": self.mix} if self.mix else {})


def _end_of_array(start: str) -> str:
    return "[]\n" if start == "[\n" else "\n]\n"


def novelty_line(novelty: "Novelty") -> str:
    """Describe in one line how much of a text is copied."""
    from charlstm.analysis.novelty import MIN_COPIED

    longest = f'{counted(novelty.longest_copied_run, "character")} ("{visible(novelty.longest_copied_text)}")'
    return (
        f"novelty: the longest run copied from the training text has {longest}; "
        f"{novelty.copied_share:.1%} of the text is in copied runs of {MIN_COPIED} or more"
    )


def write_output(parts: Iterator[str], output: Path | None, *, flush_each: bool = False) -> None:
    """Write the parts to a file as a whole, to a pipe as they are, or to a terminal with control characters escaped.

    With `flush_each` the reader of a pipe waits for each of them.

    Raises RunError if the file cannot be written, and OSError if standard output cannot.
    """
    if output is None:
        _write_to_stdout(parts, flush_each=flush_each)
        return
    if output.is_dir():  # said before anything is generated
        raise RunError(f"{output} is a folder", hint="give a file, or `output_dir` for a file for each text")
    with open_atomically(output, follow_links=True) as file:
        for part in parts:
            file.write(part.encode("utf-8", "surrogatepass"))
            if flush_each:
                file.flush()


def _write_to_stdout(parts: Iterator[str], *, flush_each: bool) -> None:
    is_terminal = sys.stdout.isatty()
    ends_line, flushed_at = True, 0.0
    for part in parts:
        sys.stdout.write(visible(part, keep="\n\t") if is_terminal else part)
        if is_terminal:
            ends_line = part.endswith("\n") if part else ends_line
        if is_terminal or flush_each or time.monotonic() - flushed_at > FLUSH_EVERY:
            sys.stdout.flush()
            flushed_at = time.monotonic()
    if not ends_line:  # or the prompt of the shell would follow the text
        sys.stdout.write("\n")
    sys.stdout.flush()


def write_folder(
    results: "Iterable[Result | Failure]", result_format: ResultFormat, folder: Path, *, total: int
) -> None:
    """Write each result to its own file in a folder: 0001.txt or 0001.json. Raises RunError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_write(folder, problem) from problem
    is_text, digits = result_format.name == "text", max(MIN_DIGITS, len(str(total)))
    for number, result in enumerate(results, start=1):
        content = result_format.to_text(result) if is_text else to_json(result_format.to_json(result), indent=2) + "\n"
        path = folder / f"{number:0{digits}}.{'txt' if is_text else 'json'}"
        write_atomically(path, content.encode("utf-8", "surrogatepass"))
