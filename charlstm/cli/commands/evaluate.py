"""`charlstm evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli import adapting, text_options
from charlstm.cli.completion import choices, complete_models, complete_texts
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import changes_line, say, warn
from charlstm.cli.display.progress import COMPILING, notice_if_slow, progress_over
from charlstm.cli.display.rows import aligned
from charlstm.cli.options import Json, Unknown, option
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.analysis.evaluation import Scores
    from charlstm.storage.model_file import Model
    from charlstm.text.corpus_encoding import EncodedCorpus


def evaluate(
    *,
    run: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_models,
            metavar="RUN",
            help="A run folder, the name of a run under runs/, or a model file. Default: the newest run under runs/.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[str, typer.Argument(autocompletion=complete_texts, metavar="TEXT", help="The text to score.")],
    part: Annotated[
        str | None,
        option(
            "--part",
            metavar="PART",
            autocompletion=choices(("train", "validation", "all")),
            help="Of the text that the model was trained on, score this part: train, validation or all. Default: "
            "validation, which the model has not learned; all of any other text.",
        ),
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Also score the text with a copy of the model that learns it, each segment after predicting it.",
        ),
    ] = False,
    adapt_rate: adapting.AdaptRate = None,
    adapt_decay: adapting.AdaptDecay = None,
    adapt_length: adapting.AdaptLength = None,
    unknown: Unknown = "skip",
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeLikeModel = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Measure how well a model predicts a text.

    Prints nats and bits per character, perplexity and accuracy. The state is carried from the first character to the
    last; the first is not scored, because nothing comes before it. Characters that the model does not know are skipped
    and counted; with --unknown nearest they are scored as the characters that replace them.

    With --adapt a copy of the model learns as it reads (dynamic evaluation): every 50 characters are predicted, then
    learned in one update. Its figures stand beside those of the model as it is, which is not changed.

    Of the text that the model was trained on, only the validation part is scored. A warning says if another text shares
    passages with it.

    \b
    charlstm evaluate hamlet.txt
    charlstm evaluate runs/macbeth macbeth.txt --part train --json
    charlstm evaluate runs/macbeth hamlet.txt --adapt
    """
    if run and len(run) > 1:
        raise SettingError(f"expected one RUN and one TEXT, but got {len(run) + 1} values", hint="score one at a time")
    _check_is_text(text)
    adaptation = adapting.adaptation_config(
        adapt=adapt, adapt_rate=adapt_rate, adapt_decay=adapt_decay, adapt_length=adapt_length
    )
    from charlstm.analysis.evaluation import encode_corpus
    from charlstm.analysis.trained_text import check_part, choose_text
    from charlstm.storage.model_file import load_model
    from charlstm.storage.run_folder import find_model
    from charlstm.text.corpus import load_corpus

    check_part(part)
    path = find_model(run[0] if run else None)
    model = load_model(path)
    vocabulary = model.vocabulary
    options = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
    corpus = load_corpus([text], options, on_message=say)
    encoded = encode_corpus(corpus, vocabulary, unknown=unknown)
    chosen = choose_text(path, model, corpus, encoded, part=part, on_message=say)
    encoded = chosen.encoded
    if chosen.note:
        say(chosen.note)
    if chosen.warning:
        warn(chosen.warning)
    adapted = adaptation and adapting.score(model, encoded.ids, adaptation, quiet=as_json)
    scores = _score(model, encoded)
    if not run:
        say(newest_run_line(path))
    if encoded.changes:
        say(changes_line(encoded.changes))
    if as_json:
        result = scores.to_json() | {"unknown_characters": encoded.unknown_to_json()} | chosen.to_json()
        result |= {"adapted": adapted.to_json()} if adapted else {}
        print(to_json({"model": str(path)} | result))
    else:
        rows = _rows(scores, encoded) + (adapted.rows() if adapted else [])
        print(aligned(rows, name_width=20))


def _check_is_text(text: str) -> None:
    """Raise SettingError if the one argument that was given is a run: its text is missing."""
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.storage.shipped_models import find_shipped_model

    path = Path(text)
    is_run = path.suffix == ".safetensors" if path.is_file() else RunFolder(path).has_run
    is_run = is_run or (not path.exists() and find_shipped_model(text) is not None)
    if is_run or (not path.exists() and RunFolder(RUNS / path).has_run):
        raise SettingError(f"{text} is a run, and the text to score is missing", hint=f"charlstm evaluate {text} TEXT")


def _score(model: "Model", encoded: "EncodedCorpus") -> "Scores":
    from charlstm.analysis.scoring import num_steps, score_with_model

    steps = score_with_model(model, encoded.ids, while_compiling=notice_if_slow(COMPILING))
    *_, scores = progress_over(steps, "scoring", total=num_steps(model, encoded.ids))
    return scores


def _rows(scores: "Scores", encoded: "EncodedCorpus") -> list[tuple[str, str]]:
    rows = [
        ("nats per character", f"{scores.nats_per_character:.4f}"),
        ("bits per character", f"{scores.bits_per_character:.4f}"),
        ("perplexity", f"{scores.perplexity:.3f}"),
        ("accuracy", f"{scores.accuracy:.2%}"),
        ("characters", f"{scores.characters:,}"),
    ]
    if encoded.changes:
        rows += [
            ("skipped", f"{encoded.num_skipped:,} that the model does not know"),
            ("replaced", f"{encoded.num_replaced:,} that the model does not know"),
        ]
    return rows
