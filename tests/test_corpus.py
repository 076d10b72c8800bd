import pytest

from charlstm.corpus import load_corpus
from charlstm.errors import CorpusError


def test_a_shipped_text_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    corpus = load_corpus(["macbeth.txt"])
    assert corpus.name == "macbeth"
    assert "tomorrow, and tomorrow" in corpus.text.lower()
    assert load_corpus(["macbeth"]).digest == corpus.digest


def test_a_file_in_the_current_folder_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "macbeth.txt").write_text("mine")
    assert load_corpus(["macbeth.txt"]).text == "mine"


def test_macbeth_is_whole_and_plain():
    text = load_corpus(["macbeth.txt"]).text
    assert 100_000 < len(text) < 115_000
    assert [text.count(f"\nACT {act}\n") for act in ("I", "II", "III", "IV", "V")] == [1] * 5
    assert text.isascii()
    assert text.endswith("[Flourish. Exeunt.]\n")


def test_several_texts_follow_one_another_on_lines_of_their_own(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two\n")
    corpus = load_corpus([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (corpus.text, corpus.name) == ("one\ntwo\n", "a+b")


def test_line_endings_and_byte_order_mark_are_normalised(tmp_path):
    (tmp_path / "dos.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert load_corpus([tmp_path / "dos.txt"]).text == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"caf\xe9", "not a UTF-8 text: byte 3 is 0xe9"),
        (b"ELF\0\1", "binary file"),
    ],
)
def test_what_is_not_a_text_is_refused_with_a_hint(tmp_path, content, message):
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus([tmp_path / "bad.txt"])
    assert caught.value.hint


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="is a folder"):
        load_corpus([tmp_path])
    with pytest.raises(CorpusError, match="there is no text") as caught:
        load_corpus([tmp_path / "none.txt"])
    assert "macbeth.txt" in caught.value.hint
