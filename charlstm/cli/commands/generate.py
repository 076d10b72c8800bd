"""`charlstm generate`."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from charlstm.cli import adapting, generation_options, text_options
from charlstm.cli.contradictions import refuse_contradictions
from charlstm.cli.display.clamp_effect import report_effect
from charlstm.cli.display.generation_notes import (
    newest_run_line,
    report_changes,
    report_left_out,
    report_refused_lines,
    reporting_answers,
)
from charlstm.cli.display.messages import say, warn
from charlstm.cli.display.progress import COMPILING, notice_if_slow, progress_over
from charlstm.cli.display.results import Result, ResultFormat, novelty_line, write_folder, write_output
from charlstm.cli.options import Mix, Models, RandomSeed, Run, TopK, TopP, Unknown, is_given
from charlstm.cli.overwriting import check_may_replace
from charlstm.config import SamplingConfig
from charlstm.errors import CorpusError
from charlstm.generation.stopping import StopRules
from charlstm.machine import prefer_one_openblas_thread

if TYPE_CHECKING:
    from charlstm.generation.answers import Failure
    from charlstm.generation.generate import Request
    from charlstm.generation.jobs import GeneratedText, GenerationJob
    from charlstm.generation.load import LoadedModel

LIMITS = ("top_k", "top_p", "min_p", "typical")  # on the characters to sample from
SEPARATOR = "\n---\n"


def generate(
    context: typer.Context,
    run: Run = None,
    seed: generation_options.Seed = None,
    length: generation_options.Length = SamplingConfig.length,
    lines: generation_options.Lines = None,
    temperature: generation_options.Temperature = SamplingConfig.temperature,
    random_seed: RandomSeed = None,
    num_samples: generation_options.NumSamples = 1,
    output: generation_options.Output = None,
    model: Models = None,
    mix: Mix = None,
    seed_file: generation_options.SeedFile = None,
    encoding: text_options.FileEncoding = None,
    no_echo: generation_options.NoEcho = False,
    adapt: adapting.AdaptText = None,
    adapt_rate: adapting.AdaptRate = None,
    adapt_decay: adapting.AdaptDecay = None,
    adapt_length: adapting.AdaptLength = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: generation_options.MinP = None,
    typical: generation_options.Typical = None,
    repetition_penalty: generation_options.RepetitionPenalty = SamplingConfig.repetition_penalty,
    repetition_window: generation_options.RepetitionWindow = SamplingConfig.repetition_window,
    stop: generation_options.Stop = None,
    include_stop: generation_options.IncludeStop = False,
    paragraphs: generation_options.Paragraphs = None,
    until_sentence: generation_options.UntilSentence = False,
    max_time: generation_options.MaxTime = None,
    beam: generation_options.Beam = None,
    batch: generation_options.Batch = None,
    separator: generation_options.Separator = None,
    output_format: generation_options.Format = "text",
    scores: generation_options.Scores = False,
    novelty: generation_options.Novelty = False,
    new: generation_options.New = None,
    unique: generation_options.Unique = None,
    clamp: generation_options.Clamp = None,
    output_dir: generation_options.OutputDir = None,
    overwrite: generation_options.Overwrite = False,
    unknown: Unknown = "nearest",
    _help_all: generation_options.HelpAll = False,
) -> None:
    """Generate text with a trained model.

    The prompt and its continuation are written to stdout while they are generated; everything else goes to stderr.
    The options that change the distribution of the next character apply in this order: repetition penalty,
    temperature, top-k, top-p, min-p, typical.

    \b
    charlstm generate --seed "Tomorrow, and tomorrow"
    charlstm generate macbeth --length 2000 --temperature 0.6 > out.txt
    charlstm generate --seed "MACBETH." --stop "LADY" --num-samples 5
    charlstm generate names -n 50
    charlstm generate --model macbeth:2 --model recipes:1 --mix words
    charlstm generate english --adapt notes.txt
    charlstm generate --batch prompts.jsonl --format jsonl > answers.jsonl
    """
    if num_samples == 1 and not (batch or beam):
        prefer_one_openblas_thread()
    config = SamplingConfig(
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        typical=typical,
        repetition_penalty=repetition_penalty,
        repetition_window=repetition_window,
        random_seed=secrets.randbits(32) if random_seed is None else random_seed,
    )
    rules = StopRules(
        stops=tuple(stop or ()),
        include_stop=include_stop,
        lines=lines,
        paragraphs=paragraphs,
        until_sentence=until_sentence,
        max_time=max_time,
    )
    refuse_contradictions(context)
    adaptation = adapting.adaptation_config(
        adapt=adapt is not None, adapt_rate=adapt_rate, adapt_decay=adapt_decay, adapt_length=adapt_length
    )
    _warn_without_effect(context, output_format=output_format, is_greedy=temperature == 0 and not batch)
    from charlstm.analysis.line_sources import choose_line_filter
    from charlstm.generation.clamps import Clamps
    from charlstm.generation.generate import Request
    from charlstm.generation.jobs import GenerationJob
    from charlstm.generation.list_defaults import are_single_lines, with_default_end
    from charlstm.generation.load import load_models
    from charlstm.text.streams import is_stream

    models = load_models(run, model or [])
    clamps = Clamps.parse(clamp, models[0].model.config) if clamp else None
    _check_files([batch, seed_file], _files_to_write(output, output_dir), overwrite=overwrite)
    if not beam:
        many = is_given(context, "num_samples")
        rules = with_default_end(rules, models, length_is_given=is_given(context, "length"), many=many)
    stream = batch if batch is not None and is_stream(batch) else None  # whose lines are answered as they come
    request = Request(seed if seed_file is None else _read_prompt_file(seed_file, encoding), config, rules)
    requests = [] if stream else [request] if batch is None else _read_batch(batch, request, encoding)
    learned = None
    if adapt is not None and adaptation:
        models, learned = adapting.adapt_models(models, adapt, adaptation, unknown=unknown, encoding=encoding)
    line_filter = None if beam else choose_line_filter(models, say, new=new, unique=unique, temperature=temperature)
    job = GenerationJob(
        models,
        requests,
        unknown=unknown,
        context=learned.end if learned else "",
        num_samples=1 if beam else num_samples,
        is_batch=batch is not None,
        line_filter=line_filter,
        must_filter=new is True or unique is True,
        mix=mix,
        clamps=clamps,
    )
    if not (run or model):
        say(newest_run_line(models[0].path))
    report_changes(job)
    report_left_out(line_filter, new=new, unique=unique)
    _compile(job)
    is_single = len(requests) == num_samples == 1
    may_be_lines = separator is None and not is_single
    echo = not no_echo
    result_format = ResultFormat(
        name=output_format,
        echo=echo,
        separator=SEPARATOR if separator is None else separator,
        single_lines=may_be_lines and are_single_lines(requests or [request], models, echo=echo),
        answers=stream is not None,
        models=models,
        adapted=learned.to_json() if learned else None,
        mix=mix,
        beam=beam,
        scores=scores,
        line_filter=line_filter,
    )
    if is_single and output_format == "text" and not (batch or beam or novelty or output_dir):
        write_output(job.stream(echo=echo), output)
    else:
        texts: Iterator[GeneratedText | Failure]
        if stream:
            texts = _answers(job, stream, request, encoding=encoding, scores=scores)
        else:
            texts = job.search(beam, num_samples) if beam else job.texts(with_scores=scores)
        results = _with_novelty(texts, models) if novelty else map(_to_result, texts)
        _write(results, result_format, output=output, output_dir=output_dir, total=len(job))
    if not beam:
        report_refused_lines(job)
    if clamps:
        report_effect(job, models[0].model, clamps)


def _warn_without_effect(context: typer.Context, *, output_format: str, is_greedy: bool) -> None:
    if is_given(context, "separator") and output_format != "text":
        warn("`separator` has no effect on JSON")
    for name in LIMITS if is_greedy else ():
        if is_given(context, name):
            warn(f"`{name}` has no effect at `temperature` 0, which always takes the most probable character")


def _check_files(inputs: Sequence[str | None], outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Raise CharLSTMError unless all files to read are there, and none to write is, or it may be replaced."""
    for path in inputs:
        if path is not None:
            _check_file(path)
    for file in outputs:
        check_may_replace(file, overwrite=overwrite)


