"""`charlstm generate`."""

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import Models, RandomSeed, Run, TopK, TopP, Unknown, duration, is_given, option
from charlstm.config import SamplingConfig
from charlstm.errors import SettingError
from charlstm.generation.stopping import StopRules

FORMATS = ("text", "json", "jsonl")
DRAWN = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty", "repetition_window")
CONTRADICTIONS = [
    ("seed", "seed_file"),
    ("run", "model"),
    ("output", "output_dir"),
    *(("batch", other) for other in ("seed", "seed_file", "num_samples", "beam")),
    *(("beam", other) for other in DRAWN),
]


def generate(
    context: typer.Context,
    run: Run = None,
    model: Models = None,
    seed: Annotated[
        str | None,
        option("--seed", metavar="TEXT", help="The text to go on from. Default: the beginning of a line of the text."),
    ] = None,
    seed_file: Annotated[
        Path | None, option("--seed-file", metavar="FILE", help="Go on from what is in a file; - for standard input.")
    ] = None,
    no_echo: Annotated[bool, typer.Option("--no-echo", help="Leave the seed out of what is written.")] = False,
    length: Annotated[
        int, typer.Option(metavar="N", help="Characters to write after the seed, if nothing ends it sooner.")
    ] = SamplingConfig.length,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="0 is always the most probable character, 1 as learned, above 1 wilder.")
    ] = SamplingConfig.temperature,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: Annotated[
        float | None,
        option("--min-p", metavar="SHARE", help="Leave out what has less than this share of the highest probability."),
    ] = None,
    typical: Annotated[
        float | None,
        option("--typical", metavar="SHARE", help="Draw among the most typical characters that make up this share."),
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="Above 1: characters written lately become less probable.")
    ] = SamplingConfig.repetition_penalty,
    repetition_window: Annotated[
        int, typer.Option(metavar="N", help="How many characters count as lately.")
    ] = SamplingConfig.repetition_window,
    stop: Annotated[
        list[str] | None, option("--stop", metavar="TEXT", help="End before this text; can be given more than once.")
    ] = None,
    include_stop: Annotated[bool, typer.Option("--include-stop", help="Write the text of --stop, too.")] = False,
    lines: Annotated[int | None, option("--lines", metavar="N", help="End after so many lines.")] = None,
    paragraphs: Annotated[int | None, option("--paragraphs", metavar="N", help="End after so many paragraphs.")] = None,
    until_sentence: Annotated[
        bool, typer.Option("--until-sentence", help="After the length, finish the sentence.")
    ] = False,
    max_time: Annotated[
        float | None, option("--max-time", parser=duration, metavar="TIME", help="Write at most so long: 10s, 5m.")
    ] = None,
    beam: Annotated[
        int | None,
        option("--beam", metavar="WIDTH", min=1, max=10_000, help="The most probable text, of so many looked at."),
    ] = None,
    num_samples: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=1_000_000, help="Texts to write; the random seed counts up."),
    ] = 1,
    batch: Annotated[
        Path | None,
        option(
            "--batch",
            metavar="FILE",
            help="One request a line, as JSON: seed, and any of these settings; - for standard input.",
        ),
    ] = None,
    separator: Annotated[str, typer.Option(metavar="TEXT", help="Stands between several texts.")] = "\n---\n",
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, json or jsonl.")] = "text",
    scores: Annotated[
        bool, typer.Option("--scores", help="With json: the log-probability of each character, in nats.")
    ] = False,
    novelty: Annotated[
        bool, typer.Option("--novelty", help="How much of it stands word for word in the training text.")
    ] = False,
    output: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    output_dir: Annotated[
        Path | None, option("--output-dir", metavar="FOLDER", help="Write each text to a file of its own: 0001.txt.")
    ] = None,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Write text in the style of a trained model.

    The seed and its continuation go to stdout, as they are made, and nothing else does. What is drawn is chosen in
    this order: repetition penalty, temperature, top-k, top-p, min-p, typical.

    \b
    charlstm generate --seed "Tomorrow, and tomorrow"
    charlstm generate runs/macbeth --length 2000 --temperature 0.6 --random-seed 7 > out.txt
    charlstm generate --seed "MACBETH." --stop "LADY" --num-samples 5 --format jsonl
    charlstm generate --model macbeth:2 --model recipes:1 --novelty
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
    refuse_what_does_not_go_together(context, context.params)
    from charlstm.cli.writing import Job, write

    write(
        Job(
            run=run,
            models=model or [],
            seed=seed,
            seed_file=seed_file,
            config=config,
            rules=rules,
            beam=beam,
            num_samples=num_samples,
            batch=batch,
            unknown=unknown,
            echo=not no_echo,
            separator=separator,
            output_format=output_format,
            scores=scores,
            novelty=novelty,
            output=output,
            output_dir=output_dir,
        )
    )


def refuse_what_does_not_go_together(context: typer.Context, options: dict[str, Any]) -> None:
    """Raises SettingError for options that contradict each other, or that would do nothing."""
    if options["output_format"] not in FORMATS:
        raise SettingError(f"--format is {options['output_format']!r}, but it must be one of {', '.join(FORMATS)}")
    if options["scores"] and options["output_format"] == "text":
        raise SettingError("--scores needs --format json or jsonl", hint="add one of them")
    for one, other in CONTRADICTIONS:
        if is_given(context, one) and is_given(context, other):
            raise SettingError(f"{_name(one)} and {_name(other)} are both given", hint="give one of the two")
    if options["beam"] and options["num_samples"] > options["beam"]:
        raise SettingError(
            f"--num-samples is {options['num_samples']}, more than --beam {options['beam']} looks at",
            hint="give a wider --beam",
        )


def _name(option: str) -> str:
    return {"run": "RUN"}.get(option, "--" + option.replace("_", "-"))
