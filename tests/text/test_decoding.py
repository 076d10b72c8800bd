import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError, SettingError
from charlstm.text.decoding import DecodingOptions, normalized, read_pieces, without_licence
from charlstm.text.sources import TextSource


def read(tmp_path, content, **settings):
    (tmp_path / "text").write_bytes(content)
    told: list[str] = []
    return "".join(read_pieces(TextSource(tmp_path / "text"), DecodingOptions(**settings), told.append)), told


TEXTS = {
    "utf-8": "Ordinary text, naïve and plain. 日本語のテキスト\n" * 30,
    "utf-8-sig": "With a byte-order mark: ёлка\n" * 30,
    "utf-16": "Both bytes: ёлка и 漢字\n" * 30,
    "utf-16-le": "Mostly plain letters, no mark\n" * 30,
    "utf-16-be": "Mostly plain letters, no mark\n" * 30,
    "cp1252": "Größe, Übermut, süße Äpfel und ein schönes Gemüse für die Tür – das hört überall auf.\n" * 30,
    "koi8-r": "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n" * 30,
    "cp1255": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.\n" * 30,
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗い所で\n" * 30,
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_encodings_are_told_from_the_bytes(tmp_path, encoding):
    text, told = read(tmp_path, TEXTS[encoding].encode(encoding))
    assert text == TEXTS[encoding]
    assert bool(told) == (encoding not in ("utf-8", "utf-8-sig"))


def test_an_encoding_that_is_given_decides_and_is_strict(tmp_path):
    assert read(tmp_path, b"\xe4\n", encoding="latin-1") == ("ä\n", [])
    with pytest.raises(CorpusError, match="not utf-8"):
        read(tmp_path, b"\xe4\n", encoding="utf-8")
    with pytest.raises(SettingError, match="no encoding 'klingon'"):
        DecodingOptions(encoding="klingon")
    with pytest.raises(SettingError, match="no encoding 'zlib'"):
        DecodingOptions(encoding="zlib")


def test_a_few_damaged_bytes_are_left_out_and_counted(tmp_path):
    content = ("Ein schöner Text mit Umlauten: äöü. \ufffd\n" * 100).encode()
    text, told = read(tmp_path, content[:500] + b"\xff\xfe\xfd" + content[500:])
    assert text == content.decode()
    assert "3 characters that are not utf-8" in told[0]


def test_bytes_that_are_no_text_are_refused(tmp_path):
    for content in (bytes(range(256)), random.Random(0).randbytes(3000), b"\x7fELF\0\0\0\1"):
        with pytest.raises(CorpusError, match=r"binary file|not a text"):
            read(tmp_path, content)


def test_line_endings_and_lower_case(tmp_path):
    assert read(tmp_path, b"A\r\nB\rC\n\r\n", lowercase=True)[0] == "a\nb\nc\n\n"


@pytest.mark.parametrize(("form", "expected"), [("nfc", "é\ufb01"), ("nfkc", "éfi"), ("none", "e\u0301\ufb01")])
def test_normal_forms(tmp_path, form, expected):
    assert read(tmp_path, "e\u0301\ufb01".encode(), normalize=form)[0] == expected
    with pytest.raises(SettingError, match="--normalize"):
        DecodingOptions(normalize="nfq")


@given(st.text(alphabet="ae\u0301\u0308\u1100\u1161\u11a8\n \u05d0", max_size=30), st.randoms())
def test_pieces_are_normalized_as_the_whole_is(text, chance):
    cuts = sorted(chance.sample(range(len(text) + 1), min(len(text) + 1, 3)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert "".join(normalized(iter(pieces), "nfc")) == unicodedata.normalize("NFC", text)


BOOK = "Chapter 1\n\nIt began.\n" + "It went on and on.\n" * 400 + "The end.\n"
GUTENBERG = f"""The Project Gutenberg eBook of It

Title: It

*** START OF THE PROJECT GUTENBERG EBOOK IT ***

{BOOK}

*** END OF THE PROJECT GUTENBERG EBOOK IT ***

Updated editions will replace the previous one.
"""


@pytest.mark.parametrize("size", [1, 7, 300, 100_000])
def test_the_licence_around_an_e_book_is_taken_off(size):
    told: list[int] = []
    pieces = (GUTENBERG[start : start + size] for start in range(0, len(GUTENBERG), size))
    assert "".join(without_licence(pieces, told.append)) == BOOK
    assert told[0] > 150


def test_every_book_of_a_file_is_kept():
    pieces = iter([GUTENBERG * 3])
    assert "".join(without_licence(pieces, lambda size: None)) == BOOK * 3


def test_the_licence_can_be_kept_and_other_texts_are_not_touched(tmp_path):
    text, told = read(tmp_path, GUTENBERG.encode())
    assert text == BOOK
    assert "licence taken off" in told[0]
    assert read(tmp_path, GUTENBERG.encode(), keep_boilerplate=True) == (GUTENBERG, [])
    assert read(tmp_path, BOOK.encode()) == (BOOK, [])