def _read_batch(batch: str, request: "Request", encoding: str | None) -> "list[Request]":
    """Return the requests of a file, each with the settings of the options that it does not give itself."""
    from charlstm.generation.requests import read_requests

    return read_requests(batch, request.config, request.rules, encoding=encoding, on_message=say)


def _compile(job: "GenerationJob") -> None:
    if job.needs_compiling:
        with notice_if_slow(COMPILING):
            job.compile()


def _answers(
    job: "GenerationJob", stream: str, request: "Request", *, encoding: str | None, scores: bool
) -> "Iterator[GeneratedText | Failure]":
    """Yield the answer to each line of a stream as it comes."""
    from charlstm.generation.answers import answer_requests
    from charlstm.generation.requests import stream_requests
    from charlstm.text.streams import stream_name

    arrivals = stream_requests(stream, request.config, request.rules, encoding=encoding)
    answers = answer_requests(job, arrivals, with_scores=scores)
    return reporting_answers(job, answers, source=stream_name(stream))


def _write(
    results: "Iterator[Result | Failure]",
    result_format: ResultFormat,
    *,
    output: Path | None,
    output_dir: Path | None,
    total: int,
) -> None:
    if total > 1:
        results = progress_over(results, "generating", total=total)
    if output_dir:
        write_folder(results, result_format, output_dir, total=total)
    else:
        write_output(result_format.join(results), output, flush_each=result_format.answers)


