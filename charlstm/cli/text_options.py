"""Arguments and options for the text that a command reads."""

from typing import Annotated

import typer

from charlstm.cli.options import option

Texts = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXT",
        help="Files, folders, glob patterns, or - for standard input; plain or compressed (.gz, .xz, .bz2, .zip). Or "
        "the name of a text that ships with charlstm (macbeth.txt) or was fetched.",
    ),
]
Encoding = Annotated[
    str | None, option("--encoding", metavar="NAME", help="The text's encoding. Default: detected from its bytes.")
]
Normalize = Annotated[
    str, typer.Option("--normalize", metavar="FORM", help="The Unicode normalization form: nfc, nfkc or none.")
]
FileEncoding = Annotated[
    str | None,
    option("--encoding", metavar="NAME", help="The encoding of the file that is read. Default: detected."),
]
NormalizeLikeModel = Annotated[
    str | None,
    option(
        "--normalize",
        metavar="FORM",
        help="The Unicode normalization form: nfc, nfkc or none. Default: that of the text the model was trained on.",
    ),
]
NormalizeNew = Annotated[
    str | None,
    option(
        "--normalize",
        metavar="FORM",
        help="The Unicode normalization form: nfc, nfkc or none. The model reads every text in it. Default: nfc, or "
        "that of the model of --from.",
    ),
]
KeepBoilerplate = Annotated[
    bool, typer.Option("--keep-boilerplate", help="Keep the Project Gutenberg licence around an e-book.")
]
