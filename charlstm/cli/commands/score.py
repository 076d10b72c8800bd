"""`charlstm score`."""

from typing import Annotated

from charlstm.cli import text_options
from charlstm.cli.completion import complete_models
from charlstm.cli.display.evaluation_reporter import ShownEvaluation
from charlstm.cli.display.generation_notes import newest_run_line
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import say
from charlstm.cli.display.odd_texts import describe_passages, passages_to_csv, passages_to_json
from charlstm.cli.display.results import write_output
from charlstm.cli.options import Json, Unknown, option
from charlstm.errors import SettingError
from charlstm.text.decoding_options import DecodingOptions


def score(
    *,
    files: text_options.Texts,
    models: Annotated[
        list[str] | None,
        option(
            "--model",
            autocompletion=complete_models,
            metavar="RUN",
            help="The run or model file to score with. Given more than once: also say which of them wrote each file or "
            "line. Default: the newest run.",
        ),
    ] = None,
    per_line: Annotated[bool, option("--per-line", help="Score each line by itself, instead of each file.")] = False,
    unknown: Unknown = "skip",
    encoding: text_options.Encoding = None,
    normalize: text_options.NormalizeLikeModel = None,
    keep_boilerplate: text_options.KeepBoilerplate = False,
    as_csv: Annotated[bool, option("--csv", help="Print the result as a table of comma-separated values.")] = False,
    as_json: Json = False,
) -> None:
    """Find the oddest of many files or lines, or who wrote them.

    Prints the bits of each file, or with --per-line of each line that is not blank; the highest bits per character
    come first. Each is read by itself, from the start of a line; a line has to predict its end as well.

    With several models, each file or line is ascribed to the one that takes the fewest bits for it. The log-likelihood
    ratio is how many bits more the next one takes. Only characters that all the models know are scored.

    \b
    charlstm score essays/ --model english
    charlstm score names.txt --per-line
    charlstm score letters.txt --per-line --model alice --model bob --csv
    """
    if as_csv and as_json:
        raise SettingError("`csv` and `json` are both given", hint="give one of the two")
    from charlstm.analysis.odd_texts import load_scorers, passages_of, score_passages
    from charlstm.text.corpus import load_each

    scorers = load_scorers(models or [])
    vocabulary = scorers[0].model.vocabulary
    options = DecodingOptions(encoding, normalize or vocabulary.normalize, keep_boilerplate, vocabulary.lowercase)
    corpora = [corpus for file in files for corpus in load_each(file, options, on_message=say)]
    passages = passages_of(corpora, per_line=per_line)
    scored = score_passages([scorer.model for scorer in scorers], passages, unknown=unknown, reporter=ShownEvaluation())
    if not models:
        say(newest_run_line(scorers[0].path))
    names = [scorer.name for scorer in scorers]
    if as_json:
        print(to_json({"models": [str(scorer.path) for scorer in scorers]} | passages_to_json(scored, names)))
    elif as_csv:
        write_output(iter([passages_to_csv(scored, names)]), None)
    else:
        print(describe_passages(scored, names))
