"""`charlstm generate`."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import text_options
from charlstm.cli.contradictions import refuse_contradictions
from charlstm.cli.display.generation_notes import report_changes, report_left_out, report_refused_lines
from charlstm.cli.display.messages import say
from charlstm.cli.display.progress import COMPILING, notice_if_slow, progress_over
from charlstm.cli.display.results import Result, ResultFormat, novelty_line, write_folder, write_output
from charlstm.cli.options import Mix, Models, RandomSeed, Run, TopK, TopP, Unknown, duration, is_given, option
from charlstm.config import SamplingConfig
from charlstm.generation.stopping import StopRules

if TYPE_CHECKING:
    from charlstm.generation.jobs import GeneratedText
    from charlstm.generation.load import LoadedModel

SEPARATOR = "\n---\n"


def generate(
    context: typer.Context,
    run: Run = None,
    model: Models = None,
    mix: Mix = None,
    seed: Annotated[
        str | None,
        option(
            "--seed",
            "--prompt",
            metavar="TEXT",
            help="The text to continue; '' begins a new line. Default: the start of a line of the training text, or, "
            "of a list of short lines, a new line.",
        ),
    ] = None,
    seed_file: Annotated[
        str | None,
        option(
            "--seed-file",
            "--prompt-file",
            metavar="FILE",
            help="Continue the text in a file; - is standard input.",
        ),
    ] = None,
    encoding: text_options.FileEncoding = None,
    no_echo: Annotated[bool, typer.Option("--no-echo", help="Do not write the prompt, only its continuation.")] = False,
    length: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Characters to generate, unless another rule stops it earlier. If it is not given, up to the next end "
            "of a line or a sentence.",
        ),
    ] = SamplingConfig.length,
    temperature: Annotated[
        float,
        typer.Option(
            metavar="T",
            help="Sampling temperature: 0 always takes the most probable character, 1 samples from the distribution "
            "that the model has learned, above 1 is more random.",
        ),
    ] = SamplingConfig.temperature,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: Annotated[
        float | None,
        option(
            "--min-p",
            metavar="P",
            help="Never sample characters whose probability is below this fraction of the highest one.",
        ),
    ] = None,
    typical: Annotated[
        float | None,
        option("--typical", metavar="P", help="Probability mass kept by locally typical sampling."),
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="Above 1, make recent characters less probable.")
    ] = SamplingConfig.repetition_penalty,
    repetition_window: Annotated[
        int, typer.Option(metavar="N", help="The number of characters that count as recent.")
    ] = SamplingConfig.repetition_window,
    stop: Annotated[
        list[str] | None, option("--stop", metavar="TEXT", help="Stop before this text; can be given several times.")
    ] = None,
    include_stop: Annotated[bool, typer.Option("--include-stop", help="Keep the --stop text at the end.")] = False,
    lines: Annotated[int | None, option("--lines", metavar="N", help="Stop after N lines.")] = None,
    paragraphs: Annotated[
        int | None,
        option(
            "--paragraphs",
            metavar="N",
            help="Stop after N paragraphs. A paragraph ends with a blank line, which may contain spaces; further blank "
            "lines, and those before the first paragraph, do not count.",
        ),
    ] = None,
    until_sentence: Annotated[
        bool, typer.Option("--until-sentence", help="After --length, generate up to the end of the sentence.")
    ] = False,
    max_time: Annotated[
        float | None, option("--max-time", parser=duration, metavar="TIME", help="Stop after this time: 10s, 5m.")
    ] = None,
    beam: Annotated[
        int | None,
        option(
            "--beam",
            metavar="WIDTH",
            min=1,
            max=10_000,
            help="Find the most probable text by beam search of this width, instead of sampling.",
        ),
    ] = None,
    num_samples: Annotated[
        int,
        typer.Option(
            "--num-samples",
            "-n",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Texts to generate; the random seed counts up. Of a list of short lines, such as names, each is one "
            "line unless the length is given.",
        ),
    ] = 1,
    batch: Annotated[
        Path | None,
        option(
            "--batch",
            metavar="FILE",
            help="Generate a text for each line of a file: a JSON object with a seed (or prompt) and any of these "
            "settings; - is standard input.",
        ),
    ] = None,
    separator: Annotated[
        str | None,
        option(
            "--separator",
            metavar="TEXT",
            help=r"Written between two texts. Default: \n---\n; nothing between the lines of a list.",
        ),
    ] = None,
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, json or jsonl.")] = "text",
    scores: Annotated[
        bool, typer.Option("--scores", help="Add the log-probability of each character, in nats, to JSON.")
    ] = False,
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty",
            help="Measure how much of each text is copied from the training text, without its validation part.",
        ),
    ] = False,
    new: Annotated[
        bool | None,
        option(
            "--new/--no-new",
            help="Leave out lines that stand in the training text, apart from case and white space at their ends. "
            "Default: --new for a model of a list of short lines, if there are others to write.",
        ),
    ] = None,
    unique: Annotated[
        bool | None,
        option(
            "--unique/--no-unique",
            help="Leave out lines that have been written before, in this or another text. Default: --unique for a "
            "model of a list of short lines.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", "--out", metavar="FILE", help="Write to a file, in full or not at all."),
    ] = None,
    output_dir: Annotated[
        Path | None, option("--output-dir", metavar="FOLDER", help="Write each text to its own file: 0001.txt.")
    ] = None,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Generate text with a trained model.

    The prompt and its continuation are written to stdout while they are generated; everything else goes to stderr.
    The options that change the distribution of the next character apply in this order: repetition penalty,
    temperature, top-k, top-p, min-p, typical.

    \b
    charlstm generate --seed "Tomorrow, and tomorrow"
    charlstm generate runs/macbeth --length 2000 --temperature 0.6 --random-seed 7 > out.txt
    charlstm generate --seed "MACBETH." --stop "LADY" --num-samples 5 --format jsonl
    charlstm generate runs/names -n 50
    charlstm generate --model macbeth:2 --model recipes:1 --mix words
    charlstm generate --batch prompts.jsonl --format jsonl > answers.jsonl
    """
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
    from charlstm.analysis.line_sources import choose_line_filter
    from charlstm.generation.generate import Request
    from charlstm.generation.jobs import GenerationJob
    from charlstm.generation.list_defaults import with_default_end, writes_lines
    from charlstm.generation.load import load_models
    from charlstm.generation.requests import read_requests

    models = load_models(run, model or [])
    asked = {"length_is_given": is_given(context, "length"), "many": is_given(context, "num_samples")}
    one_line = writes_lines(rules, models, **asked)
    if not beam:
        rules = with_default_end(rules, models, **asked)
    if batch:
        requests = read_requests(batch, config, rules, encoding=encoding, on_message=say)
    else:
        prompt = seed if seed_file is None else _read_prompt_file(seed_file, encoding)
        requests = [Request(prompt, config, rules)]
    line_filter = None if beam else choose_line_filter(models, say, new=new, unique=unique, temperature=temperature)
    job = GenerationJob(
        models,
        requests,
        unknown=unknown,
        num_samples=1 if beam else num_samples,
        is_batch=batch is not None,
        line_filter=line_filter,
        must_filter=new is True or unique is True,
        mix=mix,
    )
    report_changes(job)
    report_left_out(line_filter, new=new, unique=unique)
    if job.needs_compiling:
        with notice_if_slow(COMPILING):
            job.compile()
    result_format = ResultFormat(
        name=output_format,
        echo=not no_echo,
        separator=separator if separator is not None else "" if one_line else SEPARATOR,
        models=models,
        mix=mix,
        beam=beam,
        scores=scores,
        line_filter=line_filter,
    )
    if num_samples == 1 and output_format == "text" and not (batch or beam or novelty or output_dir):
        write_output(job.stream(echo=result_format.echo), output)
    else:
        texts = job.search(beam, num_samples) if beam else job.texts(with_scores=scores)
        results = _with_novelty(texts, models) if novelty else map(Result, texts)
        if len(job) > 1:
            results = progress_over(results, "generating", total=len(job))
        if output_dir:
            write_folder(results, result_format, output_dir, total=len(job))
        else:
            write_output(result_format.join(results), output)
    if not beam:
        report_refused_lines(job)


def _with_novelty(texts: "Iterable[GeneratedText]", models: "list[LoadedModel]") -> Iterator[Result]:
    """Return the texts with their novelty; as each is generated, say how much of it is copied."""
    from charlstm.analysis.novelty import load_training_text, measure_novelty

    sources = [load_training_text(loaded.path, loaded.model, say) for loaded in models]

    def measure(text: "GeneratedText") -> Result:
        novelty = measure_novelty(sources, text.text)
        say(novelty_line(novelty))
        return Result(text, novelty)

    return map(measure, texts)


def _read_prompt_file(path: str, encoding: str | None) -> str:
    """Return the text of a file as it is: the model's vocabulary puts it into its normal form and case."""
    from charlstm.text.corpus import load_corpus
    from charlstm.text.decoding import DecodingOptions

    options = DecodingOptions(encoding, normalize="none", keep_boilerplate=True)
    return load_corpus([path], options, on_message=say).text
