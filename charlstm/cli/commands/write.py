"""`charlstm write`."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import adapting, text_options
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.messages import say, visible
from charlstm.cli.options import Models, RandomSeed, Run, TopK, TopP, Unknown, option
from charlstm.config import SamplingConfig
from charlstm.errors import CorpusError, SettingError
from charlstm.machine import prefer_one_openblas_thread

if TYPE_CHECKING:
    from charlstm.cli.display.editor import Editor

CODECS_WITH_MARK = {  # codecs that take off a byte-order mark, and write it
    "utf-8": "utf-8-sig",
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "utf-32-le": "utf-32",
    "utf-32-be": "utf-32",
}


def write(
    run: Run = None,
    model: Models = None,
    seed: Annotated[
        str | None, option("--seed", "--prompt", metavar="TEXT", help="The text that the editor starts with.")
    ] = None,
    file: Annotated[
        Path | None, option("--file", metavar="FILE", help="Edit this file; it is created if it does not exist.")
    ] = None,
    encoding: text_options.FileEncoding = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Let a copy of the model learn the text: the file at the start, then, at each Tab, what is new before "
            "the cursor.",
        ),
    ] = False,
    adapt_rate: adapting.AdaptRate = None,
    adapt_decay: adapting.AdaptDecay = None,
    adapt_length: adapting.AdaptLength = None,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="Sampling temperature at the start; keys change it.")
    ] = SamplingConfig.temperature,
    top_k: TopK = None,
    top_p: TopP = None,
    unknown: Unknown = "nearest",
    random_seed: RandomSeed = None,
) -> None:
    """Write a text together with a model, in an editor in the terminal.

    Type, and press Tab to let the model continue from the cursor. Undo, try another continuation, edit, or change the
    temperature while it generates. Colours show how probable each character is. Text that has not been saved is printed
    at the end.

    \b
    charlstm write
    charlstm write macbeth --seed "MACBETH." --file scene.txt
    charlstm write english --file novel.txt --adapt
    """
    config = SamplingConfig(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        random_seed=secrets.randbits(32) if random_seed is None else random_seed,
    )
    adaptation = adapting.adaptation_config(
        adapt=adapt, adapt_rate=adapt_rate, adapt_decay=adapt_decay, adapt_length=adapt_length
    )
    if run is not None and model:
        raise SettingError("RUN and `model` are both given", hint="give one of the two")
    if unknown == "error":
        raise SettingError("`unknown` error would stop at every unknown character typed", hint="give nearest or skip")
    if encoding and file is None:
        raise SettingError("`encoding` is that of a file, but none is given", hint="give `file`")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SettingError("charlstm write needs a terminal", hint="in a pipe use charlstm generate")
    prefer_one_openblas_thread()
    from charlstm.cli.display.editor import Editor
    from charlstm.generation.load import load_models, make_language_model
    from charlstm.generation.session import Session
    from charlstm.text.line_endings import LineEndings

    models = load_models(run, model or [])
    if not (run or model):
        say(newest_run_line(models[0].path))
    language_model = make_language_model(models)
    language_model.vocabulary.id_table("", unknown)  # refuses an invalid policy
    text, codec = read_file(file, encoding) if file is not None and file.exists() else ("", encoding or "utf-8")
    if text and seed:
        raise SettingError(f"{file} is not empty, and `seed` is given", hint="give one of the two")
    line_endings = LineEndings.of(text)
    text = text.replace("\r\n", "\n") or seed or ""
    with adapting.learning_text(models, text, adaptation, unknown=unknown) as learn:
        session = Session(language_model, config, unknown=unknown, learn=learn)
        _edit(Editor(session, text, file, line_endings=line_endings, encoding=codec))


def _edit(editor: "Editor") -> None:
    """Run the editor, keep what was not saved, and exit with its code."""
    from charlstm.cli.display.editor import INTERRUPTED

    code = editor.run()
    if code > INTERRUPTED and editor.is_unsaved:  # ended by a signal: the terminal may have been closed
        editor.save()
    if editor.is_unsaved:
        print(visible(editor.text, keep="\n\t"), end="" if editor.text.endswith("\n") else "\n")
    raise typer.Exit(code)


def read_file(file: Path, encoding: str | None) -> tuple[str, str]:
    """Return the text of a file and its encoding, so that saving it changes only what was edited.

    Raises CorpusError for a file that is not plain text.
    """
    from charlstm.text.decoding_options import DecodingOptions
    from charlstm.text.detection import detect_encoding, encoding_by_name
    from charlstm.text.sources import TextSource
    from charlstm.text.unicode_forms import form_by_mark

    DecodingOptions(encoding)  # raises SettingError for an unknown encoding
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise CorpusError(f"{file} cannot be read: {problem.strerror}", hint="give a text file") from problem
    if encoding is not None:
        codec = encoding_by_name(encoding, content, name=str(file))
    else:
        detected = detect_encoding(TextSource(file))
        codec = detected.name if detected else "utf-8"
        if detected and codec != "utf-8":
            say(f"{file}: read as {codec} ({detected.certainty}); if that is wrong, give `encoding`")
    if form_by_mark(content) == codec:
        codec = CODECS_WITH_MARK[codec]
    try:
        return content.decode(codec), codec
    except UnicodeError as problem:
        raise CorpusError(
            f"{file} is not plain text in {codec}", hint="convert it, or give its `encoding`"
        ) from problem
