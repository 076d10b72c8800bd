"""A text that is given as a string instead of a file."""

import dataclasses
import tempfile
from pathlib import Path

from charlstm.errors import CorpusError, SettingError
from charlstm.text.corpus import Corpus, load_corpus
from charlstm.text.decoding_options import DecodingOptions, OnMessage
from charlstm.text.streams import STANDARD_INPUT

GIVEN_TEXT = "text"  # its name


def load_given_text(
    text: str, options: DecodingOptions | None = None, *, on_message: OnMessage = lambda _: None
) -> Corpus:
    """Read a string as `load_corpus` reads a file; like standard input, it cannot be read again later.

    Raises SettingError if an encoding is given: a string has none. Raises CorpusError if it is empty or cannot be
    encoded.
    """
    options = options or DecodingOptions()
    if options.encoding is not None:
        raise SettingError("`encoding` is given for a text that is a string", hint="leave `encoding` out")
    if not text:
        raise CorpusError("`text` is empty", hint="give a text of some thousand characters")
    try:
        content = text.encode()
    except UnicodeEncodeError as problem:
        raise CorpusError(
            "`text` has surrogates (U+D800 to U+DFFF), which are no characters",
            hint="decode the bytes that it came from with the right encoding",
        ) from problem
    with tempfile.TemporaryDirectory(prefix="charlstm-") as folder:
        path = Path(folder, GIVEN_TEXT)
        path.write_bytes(content)
        corpus = load_corpus(
            [path],
            dataclasses.replace(options, encoding="utf-8"),
            on_message=lambda message: on_message(message.replace(str(path), "the text")),
        )
    return dataclasses.replace(corpus, name=GIVEN_TEXT, sources=(STANDARD_INPUT,))
