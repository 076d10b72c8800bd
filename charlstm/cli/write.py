"""`charlstm write`."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import Models, RandomSeed, Run, Unknown, option
from charlstm.config import SamplingConfig
from charlstm.errors import SettingError


def write(
    run: Run = None,
    model: Models = None,
    seed: Annotated[str | None, option("--seed", metavar="TEXT", help="What stands there at the beginning.")] = None,
    file: Annotated[
        Path | None, option("--file", metavar="FILE", help="Write in this file: it is opened, and saved to.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="At the beginning; it can be changed while it writes.")
    ] = SamplingConfig.temperature,
    top_k: Annotated[
        int | None, option("--top-k", metavar="K", help="Draw among the K most probable characters.")
    ] = None,
    top_p: Annotated[
        float | None,
        option("--top-p", metavar="SHARE", help="Draw among the most probable characters that make up this share."),
    ] = None,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Write a text together with a model, in the terminal.

    Type, and press Tab to let it go on from the cursor; undo, take another, edit, change the temperature while it
    writes. The colour of a character says how probable it was. What has not been saved is printed at the end.

    \b
    charlstm write
    charlstm write macbeth --seed "MACBETH." --file scene.txt
    """
    config = SamplingConfig(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        random_seed=secrets.randbits(32) if random_seed is None else random_seed,
    )
    if run is not None and model:
        raise SettingError("RUN and --model are both given", hint="give one of the two")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError("charlstm write needs a terminal", hint="in a pipe use charlstm generate")
    from charlstm.cli import voices
    from charlstm.cli.desk import INTERRUPTED, Desk
    from charlstm.corpus import load_corpus
    from charlstm.decoding import Reading
    from charlstm.session import Session

    voice = voices.voice_of(voices.find_models(run, model or []))
    voice.vocabulary.translation("", unknown)  # refuses an unknown policy
    text = seed or ""
    if file is not None and file.exists() and file.stat().st_size:
        if seed:
            raise SettingError(f"{file} holds a text already, and --seed is given", hint="give one of the two")
        text = load_corpus([file], Reading(normalize="none", keep_boilerplate=True)).text
    desk = Desk(Session(voice, config, unknown=unknown), text, file)
    code = desk.run()
    if code > INTERRUPTED and desk.is_unsaved:  # the terminal may have gone away
        desk.save()
    if desk.is_unsaved:
        print(desk.text, end="" if desk.text.endswith("\n") else "\n")
    raise typer.Exit(code)
