"""`charlstm write`."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.messages import visible
from charlstm.cli.options import Models, RandomSeed, Run, TopK, TopP, Unknown, option
from charlstm.config import SamplingConfig
from charlstm.errors import CorpusError, SettingError


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
    top_k: TopK = None,
    top_p: TopP = None,
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
    if unknown == "error":
        raise SettingError("--unknown error would stop at every character typed", hint="give nearest or skip")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError("charlstm write needs a terminal", hint="in a pipe use charlstm generate")
    from charlstm.cli import voices
    from charlstm.cli.display.editor import INTERRUPTED, Desk
    from charlstm.generation.session import Session

    voice = voices.voice_of(voices.find_models(run, model or []))
    voice.vocabulary.id_table("", unknown)  # refuses an unknown policy
    found = _text_of(file) if file is not None and file.exists() else ""
    if found and seed:
        raise SettingError(f"{file} holds a text already, and --seed is given", hint="give one of the two")
    newline = "\r\n" if "\r\n" in found else "\n"
    text = found.replace("\r\n", "\n") or seed or ""
    desk = Desk(Session(voice, config, unknown=unknown), text, file, newline=newline)
    code = desk.run()
    if code > INTERRUPTED and desk.is_unsaved:  # the terminal may have gone away
        desk.save()
    if desk.is_unsaved:
        print(visible(desk.text, keep="\n\t"), end="" if desk.text.endswith("\n") else "\n")
    raise typer.Exit(code)


def _text_of(file: Path) -> str:
    """The text of a file that will be written again, byte for byte but for what is changed.

    Raises CorpusError for one that is not plain text in UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as problem:
        raise CorpusError(f"{file} cannot be read: {problem.strerror}", hint="give a text file") from problem
    except UnicodeDecodeError as problem:
        raise CorpusError(
            f"{file} is not plain text in UTF-8", hint="convert it first, or write in a new file"
        ) from problem
