"""`charlstm generate`."""

import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli.console import changes_line, say, visible
from charlstm.cli.options import RandomSeed, Run, Unknown, duration, option
from charlstm.config import SamplingConfig
from charlstm.errors import SettingError
from charlstm.stopping import StopRules

if TYPE_CHECKING:
    from charlstm.generation import Sample
    from charlstm.modelfile import Model

FORMATS = ("text", "json", "jsonl")


def generate(
    run: Run = None,
    seed: Annotated[
        str | None, option("--seed", metavar="TEXT", help="The text to go on from. Default: start on a new line.")
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
    top_k: Annotated[
        int | None, option("--top-k", metavar="K", help="Draw among the K most probable characters.")
    ] = None,
    top_p: Annotated[
        float | None,
        option("--top-p", metavar="SHARE", help="Draw among the most probable characters that make up this share."),
    ] = None,
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
    num_samples: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=100_000, help="Texts to write, side by side; the random seed counts up."),
    ] = 1,
    separator: Annotated[str, typer.Option(metavar="TEXT", help="Stands between several texts.")] = "\n---\n",
    output_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text, json or jsonl.")] = "text",
    scores: Annotated[
        bool, typer.Option("--scores", help="With json: the log-probability of each character, in nats.")
    ] = False,
    output: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="Write to a file, whole or not at all.")
    ] = None,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Write text in the manner of a trained model.

    The seed and its continuation go to stdout, as they are made, and nothing else does. What is drawn is chosen in
    this order: repetition penalty, temperature, top-k, top-p, min-p, typical.

    \b
    charlstm generate --seed "Tomorrow, and tomorrow"
    charlstm generate runs/macbeth --length 2000 --temperature 0.6 --random-seed 7 > out.txt
    charlstm generate --seed "MACBETH." --stop "LADY" --num-samples 5 --format jsonl
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
    if output_format not in FORMATS:
        raise SettingError(f"--format is {output_format!r}, but it must be one of {', '.join(FORMATS)}")
    if scores and output_format == "text":
        raise SettingError("--scores needs --format json or jsonl", hint="add one of them")
    from charlstm.generation import generate as stream
    from charlstm.generation import generate_many
    from charlstm.modelfile import load_model
    from charlstm.runfolder import find_model

    path = find_model(run)
    model = load_model(path)
    shown, adapted = _seed(model, seed, seed_file, unknown)
    echo = "" if no_echo else shown
    if num_samples == 1 and output_format == "text":
        _write((part for piece in ([echo], stream(model, adapted, config, rules)) for part in piece), output)
        return
    samples = generate_many(model, adapted, config, rules, num_samples=num_samples, with_scores=scores)
    if output_format == "text":
        _write(iter([separator.join(echo + sample.text for sample in samples)]), output)
        return
    facts = [_facts(path, shown, config, place, sample, scores=scores) for place, sample in enumerate(samples)]
    if output_format == "jsonl":
        _write(iter(["\n".join(map(json.dumps, facts))]), output, last="\n")
    else:
        _write(iter([json.dumps(facts, indent=2)]), output, last="\n")


def _seed(model: "Model", seed: str | None, seed_file: Path | None, unknown: str) -> tuple[str, str]:
    """The text to go on from, as it was given and as the model can read it."""
    from charlstm.corpus import load_corpus
    from charlstm.decoding import Reading

    if seed is not None and seed_file is not None:
        raise SettingError("--seed and --seed-file are both given", hint="give one of the two")
    text = seed or ""
    if seed_file is not None:
        text = load_corpus([seed_file], Reading(keep_boilerplate=True), tell=say).text
    adapted, changes = model.vocabulary.adapt(text, unknown)
    if changes:
        say(changes_line(changes))
    return text, adapted


def _write(parts: Iterator[str], output: Path | None, *, last: str = "") -> None:
    """To a file at once, to a pipe as it is, or to a terminal as it comes and with control characters made visible."""
    if output is not None:
        from charlstm.files import writing

        with writing(output) as file:
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


def _facts(
    path: Path, seed: str, config: SamplingConfig, place: int, sample: "Sample", *, scores: bool
) -> dict[str, Any]:
    import hashlib

    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    settings = config.to_json()
    return {
        "seed": seed,
        "text": sample.text,
        "random_seed": settings.pop("random_seed") + place,
        "settings": settings,
        "model_sha256": digest,
    } | ({"scores": sample.scores} if scores else {})
