"""Arguments and options for the text that a command reads."""

from typing import Annotated

import typer

from charlstm.cli.completion import choices, complete_texts
from charlstm.cli.options import PROMPT, TEXT, option

NORMAL_FORMS = ("nfc", "nfkc", "none")

Texts = Annotated[
    list[str],
    typer.Argument(
        autocompletion=complete_texts,
        metavar="TEXT",
        help="Files (.gz too), folders, patterns, texts that ship, or - for stdin.",
    ),
]
Encoding = Annotated[
    str | None,
    option("--encoding", metavar="NAME", panel=TEXT, help="The text's encoding. Default: detected from its bytes."),
]
Normalize = Annotated[
    str,
    typer.Option(
        "--normalize",
        autocompletion=choices(NORMAL_FORMS),
        metavar="FORM",
        rich_help_panel=TEXT,
        help="The Unicode normalization form: nfc, nfkc or none.",
    ),
]
FileEncoding = Annotated[
    str | None,
    option(
        "--encoding",
        metavar="NAME",
        panel=PROMPT,
        help="The encoding of the file that is read. Default: detected.",
    ),
]
NormalizeLikeModel = Annotated[
    str | None,
    option(
        "--normalize",
        autocompletion=choices(NORMAL_FORMS),
        metavar="FORM",
        panel=TEXT,
        help="The Unicode normalization form: nfc, nfkc or none. Default: that of the text the model was trained on.",
    ),
]
NormalizeNew = Annotated[
    str | None,
    option(
        "--normalize",
        autocompletion=choices(NORMAL_FORMS),
        metavar="FORM",
        panel=TEXT,
        help="The Unicode normalization form: nfc, nfkc or none. The model reads every text in it. Default: nfc, or "
        "that of the model of --from.",
    ),
]
Lowercase = Annotated[bool, typer.Option("--lowercase", rich_help_panel=TEXT, help="Convert the text to lower case.")]
KeepBoilerplate = Annotated[
    bool,
    typer.Option(
        "--keep-boilerplate", rich_help_panel=TEXT, help="Keep the Project Gutenberg licence around an e-book."
    ),
]
MinCount = Annotated[
    int,
    typer.Option(
        "--min-count",
        metavar="N",
        min=1,
        rich_help_panel=TEXT,
        help="In training, characters that occur fewer than N times become one character, which is never generated. "
        "In any other text the model does not know them.",
    ),
]
