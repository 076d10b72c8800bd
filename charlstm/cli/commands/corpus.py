"""`charlstm corpus`: figures about a text, and texts to download."""

from typing import Annotated, Any

import typer

from charlstm.cli import text_options, validation_options
from charlstm.cli.completion import complete_fetchable
from charlstm.cli.display.json_output import to_json
from charlstm.cli.display.messages import command_line, say
from charlstm.cli.display.progress import download_bar
from charlstm.cli.display.text_statistics import describe_text, describe_text_list
from charlstm.cli.help_text import Command, Group
from charlstm.cli.options import Json, option, set_current_command
from charlstm.errors import SettingError
from charlstm.machine import cache_folder, make_cache_folder
from charlstm.text.decoding_options import DecodingOptions
from charlstm.training.interruption import Interruption

corpus = typer.Typer(name="corpus", cls=Group, invoke_without_command=True, rich_markup_mode=None)


@corpus.callback()
def show_help(context: typer.Context) -> None:
    """Show figures about a text, and download texts."""
    set_current_command(context)
    if context.invoked_subcommand is None:
        print(context.get_help())


@corpus.command(cls=Command)
def stats(
    texts: text_options.Texts,
    validation: validation_options.Validation = None,
    test: validation_options.Test = None,
    split: validation_options.Split = None,
    encoding: text_options.Encoding = None,
    normalize: text_options.Normalize = "nfc",
    keep_boilerplate: text_options.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Show figures about a text.

    Characters, lines, alphabet, entropies, compressed sizes, how much of the validation and the test part stands in the
    training part too, and the settings that train --from none would choose. For a text of more than four million
    characters the entropies and compressed sizes are those of its first four million.

    \b
    charlstm corpus stats macbeth.txt
    charlstm corpus stats tinyshakespeare --split 90/5/5
    """
    from charlstm.text.part_reader import PartReader
    from charlstm.text.statistics import text_statistics
    from charlstm.training.part_overlap import overlaps_of_text
    from charlstm.training.preview import preview_settings

    share = validation_options.validation_share(validation)
    settings: dict[str, Any] = {} if share is None else {"validation": share}
    parts = validation_options.parts_request(validation, test, split)
    parts.check_settings(settings)
    reader = PartReader(texts, DecodingOptions(encoding, normalize, keep_boilerplate), on_message=say)
    text = reader.whole
    statistics = text_statistics(text)
    overlaps = overlaps_of_text(reader.divide(parts), settings)
    chosen = preview_settings(len(text), len(text.characters))
    if as_json:
        print(to_json(statistics.to_json() | {"also_in_training": overlaps, "settings": chosen}, indent=2))
    else:
        print(describe_text(statistics, overlaps, chosen))


@corpus.command("list", cls=Command)
def list_texts(as_json: Json = False) -> None:
    """List the texts that ship with charlstm and those that can be downloaded.

    \b
    charlstm corpus list
    """
    from charlstm.text.catalogue import ENTRIES, find_fetched, shipped_texts

    rows = [{"name": name, "title": "ships with charlstm", "here": True, "split": ""} for name in shipped_texts()]
    cache = cache_folder()
    for entry in ENTRIES:
        here = cache is not None and find_fetched(entry.name, cache) is not None
        rows.append({"name": entry.name, "title": entry.title, "here": here, "split": entry.split})
    if as_json:
        print(to_json(rows, indent=2))
        return
    print(describe_text_list(rows))
    say("* is on this machine: train on it by name; download another with charlstm corpus fetch NAME")


@corpus.command(cls=Command)
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_fetchable, metavar="NAME", help="A name that charlstm corpus list shows, or a URL."
        ),
    ],
    sha256: Annotated[
        str | None, option("--sha256", metavar="DIGEST", help="The SHA-256 that the file must have.")
    ] = None,
) -> None:
    """Download a text, to train on it by name.

    It is stored in the user's cache folder (CHARLSTM_CACHE sets another one). Its SHA-256 is checked if it is known. A
    server that sends less than half a kilobyte a second is given up, and so is a file of more than 4 GiB.

    \b
    charlstm corpus fetch alice
    charlstm train alice
    """
    from charlstm.text.catalogue import fetch as download
    from charlstm.text.catalogue import find_entry

    if sha256 and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise SettingError(f"`sha256` is {sha256!r}, which is not a SHA-256", hint="give 64 hexadecimal digits")
    entry = find_entry(name, sha256)
    with Interruption() as interruption, download_bar(entry.name) as bar:
        interruption.stops_gracefully = False
        path = download(entry, make_cache_folder(), bar)
    print(path)
    say(f"train on it: {command_line('train', entry.name)}")
