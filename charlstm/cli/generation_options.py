"""The options of `generate`."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.completion import choices
from charlstm.cli.help_text import help_all
from charlstm.cli.options import COMMON, OUTPUT, PROMPT, SAMPLING, STOPPING, duration, option
from charlstm.cli.overwriting import OVERWRITE
from charlstm.config import SamplingConfig

Seed = Annotated[
    str | None,
    option(
        "--seed",
        "--prompt",
        metavar="TEXT",
        panel=COMMON,
        help="The text to continue; '' begins a new line. Default: like a line of the training text.",
    ),
]
SeedFile = Annotated[
    str | None,
    option(
        "--seed-file",
        "--prompt-file",
        metavar="FILE",
        panel=PROMPT,
        help="Continue the text in a file; - is standard input.",
    ),
]
NoEcho = Annotated[
    bool, typer.Option("--no-echo", rich_help_panel=PROMPT, help="Do not write the prompt, only its continuation.")
]
Length = Annotated[
    int,
    typer.Option(
        "--length",
        metavar="N",
        rich_help_panel=COMMON,
        show_default=False,
        help=f"Characters. Default: up to {SamplingConfig.length}, to a line's end.",
    ),
]
Temperature = Annotated[
    float,
    typer.Option(
        "--temperature",
        metavar="T",
        rich_help_panel=COMMON,
        help="0: always the most probable character; 1: as the model has learned; above 1: more random.",
    ),
]
MinP = Annotated[
    float | None,
    option(
        "--min-p",
        metavar="P",
        panel=SAMPLING,
        help="Never sample characters whose probability is below this fraction of the highest one.",
    ),
]
Typical = Annotated[
    float | None,
    option("--typical", metavar="P", panel=SAMPLING, help="Probability mass kept by locally typical sampling."),
]
RepetitionPenalty = Annotated[
    float,
    typer.Option(
        "--repetition-penalty",
        metavar="X",
        rich_help_panel=SAMPLING,
        help="Above 1, make recent characters less probable.",
    ),
]
RepetitionWindow = Annotated[
    int,
    typer.Option(
        "--repetition-window",
        metavar="N",
        rich_help_panel=SAMPLING,
        help="The number of characters that count as recent.",
    ),
]
Stop = Annotated[
    list[str] | None,
    option("--stop", metavar="TEXT", panel=STOPPING, help="Stop before this text; can be given several times."),
]
IncludeStop = Annotated[
    bool, typer.Option("--include-stop", rich_help_panel=STOPPING, help="Keep the --stop text at the end.")
]
Lines = Annotated[int | None, option("--lines", metavar="N", panel=COMMON, help="Stop after N lines.")]
Paragraphs = Annotated[
    int | None,
    option(
        "--paragraphs",
        metavar="N",
        panel=STOPPING,
        help="Stop after N paragraphs. A paragraph ends with a blank line, which may contain spaces; further blank "
        "lines, and those before the first paragraph, do not count.",
    ),
]
UntilSentence = Annotated[
    bool,
    typer.Option(
        "--until-sentence", rich_help_panel=STOPPING, help="After --length, generate up to the end of the sentence."
    ),
]
MaxTime = Annotated[
    float | None,
    option("--max-time", parser=duration, metavar="TIME", panel=STOPPING, help="Stop after this time: 10s, 5m."),
]
Beam = Annotated[
    int | None,
    option(
        "--beam",
        metavar="WIDTH",
        min=1,
        max=10_000,
        panel=SAMPLING,
        help="Find the most probable text by beam search of this width, instead of sampling.",
    ),
]
NumSamples = Annotated[
    int,
    typer.Option(
        "--num-samples",
        "-n",
        metavar="N",
        min=1,
        max=1_000_000,
        rich_help_panel=COMMON,
        help="Texts, or lines of a list such as names; the random seed counts up.",
    ),
]
Batch = Annotated[
    str | None,
    option(
        "--batch",
        metavar="FILE",
        panel=PROMPT,
        help="Generate a text for each line of a file: a JSON object with a seed (or prompt) and any of these "
        "settings. From standard input (-), each line is answered as it comes, a bad one with its error.",
    ),
]
Separator = Annotated[
    str | None,
    option(
        "--separator",
        metavar="TEXT",
        panel=OUTPUT,
        help=r"Written between two texts, or after each answer of --batch -. Default: \n---\n; nothing if each text is "
        "one line.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        autocompletion=choices(("text", "json", "jsonl")),
        metavar="FORMAT",
        rich_help_panel=OUTPUT,
        help="text, json or jsonl.",
    ),
]
Scores = Annotated[
    bool,
    typer.Option(
        "--scores", rich_help_panel=OUTPUT, help="Add the log-probability of each character, in nats, to JSON."
    ),
]
Novelty = Annotated[
    bool,
    typer.Option(
        "--novelty",
        rich_help_panel=OUTPUT,
        help="Measure how much of each text is copied from the training text, without its validation part.",
    ),
]
New = Annotated[
    bool | None,
    option(
        "--new/--no-new",
        panel=SAMPLING,
        help="Leave out lines that stand in the training text, apart from case and white space at their ends. "
        "Default: --new for a model of a list of short lines, if there are others to write.",
    ),
]
Unique = Annotated[
    bool | None,
    option(
        "--unique/--no-unique",
        panel=SAMPLING,
        help="Leave out lines that have been written before, in this or another text. Default: --unique for a model of "
        "a list of short lines.",
    ),
]
Clamp = Annotated[
    list[str] | None,
    option(
        "--clamp",
        metavar="LAYER:UNIT=X",
        panel=SAMPLING,
        help="Fix the output of a unit at X, to see what it does: 2:117=1.0; can be given several times. How the text "
        "differs from one that is written without is said on stderr.",
    ),
]
Output = Annotated[
    Path | None,
    option("--output", "-o", "--out", metavar="FILE", panel=COMMON, help="Write to a file, in full or not at all."),
]
Overwrite = Annotated[bool, OVERWRITE]
OutputDir = Annotated[
    Path | None,
    option("--output-dir", metavar="FOLDER", panel=OUTPUT, help="Write each text to its own file: 0001.txt."),
]
HelpAll = Annotated[bool, help_all("prompts, sampling, stopping, output")]
