"""Bytes of every kind come out as the text that they were, or with an error or a message that says what happened."""

import codecs
import gzip
import io
import random
import zipfile

import numpy as np
import pytest

from charlstm.errors import CorpusError
from charlstm.text.decoding import read_chunks
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.sources import TextSource

GERMAN = "Der Wächter hörte plötzlich ein Geräusch und grüßte die Königin.\n"
FRENCH = "Le garçon a reçu une lettre de sa mère à Noël; où êtes-vous?\n"
POLISH = "Zażółć gęślą jaźń: chłopiec zjadł ciastko, a dziewczyna śpiewała.\n"
RUSSIAN = "Мальчик шёл по лесу и пел песню; её лёгкий голос был слышен.\n"
GREEK = "Το παιδί περπατούσε στο δάσος και τραγουδούσε.\n"
CHINESE = "少年走在森林里唱着歌,后来下起了雨,他便跑回家。\n"
JAPANESE = "少年は森の中を歩きながら歌を歌った。それから雨が降り始めた。\n"
KOREAN = "소년은 숲속을 걸으며 노래를 불렀다.\n"


def read(tmp_path, content, **options):
    """Return the clean text of some bytes, and the messages about it."""
    (tmp_path / "text").write_bytes(content)
    messages: list[str] = []
    chunks = read_chunks(TextSource(tmp_path / "text"), DecodingOptions(**options), messages.append)
    return "".join(chunks), messages


@pytest.mark.parametrize("count", [1, 20, 4000])
@pytest.mark.parametrize(
    ("in_utf8", "other", "encoding"),
    [
        (GERMAN, GERMAN, "latin-1"),
        (FRENCH, GERMAN, "cp1252"),
        (RUSSIAN, GERMAN, "cp1252"),
        (GERMAN, POLISH, "iso8859-2"),
        (RUSSIAN, RUSSIAN, "cp1251"),
        (RUSSIAN, RUSSIAN, "koi8-r"),  # in which a frequent word is valid UTF-8
        (GREEK, GREEK, "cp1253"),
        (CHINESE, CHINESE, "gb18030"),
        (JAPANESE, JAPANESE, "cp932"),
    ],
)
def test_joined_files_are_each_read_in_their_encoding(tmp_path, in_utf8, other, encoding, count):
    in_utf8, other = in_utf8 * count, other * count
    text, messages = read(tmp_path, in_utf8.encode() + other.encode(encoding))
    assert text == in_utf8 + other
    assert f"not in utf-8, the first in line {count + 1:,}, as " in messages[0]
    text, messages = read(tmp_path, other.encode(encoding) + in_utf8.encode())
    assert text == other + in_utf8
    assert "the first in line 1, as " in messages[0]


def test_words_in_two_encodings_may_share_a_line(tmp_path):
    text, _ = read(tmp_path, "Le café ".encode() + "déçu du garçon naïf\n".encode("cp1252"))
    assert text == "Le café déçu du garçon naïf\n"


def test_a_little_utf8_among_latin1_is_found(tmp_path):
    content = (FRENCH * 3000).encode("latin-1") + (FRENCH * 10).encode() + (FRENCH * 3000).encode("latin-1")
    assert read(tmp_path, content)[0] == FRENCH * 6010


@pytest.mark.parametrize("line", ["«CAFÉ» ", "CAFÉ»\n"])
def test_latin1_that_is_valid_utf8_by_chance_is_latin1(tmp_path, line):
    assert read(tmp_path, ((line + FRENCH) * 5).encode("latin-1"))[0] == (line + FRENCH) * 5


def test_other_bytes_that_come_late_are_read(tmp_path):
    text, messages = read(tmp_path, (RUSSIAN * 10_000).encode() + "It\x92s caf\xe9\n".encode("latin-1"))
    assert text == RUSSIAN * 10_000 + "It’s café\n"
    assert ": read 2 characters not in utf-8, the first in line 10,001, as cp1252 (certain)" in messages[0]


def test_damaged_characters_are_left_out_with_their_place(tmp_path):
    content = (RUSSIAN * 50).encode()
    text, messages = read(tmp_path, content[:1000] + content[1001:])
    assert len(text) == len(RUSSIAN) * 50 - 1
    assert ": left out 1 character not in utf-8, the first in line 10" in messages[0]
    text, messages = read(tmp_path, ("It’s " * 50 + "“").encode()[:-1])
    assert text == "It’s " * 50
    assert "left out" in messages[0]


def test_surrogates_of_cesu8_and_nuls_of_modified_utf8_are_read(tmp_path):
    content = "Grüße \ud83d\ude00, \ud83c\udf89\n".encode("utf-8", "surrogatepass")
    assert read(tmp_path, content) == ("Grüße 😀, 🎉\n", [])
    assert read(tmp_path, b"abc\xc0\x80def\n")[0] == "abcdef\n"


def test_the_last_code_point_is_a_character(tmp_path):
    assert read(tmp_path, "a\U0010ffffb\n".encode()) == ("a\U0010ffffb\n", [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, GREEK, CHINESE, JAPANESE, KOREAN])