def _to_result(text: "GeneratedText | Failure") -> "Result | Failure":
    from charlstm.generation.jobs import GeneratedText

    return Result(text) if isinstance(text, GeneratedText) else text


def _with_novelty(
    texts: "Iterable[GeneratedText | Failure]", models: "list[LoadedModel]"
) -> "Iterator[Result | Failure]":
    """Return the texts with their novelty; as each is generated, say how much of it is copied."""
    from charlstm.analysis.novelty import load_training_text, measure_novelty
    from charlstm.generation.jobs import GeneratedText

    sources = [load_training_text(loaded.path, loaded.model, say) for loaded in models]

    def measure(text: "GeneratedText | Failure") -> "Result | Failure":
        if not isinstance(text, GeneratedText):
            return text
        novelty = measure_novelty(sources, text.text)
        say(novelty_line(novelty))
        return Result(text, novelty)

    return map(measure, texts)


def _files_to_write(output: Path | None, output_dir: Path | None) -> list[Path]:
    """Return the file to write, and a text that an earlier call wrote to the folder, if there is one."""
    earlier = sorted(output_dir.glob("[0-9]*.*")) if output_dir and output_dir.is_dir() else []
    return ([output] if output else []) + earlier[:1]


def _check_file(path: str) -> None:
    """Raise CorpusError unless there is a file: here the name of a text that ships with charlstm is none."""
    if path != "-" and not Path(path).exists():
        raise CorpusError(f"there is no file {path!r}", hint="check the path; - is standard input")


def _read_prompt_file(path: str, encoding: str | None) -> str:
    """Return the text of a file as it is: the model's vocabulary puts it into its normal form and case."""
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding_options import DecodingOptions

    options = DecodingOptions(encoding, normalize="none", keep_boilerplate=True)
    return load_corpus([path], options, on_message=say).text
