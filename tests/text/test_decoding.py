import random

import pytest

from charlstm.errors import CorpusError, SettingError
from charlstm.text.decoding import read_chunks
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.sources import TextSource


def read(tmp_path, content, **options):
    """Return the clean text of some bytes, and the messages about it."""
    (tmp_path / "text").write_bytes(content)
    messages: list[str] = []
    chunks = read_chunks(TextSource(tmp_path / "text"), DecodingOptions(**options), messages.append)
    return "".join(chunks), messages


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
def test_encoding_is_detected(tmp_path, encoding):
    text, messages = read(tmp_path, TEXTS[encoding].encode(encoding))
    assert text == TEXTS[encoding]
    assert bool(messages) == (encoding not in ("utf-8", "utf-8-sig"))


def test_encoding_is_detected_where_ascii_ends(tmp_path):
    content = b"Plain letters for a long time.\n" * 20_000 + "Le garçon a reçu une lettre de sa mère à Noël.\n".encode(
        "cp1252"
    )
    text, messages = read(tmp_path, content)
    assert text.endswith("Le garçon a reçu une lettre de sa mère à Noël.\n")
    assert "cp1252 (certain)" in messages[0]


def test_escape_sequences_are_not_taken_for_utf8(tmp_path):
    text = "少年は森の中を歩きながら歌を歌った。\n"
    assert read(tmp_path, text.encode("iso2022_jp"))[0] == text


def test_given_encoding_is_used_and_strict(tmp_path):
    assert read(tmp_path, b"\xe4\n", encoding="latin-1") == ("ä\n", [])
    with pytest.raises(CorpusError, match="not utf-8"):
        read(tmp_path, b"\xe4\n", encoding="utf-8")


@pytest.mark.parametrize("encoding", ["klingon", "zlib", "hex", "rot13", "locale", "a\0b", "\udcff", ""])
def test_unknown_encodings_and_other_codecs_are_refused(encoding):
    with pytest.raises(SettingError, match="there is no encoding"):
        DecodingOptions(encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "cp1252", "utf-16", "shift_jis", "utf_7"])
def test_text_encodings_are_known(encoding):
    assert DecodingOptions(encoding=encoding).encoding == encoding


def test_a_few_invalid_bytes_are_left_out_and_counted(tmp_path):
    content = ("Ein schöner Text mit Umlauten: äöü. \ufffd\n" * 100).encode()
    text, messages = read(tmp_path, content[:500] + b"\xff\xfe\xfd" + content[500:])
    assert text == content.decode()
    assert "3 characters not in utf-8" in messages[0]


def test_binary_files_are_refused(tmp_path):
    for content in (bytes(range(256)), random.Random(0).randbytes(3000), b"\x7fELF\0\0\0\1"):
        with pytest.raises(CorpusError, match=r"binary file|not a text"):
            read(tmp_path, content)


def test_line_ends_and_lower_case(tmp_path):
    assert read(tmp_path, b"A\r\nB\rC\n\r\n", lowercase=True)[0] == "a\nb\nc\n\n"


@pytest.mark.parametrize(("form", "expected"), [("nfc", "é\ufb01"), ("nfkc", "éfi"), ("none", "e\u0301\ufb01")])
def test_normal_forms(tmp_path, form, expected):
    assert read(tmp_path, "e\u0301\ufb01".encode(), normalize=form)[0] == expected


def test_unknown_normal_form_is_refused():
    with pytest.raises(SettingError, match="`normalize` is 'nfq', but it must be one of nfc, nfkc, none"):
        DecodingOptions(normalize="nfq")


BOOK = "Chapter 1\n\nIt began.\n" + "It went on and on.\n" * 400 + "The end.\n"
GUTENBERG = f"""The Project Gutenberg eBook of It

Title: It

*** START OF THE PROJECT GUTENBERG EBOOK IT ***

{BOOK}

*** END OF THE PROJECT GUTENBERG EBOOK IT ***

Updated editions will replace the previous one.
"""


def test_boilerplate_is_kept_on_request_and_other_texts_are_not_changed(tmp_path):
    text, messages = read(tmp_path, GUTENBERG.encode())
    assert text == BOOK
    assert "licence was left out" in messages[0]
    assert read(tmp_path, GUTENBERG.encode(), keep_boilerplate=True) == (GUTENBERG, [])
    assert read(tmp_path, BOOK.encode()) == (BOOK, [])
