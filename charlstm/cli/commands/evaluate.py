"""`charlstm evaluate`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import text_options as settings
from charlstm.cli.display.messages import changes_line, say
from charlstm.cli.display.progress import progress_over
from charlstm.cli.options import Json, Unknown, run_and_text
from charlstm.text.decoding import DecodingOptions

if TYPE_CHECKING:
    from charlstm.analysis.evaluation import Scores

SHORT = 5000  # characters that are scored before compiled code is ready


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] TEXT",
            help="A run folder or a model file (default: the newest run under runs/), and the text to score.",
        ),
    ],
    unknown: Unknown = "skip",
    encoding: settings.Encoding = None,
    normalize: settings.Normalize = "nfc",
    keep_boilerplate: settings.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Measure how well a model foretells a text.

    Nats and bits per character, perplexity and accuracy; the state is carried from the first character to the last,
    and the first is not scored, as nothing stands before it. Characters that the model does not know are neither
    read nor scored, and their number is told; with --unknown nearest they count as what they are taken for.

    \b
    charlstm evaluate macbeth.txt
    charlstm evaluate runs/macbeth hamlet.txt --json
    """
    run, path = run_and_text(arguments)
    from charlstm.analysis.evaluation import CHARACTERS_AT_ONCE, score_text
    from charlstm.cli.voices import compiled
    from charlstm.errors import CorpusError
    from charlstm.generation.stepper import make_stepper
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model
    from charlstm.text.corpus import load_corpus

    model = load_model(find_model(run))
    reading = DecodingOptions(encoding, normalize, keep_boilerplate, model.vocabulary.lowercase)
    corpus = load_corpus([path], reading, on_message=say)
    map_characters = model.vocabulary.map_characters(corpus.characters, unknown)
    counts = dict(zip(corpus.characters, corpus.counts, strict=True))
    left_out = sum(counts[old] for old, new in map_characters.changes.items() if not new)
    changed = sum(counts[old] for old in map_characters.changes) - left_out
    ids = corpus.remapped(map_characters.table, size=len(model.vocabulary))
    if len(ids) < 2:
        number = "only one" if len(ids) else "no"
        known = " that the model knows" if map_characters.changes else ""
        raise CorpusError(
            f"{path} has {number} character{known}", hint="give a text of two characters or more to score"
        )
    stepper = make_stepper(model)
    if len(ids) > SHORT:
        stepper = compiled(stepper)
    pieces = score_text(stepper.read, stepper.initial_states(), ids)
    *_, scores = progress_over(pieces, "scoring", total=-(-(len(ids) - 1) // CHARACTERS_AT_ONCE))
    if map_characters.changes:
        say(changes_line(map_characters.changes))
    if as_json:
        unknowns = {"left_out": left_out, "changed": changed}
        print(json.dumps(scores.to_json() | {"unknown_characters": unknowns}))
        return
    _show(scores)
    if map_characters.changes:
        print(f"not scored          {left_out:,} that the model does not know")
        print(f"taken for others    {changed:,} that the model does not know")


def _show(scores: "Scores") -> None:
    print(f"nats per character  {scores.nats_per_character:.4f}")
    print(f"bits per character  {scores.bits_per_character:.4f}")
    print(f"perplexity          {scores.perplexity:.3f}")
    print(f"accuracy            {scores.accuracy:.2%}")
    print(f"characters          {scores.characters:,}")
