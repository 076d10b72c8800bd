"""The text that a network is looked at with."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.display.messages import changes_line, say
from charlstm.errors import CharLSTMError, SettingError
from charlstm.figures import counted
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.arrays import Ids
    from charlstm.storage.model_file import Model


@dataclass(frozen=True)
class TextChoice:
    """Which text is looked at, and how it is read."""

    text: str | None
    is_generated: bool
    length: int
    options: DecodingOptions
    unknown: str
    temperature: float
    random_seed: int


def run_and_text(run: str | None, text: str | None) -> tuple[str | None, str | None]:
    """Return RUN and TEXT; a single argument that is the file of a text is TEXT, and RUN the newest."""
    from charlstm.storage.find_runs import under_runs

    if run is None or text is not None:
        return run, text
    path = under_runs(run)
    is_text = run == "-" or (path.is_file() and path.suffix != ".safetensors")
    return (None, run) if is_text else (run, None)


def choose_ids(path: Path, model: "Model", choice: TextChoice) -> tuple["Ids", str]:
    """Return the ids to read, and what they are: the name of a text, `validation`, or `generated`."""
    from charlstm.analysis.inspection import generated_ids, validation_ids

    if choice.text is not None:
        return _given_ids(model, choice)
    if not choice.is_generated:
        try:
            return validation_ids(path, model, choice.length, on_message=say), "validation"
        except CharLSTMError as problem:
            say(f"{problem}: the model is shown over a text that it writes now")
    ids = generated_ids(model, choice.length, temperature=choice.temperature, random_seed=choice.random_seed)
    return ids, "generated"


def _given_ids(model: "Model", choice: TextChoice) -> tuple["Ids", str]:
    from charlstm.text.corpus import load_corpus
    from charlstm.text.corpus_encoding import encode_text

    corpus = load_corpus([choice.text or ""], choice.options, on_message=say)
    encoded = encode_text(corpus, model.vocabulary, unknown=choice.unknown)
    if encoded.changes:
        say(changes_line(encoded.changes))
    return encoded.ids[: choice.length], corpus.name


def check_place(at: int | None, length: int) -> None:
    """Raise SettingError for a character, counted from 1, that lies beyond the text."""
    if at is not None and at > length:
        raise SettingError(
            f"`at` is {at:,}, but the text has {counted(length, 'character')}", hint="give a smaller one"
        )
