"""`charlstm evaluate`."""

import json
from typing import Annotated

import typer

from charlstm.cli.console import progress_over
from charlstm.cli.options import Json, run_and_text


def evaluate(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] TEXT",
            help="A run folder or a model file (default: the newest run under runs/), and the text to score.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Measure how well a model foretells a text.

    Nats and bits per character, perplexity and accuracy; the state is carried from the first character to the last,
    and the first is not scored, as nothing stands before it.

    \b
    charlstm evaluate macbeth.txt
    charlstm evaluate runs/macbeth hamlet.txt --json
    """
    run, path = run_and_text(arguments)
    from charlstm.corpus import load_corpus
    from charlstm.errors import CorpusError
    from charlstm.evaluation import CHARACTERS_AT_ONCE, score_text
    from charlstm.modelfile import load_model
    from charlstm.runfolder import find_model
    from charlstm.stepper import Stepper

    corpus = load_corpus([path])
    model = load_model(find_model(run))
    ids = model.vocabulary.encode(corpus.text)
    if len(ids) < 2:
        raise CorpusError(f"{path} has only one character", hint="give a text of two characters or more to score")
    stepper = Stepper(model)
    pieces = score_text(stepper.read, stepper.initial_states(), ids)
    *_, scores = progress_over(pieces, "scoring", total=-(-(len(ids) - 1) // CHARACTERS_AT_ONCE))
    if as_json:
        print(json.dumps(scores.to_json()))
        return
    print(f"nats per character  {scores.nats_per_character:.4f}")
    print(f"bits per character  {scores.bits_per_character:.4f}")
    print(f"perplexity          {scores.perplexity:.3f}")
    print(f"accuracy            {scores.accuracy:.2%}")
    print(f"characters          {scores.characters:,}")
