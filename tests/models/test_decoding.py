"""R's lazy-load files, SWORD modules and markup, on files that are made here."""

import gzip
import json
import struct
import zlib

import pytest

from models import markup, rdata, sword
from models.rdata import CHARSXP, HAS_ATTRIBUTES, HAS_TAG, INTEGER, LIST, NIL, PAIRLIST, STRINGS, SYMBOL


def integer(number):
    return struct.pack(">i", number)


def string(text):
    return integer(CHARSXP) + integer(len(text.encode())) + text.encode()


def strings(*texts, flags=0):
    return integer(STRINGS | flags) + integer(len(texts)) + b"".join(map(string, texts))


def named_list(**items):
    """Return a list of R: its values, and an attribute with their names."""
    names = integer(PAIRLIST | HAS_TAG) + integer(SYMBOL) + string("names") + strings(*items) + integer(NIL)
    return integer(LIST | HAS_ATTRIBUTES) + integer(len(items)) + b"".join(items.values()) + names


def serialized(item, *, version=2):
    native = integer(5) + b"UTF-8" if version == 3 else b""
    return b"X\n" + integer(version) + integer(0) + integer(0) + native + item


@pytest.mark.parametrize("version", [2, 3])
def test_lazy_load_gives_the_character_vectors_by_name(version):
    piece = zlib.compress(serialized(strings("It was", "", "caf\u00e9"), version=version))
    piece = integer(99) + piece
    place = integer(INTEGER) + integer(2) + integer(0) + integer(len(piece))
    index = gzip.compress(serialized(named_list(variables=named_list(emma=place))))

    assert rdata.read_lazy_load(index, piece) == {"emma": ["It was", "", "caf\u00e9"]}


def test_other_data_than_r_is_refused():
    with pytest.raises(ValueError, match="not R's serialization"):
        rdata.read_lazy_load(zlib.compress(b"A\n"), b"")


def test_sword_entries_come_once_and_in_order():
    texts = [b"<p>one</p><p>two</p>", b"three"]
    packed = [zlib.compress(text) for text in texts]
    starts = [0, len(packed[0])]
    blocks = [struct.pack("<III", start, len(p), len(t)) for start, p, t in zip(starts, packed, texts, strict=True)]
    verses = [(0, 0, 0), (0, 0, 10), (0, 0, 10), (0, 10, 10), (1, 0, 5)]

    entries = sword.read_entries(b"".join(packed), b"".join(blocks), b"".join(struct.pack("<III", *v) for v in verses))

    assert list(entries) == ["<p>one</p>", "<p>two</p>", "three"]


def test_osis_entries_lose_titles_notes_and_verse_numbers():
    entry = (
        '<title type="x-s">EXPOSITION</title> <div sID="gen1" type="x-p"/> <hi type="bold">Verses 1, 2.</hi> '
        '<hi type="italic">"Blessed"</hi> &amp; glad.<note>a note</note> <div sID="gen2" type="x-p"/> More.'
    )
    assert list(markup.osis_entry(entry)) == [['"Blessed" & glad.'], ["More."]]


def test_pages_keep_prose_and_lose_code_scripts_and_tables():
    prose = "The query planner chooses an index only when it is worth the cost of reading it."
    page = f"""<head><title>{prose}</title></head><script>if (a < b) "{prose}";</script><!-- {prose} -->
        <table><tr><td>{prose}</td></tr></table><pre>{prose}</pre><div class="menu"><div>{prose}</div>{prose}</div>
        <p>{prose.replace("index", "<b>index</b>")}</p><p>short.</p><p>{"T1(A, B, C), T2(D, E, F): " * 4}</p>"""
    assert markup.html_prose(page) == [[prose]]


def test_jargon_entries_lose_braces_pronunciation_and_lists_of_words():
    text = "   baz\n\n   :BASIC: /bay'-sic/, n.\n\n   A {programming\n   language}, once.\n\n   :IWBNI:\n\n   Nice."
    assert list(markup.jargon_entries(text)) == [
        ["BASIC, n."],
        ["A programming", "language, once."],
        ["IWBNI"],
        ["Nice."],
    ]


def test_country_facts_keep_long_texts_only():
    long = "The islands were settled in the ninth century. " * 5
    country = {"Introduction": {"Background": {"text": f"{long}++ {long}"}}, "Economy": {"Economy - overview": "none"}}
    assert list(markup.country_facts([json.dumps(country).encode()])) == [[long.strip()], [long.strip()]]
