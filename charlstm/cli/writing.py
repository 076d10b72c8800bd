"""What `generate` does: requests to texts, and texts to where they are wanted."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.atomic_files import cannot_write, open_atomically, write_atomically
from charlstm.cli import voices
from charlstm.cli.display.messages import changes_line, say, visible
from charlstm.cli.display.progress import progress_over
from charlstm.config import SamplingConfig
from charlstm.generation.generate import SIDE_BY_SIDE, Request, generate, generate_all
from charlstm.generation.requests import Asked, read_requests
from charlstm.generation.stopping import StopRules
from charlstm.text.line_starts import sample_line_start

if TYPE_CHECKING:
    from charlstm.analysis.novelty import Novelty

SHORT, SHORT_SEED = 200, 1000  # characters to write, and to read before


@dataclass(frozen=True)
class Job:
    """What was asked for on the command line."""

    run: str | None
    models: list[str]
    seed: str | None
    seed_file: Path | None
    config: SamplingConfig
    rules: StopRules
    beam: int | None
    num_samples: int
    batch: Path | None
    unknown: str
    echo: bool
    separator: str
    output_format: str
    scores: bool
    novelty: bool
    output: Path | None
    output_dir: Path | None

    @property
    def streams(self) -> bool:
        """Whether there is one text, which can be shown as it is made."""
        whole = self.batch or self.beam or self.novelty or self.output_dir
        return self.num_samples == 1 and self.output_format == "text" and not whole


@dataclass(frozen=True)
class Written:
    """One text, and what is to be said about it."""

    asked: Asked
    text: str
    scores: list[float]
    novelty: "Novelty | None" = None


def write(job: Job) -> None:
    """Write what was asked for to stdout, a file or a folder."""
    models = voices.find_models(job.run, job.models)
    voice = voices.voice_of(models)
    line_starts = [opening for named in models for opening in named.line_starts]
    adapted = cache(lambda text: voice.vocabulary.adapt(text, job.unknown))  # many requests may share one long seed
    asked = [_ready(one, adapted, line_starts) for one in _asked(job)]
    _tell_changes(asked)
    is_short = not job.batch and _is_short(asked)
    if not is_short:
        voice = voices.compiled(voice)
    if job.streams:
        (one,) = asked
        parts = (part for piece in ([one.shown] if job.echo else [], generate(voice, one.request)) for part in piece)
        _put(parts, job.output)
        return
    if job.beam:
        results: Iterable[Written] = _most_probable(voice, asked[0], job)
    else:
        batch_size = 1 if is_short else SIDE_BY_SIDE  # then each has the same bits as if it were alone
        requests = (one.request for one in asked)
        written = generate_all(voice, requests, with_scores=job.scores, batch_size=batch_size)
        results = (Written(one, sample.text, sample.scores) for one, sample in zip(asked, written, strict=True))
    if job.novelty:
        sources = [voices.training_text_of(named) for named in models]
        results = _with_novelty(results, sources)
    if job.batch or len(asked) > 1:
        results = progress_over(results, "writing", total=len(asked))
    if job.output_dir:
        _put_into_folder(results, models, job, digits=max(4, len(str(len(asked)))))
    else:
        _put(_joined(results, models, job), job.output, last="" if job.output_format == "text" else "\n")


def _is_short(asked: list[Asked]) -> bool:
    """Whether it takes longer to get compiled code ready than to do without; how many texts there are is no matter."""
    request = asked[0].request
    return request.config.length <= SHORT and len(request.prompt) <= SHORT_SEED


def _asked(job: Job) -> list[Asked]:
    if job.batch:
        return read_requests(job.batch, job.config, job.rules)
    text = _seed_text(job)
    count = 1 if job.beam else job.num_samples
    first = job.config.random_seed
    return [
        Asked(Request(text, replace(job.config, random_seed=first + place), job.rules), text) for place in range(count)
    ]


def _seed_text(job: Job) -> str:
    """The text to go on from, as it was given."""
    if job.seed_file is None:
        return job.seed or ""
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding import DecodingOptions

    return load_corpus([job.seed_file], DecodingOptions(keep_boilerplate=True), on_message=say).text


def _ready(asked: Asked, adapted: Callable[[str], tuple[str, dict[str, str]]], line_starts: list[str]) -> Asked:
    """The same with a seed text that can be read: of known characters, or the beginning of a line."""
    request = asked.request
    if not request.prompt:
        opening = sample_line_start(line_starts, request.config.random_seed)
        return Asked(replace(request, prompt=opening, starts_line=True), opening)
    text, changes = adapted(request.prompt)
    return replace(asked, request=replace(request, prompt=text), changes=changes)


def _tell_changes(asked: list[Asked]) -> None:
    changes = {old: new for one in asked for old, new in one.changes.items()}
    if changes:
        say(changes_line(changes))


def _most_probable(voice: Any, asked: Asked, job: Job) -> Iterator[Written]:
    from charlstm.generation.beam import beam_search

    for found in beam_search(voice, asked.request, job.beam or 1)[: job.num_samples]:
        yield Written(asked, found.text, list(found.scores[: len(found.text)]))


def _with_novelty(results: Iterable[Written], sources: Any) -> Iterator[Written]:
    from charlstm.analysis.novelty import COPIED, measure_novelty

    for result in results:
        found = measure_novelty(sources, result.text)
        say(
            f"novelty: the longest run that stands in the training text has {found.longest_copied_run} characters "
            f'("{visible(found.longest_copied_text)}"); {found.copied_share:.1%} stands in runs of {COPIED} or more'
        )
        yield replace(result, novelty=found)


def _joined(results: Iterable[Written], models: list[voices.Named], job: Job) -> Iterator[str]:
    """All texts as one, in the format that is wanted."""
    if job.output_format == "json":
        facts = [_facts(result, models, job) for result in results]
        yield json.dumps(facts, indent=2)
        return
    for place, result in enumerate(results):
        if job.output_format == "jsonl":
            yield ("\n" if place else "") + json.dumps(_facts(result, models, job))
        else:
            yield (job.separator if place else "") + (result.asked.shown if job.echo else "") + result.text


def _put_into_folder(results: Iterable[Written], models: list[voices.Named], job: Job, *, digits: int) -> None:
    folder = job.output_dir or Path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_write(folder, problem) from problem
    kind = "txt" if job.output_format == "text" else "json"
    for place, result in enumerate(results, start=1):
        if kind == "txt":
            content = (result.asked.shown if job.echo else "") + result.text
        else:
            content = json.dumps(_facts(result, models, job), indent=2) + "\n"
        write_atomically(folder / f"{place:0{digits}}.{kind}", content.encode("utf-8", "surrogatepass"))


def _put(parts: Iterator[str], output: Path | None, *, last: str = "") -> None:
    """To a file at once, to a pipe as it is, or to a terminal as it comes and with control characters made visible."""
    if output is not None:
        with open_atomically(output) as file:
            for part in parts:
                file.write(part.encode("utf-8", "surrogatepass"))
            file.write(last.encode())
        return
    on_terminal = sys.stdout.isatty()
    for part in parts:
        sys.stdout.write(visible(part, keep="\n\t") if on_terminal else part)
        if on_terminal:
            sys.stdout.flush()
    sys.stdout.write("\n" if on_terminal else last)
    sys.stdout.flush()


def _facts(result: Written, models: list[voices.Named], job: Job) -> dict[str, Any]:
    settings, rules = result.asked.request.config.to_json(), result.asked.request.rules
    random_seed = settings.pop("random_seed")
    facts: dict[str, Any] = {"seed": result.asked.shown, "text": result.text}
    if job.beam:
        facts |= {
            "beam": job.beam,
            "random_seed": random_seed,
            "settings": {"length": settings["length"]} | rules.to_json(),
        }
    else:
        facts |= {"random_seed": random_seed, "settings": settings | rules.to_json()}
    if len(models) == 1:
        facts["model_sha256"] = models[0].digest
    else:
        facts["models"] = [
            {"path": str(named.path), "weight": named.weight, "sha256": named.digest} for named in models
        ]
    if job.scores:
        facts["scores"] = result.scores
    if result.novelty:
        facts["novelty"] = result.novelty.to_json()
    return facts
