"""`charlstm corpus`: what a text is made of, and texts to be had."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli import text_options as settings
from charlstm.cli.display.messages import say, visible
from charlstm.cli.display.progress import download_bar
from charlstm.cli.options import Json
from charlstm.errors import SettingError
from charlstm.machine import cache_folder, load_throughput, num_cores
from charlstm.text.decoding import DecodingOptions
from charlstm.training.auto_config import AutoConfigInputs, choose_settings, describe_settings

if TYPE_CHECKING:
    from charlstm.text.corpus import Corpus

NOMINAL_SPEED = 7e10  # floating-point operations a second and core, where no training has measured it yet
MOST_SHOWN = 100  # characters of an alphabet

corpus = typer.Typer(
    name="corpus", help="Look at a text, and fetch texts.", no_args_is_help=True, rich_markup_mode=None
)


@corpus.command()
def stats(
    texts: settings.Texts,
    encoding: settings.Encoding = None,
    normalize: settings.Normalize = "nfc",
    keep_boilerplate: settings.KeepBoilerplate = False,
    as_json: Json = False,
) -> None:
    """Show what a text is made of.

    Characters, lines, alphabet, entropies, what compressors reach, and the settings that train would choose. Of a
    text of more than four million characters the entropies and compressors see the first four million.

    \b
    charlstm corpus stats macbeth.txt
    """
    from charlstm.text.corpus import load_corpus

    text = load_corpus(texts, DecodingOptions(encoding, normalize, keep_boilerplate), on_message=say)
    facts = _facts(text)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in _lines(facts):
        print(f"{name:<14}{visible(value)}")


@corpus.command("list")
def list_texts(as_json: Json = False) -> None:
    """List texts that ship with charlstm, and texts that can be fetched.

    \b
    charlstm corpus list
    """
    from charlstm.text.catalogue import ENTRIES, find_fetched
    from charlstm.text.corpus import shipped_texts

    rows = [{"name": name, "title": "ships with charlstm", "here": True, "split": ""} for name in shipped_texts()]
    for entry in ENTRIES:
        here = find_fetched(entry.name, cache_folder()) is not None
        rows.append({"name": entry.name, "title": entry.title, "here": here, "split": entry.split})
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        split = f"; usual split {row['split']}" if row["split"] else ""
        print(f"{'*' if row['here'] else ' '} {row['name']:<22}{row['title']}{split}")
    say("* can be trained on by name; fetch another with: charlstm corpus fetch NAME")


@corpus.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from charlstm corpus list, or an address.")],
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="DIGEST", help="What the file must be.", show_default=False)
    ] = None,
) -> None:
    """Download a text, so that it can be trained on by name.

    It goes to the user's cache (CHARLSTM_CACHE puts that elsewhere); where its SHA-256 is known it is checked.

    \b
    charlstm corpus fetch alice
    charlstm train alice
    """
    from charlstm.text.catalogue import fetch as download
    from charlstm.text.catalogue import find_entry

    if sha256 and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise SettingError(f"--sha256 is {sha256!r}, which is no SHA-256", hint="give 64 hexadecimal digits")
    entry = find_entry(name, sha256)
    with download_bar(entry.name) as bar:
        path = download(entry, cache_folder(), bar)
    print(path)
    say(f"train on it: charlstm train {entry.name}")


def _facts(text: "Corpus") -> dict[str, Any]:
    from charlstm.text.entropy import LOOKED_AT, compressed_bits, entropies

    beginning = text.ids[:LOOKED_AT]
    speed = load_throughput() or NOMINAL_SPEED * num_cores()
    situation = AutoConfigInputs(max(1, len(text) * 9 // 10), len(text.characters), num_cores(), speed)
    counts = dict(zip(text.characters, text.counts, strict=True))
    return {
        "text": text.name,
        "characters": len(text),
        "lines": counts.get("\n", 0) + (text.characters[int(text.ids[-1])] != "\n"),
        "sha256": text.digest,
        "alphabet": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "entropies": entropies(beginning),
        "compressors": compressed_bits(text.beginning(LOOKED_AT)),
        "settings": describe_settings(choose_settings(situation, {}), {}, situation),
    }


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    alphabet = facts["alphabet"]
    shown = [f"{_name(character)} {count:,}" for character, count in list(alphabet.items())[:MOST_SHOWN]]
    more = f", and {len(alphabet) - MOST_SHOWN:,} more" if len(alphabet) > MOST_SHOWN else ""
    orders = "  ".join(f"order {order}: {bits:.3f}" for order, bits in enumerate(facts["entropies"]))
    return [
        ("text", facts["text"]),
        ("characters", f"{facts['characters']:,}"),
        ("lines", f"{facts['lines']:,}"),
        ("alphabet", f"{len(alphabet):,} characters: {', '.join(shown)}{more}"),
        ("entropy", f"bits a character  {orders}"),
        ("compressed", "  ".join(f"{name}: {bits:.3f} bits" for name, bits in facts["compressors"].items())),
        ("settings", facts["settings"]),
    ]


def _name(character: str) -> str:
    return character if character.isprintable() and character.strip() else f"U+{ord(character):04X}"
