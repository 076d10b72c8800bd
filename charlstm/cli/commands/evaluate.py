"""`charlstm evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import adapting, text_options
from charlstm.cli.completion import choices, complete_models, complete_texts
from charlstm.cli.display.evaluation_report import describe_evaluation
from charlstm.cli.display.evaluation_reporter import ShownEvaluation
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import changes_line, say, warn
from charlstm.cli.options import Json, Unknown, option
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions

if TYPE_CHECKING:
    from charlstm.generation.load import LoadedModel


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
    text: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_texts,
            metavar="TEXT",
            help="The text to score; with --part it may be left out: the text of the run.",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        option(
            "--part",
            metavar="PART",
            autocompletion=choices(("train", "validation", "test", "all")),
            help="Of the text of the run, score this part: train, validation, test (see train --test), or all that was "
            "for the first two. Default: validation, which the model has not learned; all of any other text.",
        ),
    ] = None,
    per_line: Annotated[
        bool, option("--per-line", help="Also print the bits of each line, in its place in the text.")
    ] = False,
    baselines: Annotated[
        bool,
        option("--baselines", help="Also score models without a network: n-grams, PPMd and xz."),
    ] = False,
    models: Annotated[
        list[str] | None,
        option(
            "--model",
            metavar="RUN[:WEIGHT]",
            autocompletion=complete_models,
            help="Score several models as one, one per --model, instead of RUN: their predictions are averaged with "
            "these weights.",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        option(
            "--against",
            metavar="RUN",
            autocompletion=complete_models,
            help="Also score this run on the same text, and the differences; may be given more than once.",
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

    Prints nats and bits per character with 95% intervals, perplexity and accuracy, and where in the text the loss is.
    The state is carried from the first character to the last; the first is not scored, because nothing comes before it.
    Characters that the model does not know are skipped and counted; with --unknown nearest they are scored as the
    characters that replace them.

    With --adapt a copy of the model learns as it reads (dynamic evaluation): every 50 characters are predicted, then
    learned in one update. Its figures stand beside those of the model as it is, which is not changed.

    Of a run with members (train --members), and of several models, the mean of their predictions is scored; the figures
    of each stand beside it.

    Of the text that the model was trained on, only the validation part is scored. A warning says if another text shares
    passages with it, or with the text of a model that it started from.

    \b
    charlstm evaluate hamlet.txt
    charlstm evaluate runs/macbeth --part test
    charlstm evaluate hamlet.txt --baselines --against english
    charlstm evaluate runs/macbeth macbeth.txt --part train --json
    charlstm evaluate runs/macbeth hamlet.txt --adapt
    charlstm evaluate --model runs/one --model runs/two hamlet.txt
    """
    if run and len(run) > 1:
        raise SettingError(f"expected one RUN and one TEXT, but got {len(run) + 1} values", hint="score one at a time")
    run, text = _run_and_text(run, text, part, has_models=bool(models))
    adaptation = adapting.adaptation_config(
        adapt=adapt, adapt_rate=adapt_rate, adapt_decay=adapt_decay, adapt_length=adapt_length
    )
    from charlstm.analysis.against import load_others
    from charlstm.analysis.evaluation import encode_corpus
    from charlstm.analysis.full_evaluation import EvaluationOptions, evaluate_in_full
    from charlstm.analysis.trained_text import check_part, choose_text, part_of_run
    from charlstm.generation.load import load_models
    from charlstm.text.corpus import load_corpus

    check_part(part)
    loaded, others = load_models(run[0] if run else None, models or ()), load_others(against or ())
    path, model = loaded[0].path, loaded[0].model
    vocabulary = model.vocabulary
    options = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
    if text is None:
        _refuse_reading(encoding=encoding, normalize=normalize, keep_boilerplate=keep_boilerplate or None)
        chosen = part_of_run(path, model, part or "validation", unknown=unknown, on_message=say)
    else:
        corpus = load_corpus([text], options, on_message=say)
        encoded = encode_corpus(corpus, vocabulary, unknown=unknown)
        chosen = choose_text(path, model, corpus, encoded, part=part, on_message=say)
    encoded = chosen.encoded
    if chosen.note:
        say(chosen.note)
    if chosen.warning:
        warn(chosen.warning)
    extras = EvaluationOptions(adapt=adaptation, baselines=baselines, against=others, lines=per_line)
    reporter = ShownEvaluation(quiet=as_json)
    evaluation = evaluate_in_full(loaded, encoded.ids, extras, text=chosen.name, reporter=reporter)
    if not (run or models):
        say(newest_run_line(path))
    if encoded.changes:
        say(changes_line(encoded.changes))
    if as_json:
        result = evaluation.to_json() | {"unknown_characters": encoded.unknown_to_json()} | chosen.to_json()
        named = {"model": str(path)} if len(loaded) == 1 else {"models": [_weighted(one) for one in loaded]}
        print(to_json(named | result))
    else:
        print(describe_evaluation(evaluation, encoded))


def _run_and_text(
    run: list[str] | None, text: str | None, part: str | None, *, has_models: bool
) -> tuple[list[str] | None, str | None]:
    """Return RUN and TEXT; with a part, a single argument that is a run is RUN, and its own text is scored.

    Raises SettingError if the text to score is missing, or RUN is given beside other models.
    """
    if has_models and (run or (text is not None and _is_run(text))):
        raise SettingError("RUN and `model` are both given", hint="give RUN as another `model`, or leave it out")
    if has_models and text is None and part is not None:
        return None, None
    if text is not None and not _is_run(text):
        return run, text
    if part is not None and not (run and text):
        return run if text is None else [text], None
    if text is None:
        raise SettingError("TEXT is missing", hint="usage: charlstm evaluate [RUN] TEXT; see charlstm evaluate --help")
    raise SettingError(f"{text} is a run, and the text to score is missing", hint=f"charlstm evaluate {text} TEXT")


def _weighted(loaded: "LoadedModel") -> dict[str, Any]:
    return {"model": str(loaded.path), "weight": loaded.weight}


def _refuse_reading(**options: str | bool | None) -> None:
    """Raise SettingError if an option about how a text is read is given for the text of the run."""
    if given := next((name for name, value in options.items() if value is not None), None):
        raise SettingError(f"`{given}` has no effect: the text of the run is read as in training", hint="leave it out")


def _is_run(text: str) -> bool:
    """Return whether an argument is no text, but a run, its name, or a model file."""
    from charlstm.storage.run_folder import RUNS, RunFolder
    from charlstm.storage.shipped_models import find_shipped_model

    path = Path(text)
    is_run = path.suffix == ".safetensors" if path.is_file() else RunFolder(path).has_run
    is_run = is_run or (not path.exists() and find_shipped_model(text) is not None)
    return is_run or (not path.exists() and RunFolder(RUNS / path).has_run)
