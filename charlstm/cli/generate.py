"""`charlstm generate`."""

import secrets
import sys
from typing import Annotated

import typer

from charlstm.cli.console import changes_line, say, visible
from charlstm.cli.options import RandomSeed, Run, Unknown
from charlstm.config import SamplingConfig


def generate(
    run: Run = None,
    seed: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The text to go on from. Default: start on a new line.", show_default=False),
    ] = "",
    length: Annotated[
        int, typer.Option(metavar="N", help="Characters to write after the seed.")
    ] = SamplingConfig.length,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="0 is always the most probable character, 1 as learned, above 1 wilder.")
    ] = SamplingConfig.temperature,
    top_k: Annotated[
        int | None,
        typer.Option(metavar="K", help="Draw among the K most probable characters. Default: all.", show_default=False),
    ] = SamplingConfig.top_k,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Write text in the manner of a trained model.

    The seed and its continuation go to stdout, as they are made, and nothing else does.

    \b
    charlstm generate --seed "Tomorrow, and tomorrow"
    charlstm generate runs/macbeth --length 2000 --temperature 0.6 --random-seed 7 > out.txt
    """
    config = SamplingConfig(
        length=length,
        temperature=temperature,
        top_k=top_k,
        random_seed=secrets.randbits(32) if random_seed is None else random_seed,
    )
    from charlstm import generation
    from charlstm.modelfile import load_model
    from charlstm.runfolder import find_model

    model = load_model(find_model(run))
    adapted, changes = model.vocabulary.adapt(seed, unknown)
    if changes:
        say(changes_line(changes))
    characters = generation.generate(model, adapted, config)
    on_terminal = sys.stdout.isatty()
    sys.stdout.write(visible(seed, keep="\n\t") if on_terminal else seed)
    for character in characters:
        sys.stdout.write(visible(character, keep="\n\t") if on_terminal else character)
        if on_terminal:
            sys.stdout.flush()
    if on_terminal:
        sys.stdout.write("\n")
    sys.stdout.flush()