def test_wide_forms_need_no_mark(tmp_path, text, encoding):
    for part in (text[:20], text, text * 300):
        read_text, messages = read(tmp_path, part.encode(encoding))
        assert read_text == part
        assert f"read as {encoding} (likely)" in messages[0]
    assert read(tmp_path, text.encode(encoding) + b"\0")[0] == text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"abc\0def\n", "abcdef\n"),
        (RUSSIAN.encode() * 9 + b"\0" + RUSSIAN.encode(), RUSSIAN * 10),
        (FRENCH.encode("latin-1") * 9 + b"\0" + FRENCH.encode("latin-1"), FRENCH * 10),
    ],
)
def test_a_nul_is_left_out_with_a_message(tmp_path, content, expected):
    text, messages = read(tmp_path, content)
    assert text == expected
    assert "left out 1 NUL character" in messages[-1]
    assert not messages[-1].endswith("s")


def binary_files():
    rng = random.Random(0)
    array, archive = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(1000))
    with zipfile.ZipFile(archive, "w") as document:
        document.writestr("word/document.xml", "<w:p>" * 1000)
    return {
        "npy": array.getvalue(),
        "docx": archive.getvalue(),
        "gzip": gzip.compress(RUSSIAN.encode() * 999),
        "png": b"\x89PNG\r\n\x1a\n" + bytes(rng.choices(range(1, 256), k=9000)),
        "pdf": b"%PDF-1.4\n" + b"1 0 obj\n" * 2000,
        "elf": b"\x7fELF\2\1\1\0" + rng.randbytes(500),
        "sqlite": b"SQLite format 3\0" + rng.randbytes(500),
        "noise": rng.randbytes(300),
        "noise without NULs": bytes(rng.choices(range(1, 256), k=9000)),
        "shell script with a program": b"#!/bin/sh\nexit\n" * 800 + rng.randbytes(20_000),
        "samples": np.random.default_rng(0).integers(0, 200, 3000).astype("<i2").tobytes(),
        "floats": np.random.default_rng(0).normal(size=3000).astype("<f4").tobytes(),
    }


@pytest.mark.parametrize("kind", binary_files())
def test_binary_files_are_refused(tmp_path, kind):
    with pytest.raises(CorpusError, match=r"binary file|not a text"):
        read(tmp_path, binary_files()[kind])


@pytest.mark.parametrize("content", [b"BZh is how bzip2 begins.\n", b"RIFF raff\n", b"\x1b[31mred\x1b[0m\n"])
def test_texts_may_begin_like_binary_files(tmp_path, content):
    assert read(tmp_path, content) == (content.decode(), [])


@pytest.mark.parametrize(
    ("mark", "encoded", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32-be"),
        (b"", "utf-16-le", "utf-16"),
        (b"", "utf-16-be", "utf16"),
        (b"", "utf-32-be", "utf-32"),
        ("\ufeff".encode("gb18030"), "gb18030", "gb18030"),
    ],
)
def test_a_mark_is_taken_off_with_any_encoding(tmp_path, mark, encoded, encoding):
    assert read(tmp_path, mark + RUSSIAN.encode(encoded), encoding=encoding) == (RUSSIAN, [])


@pytest.mark.parametrize(
    ("mark", "encoded", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8", "latin-1"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "cp1251"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-be"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-8"),
    ],
)
def test_a_mark_of_another_encoding_is_an_error(tmp_path, mark, encoded, encoding):
    with pytest.raises(CorpusError, match=f"has the byte-order mark of {encoded}, but `encoding` is {encoding}"):
        read(tmp_path, mark + RUSSIAN.encode(encoded), encoding=encoding)


def test_letters_with_the_bytes_of_a_mark_are_letters(tmp_path):
    assert read(tmp_path, "ЪЧ или".encode("koi8-r"), encoding="koi8-r")[0] == "ЪЧ или"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (JAPANESE, "iso2022_jp"),
        (JAPANESE, "iso2022_jp_2"),
        (JAPANESE, "iso2022_jp_2004"),
        (KOREAN, "iso2022_kr"),
        (CHINESE, "hz"),
        *((text, "utf-7") for text in (GERMAN, FRENCH, RUSSIAN, GREEK, CHINESE, JAPANESE)),
    ],
)
def test_encodings_in_ascii_bytes_are_read(tmp_path, text, encoding):
    english = "And in plain words ~ 1 + 1 = 2.\n" if encoding != "hz" else "And in plain words.\n"
    for count in (0, 40_000 if encoding == "iso2022_jp" else 100):
        content = (english * count + text).encode(encoding)
        read_text, messages = read(tmp_path, content)
        assert read_text == content.decode(encoding)
        assert "read as" in messages[0]


@pytest.mark.parametrize("text", ["a+b=c+d, C++ and 1+abcd-2\n", "~{ is no code ~}\n", "++++ +- +/v8\n"])
def test_ascii_with_such_signs_is_ascii(tmp_path, text):
    assert read(tmp_path, text.encode()) == (text, [])


def test_ebcdic_is_named_in_an_error_and_read_on_request(tmp_path):
    text = "The quick brown fox jumps over the lazy dog.\n" * 5
    content = text.encode("cp500").replace(b"\x25", b"\x15")  # next line, as on its machines
    with pytest.raises(CorpusError, match="seems to be a text in EBCDIC"):
        read(tmp_path, content)
    assert read(tmp_path, content, encoding="cp500") == (text, [])


def test_an_error_in_a_named_encoding_says_the_line(tmp_path):
    with pytest.raises(CorpusError, match=r"is not utf-8: .* in line 3"):
        read(tmp_path, b"a\nb\n\xe4\n", encoding="utf-8")
