"""Texts divided into parts, and the parts read again."""

import hashlib
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError, SettingError
from charlstm.text import splits
from charlstm.text.byte_ranges import load_byte_range
from charlstm.text.corpus import load_corpus
from charlstm.text.corpus_parts import corpus_range, join_corpora
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text
from charlstm.text.part_reader import DividedText, PartReader
from charlstm.text.parts import Part, Parts, PartsRequest
from charlstm.text.splits import BYTES, UsualSplit

TEXT = "to be, or not to be: that is the question\n" * 20
OPTIONS = DecodingOptions()


def record(divided: DividedText) -> Parts:
    assert divided.parts is not None
    return divided.parts


def held_out(divided: DividedText) -> str:
    assert divided.test is not None
    return divided.test.text


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@given(st.text("abc\u00e9\n", min_size=2), st.data())
def test_ranges_joined_again_are_the_text(text, data):
    whole = load_given_text(text)
    cut = data.draw(st.integers(1, len(whole) - 1))
    first, second = corpus_range(whole, 0, cut), corpus_range(whole, cut, len(whole))
    assert (first.text, second.text) == (whole.text[:cut], whole.text[cut:])
    assert set(first.characters) == set(first.text)
    assert (first.digest, second.digest) == (digest(first.text), digest(second.text))
    joined = join_corpora(first, second)
    assert (joined.text, joined.characters, joined.counts) == (whole.text, whole.characters, whole.counts)
    assert joined.digest == whole.digest


def test_parts_of_one_text_by_shares(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT[:-40] + "\u00e9" * 40)
    divided = PartReader([path], OPTIONS).divide(PartsRequest(split="90/5/5"))
    assert (divided.corpus.text, divided.num_validation) == (TEXT[:798], 42)
    assert "\u00e9" not in divided.corpus.characters
    assert held_out(divided) == TEXT[798:800] + "\u00e9" * 40
    places = [(part.start, part.end, part.num_characters) for part in record(divided).by_name.values()]
    assert places == [(0, 756, 756), (756, 798, 42), (798, 840, 42)]
    assert record(divided).by_name["test"].sha256 == digest(held_out(divided))
    assert divided.corpus.name == "text"
    assert divided.corpus.sources == (str(path),)


def test_parts_in_files(tmp_path):
    for name, text in {"text": TEXT, "valid": "or not\n", "test": "z\u00e9"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    files = {name: str(tmp_path / f"{name}.txt") for name in ("text", "valid", "test")}
    request = PartsRequest(validation=files["valid"], test=files["test"])
    divided = PartReader([files["text"]], OPTIONS).divide(request)
    assert (divided.corpus.text, divided.num_validation, held_out(divided)) == (TEXT + "or not\n", 7, "z\u00e9")
    only_test = PartReader([files["text"]], OPTIONS).divide(PartsRequest(test=files["test"]))
    assert (only_test.corpus.text, only_test.num_validation, held_out(only_test)) == (TEXT, None, "z\u00e9")


@pytest.mark.parametrize("split", ["90/5/5", "80/20"])
def test_parts_are_read_again_from_their_record_and_no_test_part_with_them(tmp_path, split):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    divided = PartReader([path], OPTIONS).divide(PartsRequest(split=split))
    parts = Parts.from_json(json.loads(json.dumps(record(divided).to_json())))
    assert parts == divided.parts
    again = PartReader([str(path)], OPTIONS, is_recorded=True).read_learned(parts)
    assert (again.corpus.text, again.corpus.digest) == (divided.corpus.text, divided.corpus.digest)
    assert (again.num_validation, again.test) == (divided.num_validation, None)
    path.write_text(TEXT[:100])
    with pytest.raises(CorpusError, match="has 100 characters, but characters"):
        PartReader([str(path)], OPTIONS).read_learned(parts)


@pytest.fixture
def small_enwik8(monkeypatch):
    """Let enwik8 have 100 bytes."""
    monkeypatch.setitem(splits.USUAL_SPLITS, "enwik8", UsualSplit((90, 5, 5), BYTES))


@pytest.mark.parametrize("suffix", [".txt", ".zip"])
def test_a_split_in_bytes_counts_those_of_the_file(tmp_path, small_enwik8, suffix):
    content = b"a" * 80 + "e\u0301".encode() * 2 + b"bc" + "\u20ac".encode() + b"defghijk"  # NFC would shorten it
    content += b"x" * (100 - len(content))
    path = tmp_path / f"enwik8{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("enwik8", content)
    else:
        path.write_bytes(content)
    divided = PartReader([path], OPTIONS).divide(PartsRequest(split="enwik8"))
    assert divided.corpus.text == "a" * 80 + "\u00e9\u00e9bc\u20acdefg"[:100]
    assert divided.num_validation == len("defg")  # the euro sign begins in the training part
    assert held_out(divided) == "hijk" + "x" * 1
    assert divided.corpus.name == "enwik8"
    assert PartReader([path], OPTIONS).read_learned(divided.parts).corpus.digest == divided.corpus.digest


def test_a_text_of_another_length_has_no_usual_split(tmp_path, small_enwik8):
    path = tmp_path / "text.txt"
    path.write_text("a" * 99)
    with pytest.raises(CorpusError, match="divides 100 bytes, but text has 99"):
        PartReader([path], OPTIONS).divide(PartsRequest(split="enwik8"))
    with pytest.raises(CorpusError, match="divides 1,115,394 characters, but text has 99") as caught:
        PartReader([path], OPTIONS).divide(PartsRequest(split="tinyshakespeare"))
    assert caught.value.hint.endswith("90/5")
    with pytest.raises(CorpusError, match="is of one file"):
        PartReader([path, path], OPTIONS).divide(PartsRequest(split="enwik8"))


def test_ranges_of_bytes_cover_the_text_whatever_they_cut(tmp_path):
    text = "a\u00e9\u20ac\U0001f600" * 9
    path = tmp_path / "text"
    path.write_text(text)
    size = len(text.encode())
    for cut in range(4, size - 4):
        parts = [load_byte_range([path], start, end, OPTIONS) for start, end in ((0, cut), (cut, size))]
        assert "".join(part.text for part in parts) == text
        assert len(parts[0].text.encode()) - cut in range(4)


def test_tinyshakespeare_of_this_length_is_cut_where_nanogpt_cuts_it():
    text = "".join(chr(97 + number % 7) for number in range(1_115_394))
    reader = PartReader([], OPTIONS, read_whole=lambda: load_given_text(text))
    divided = reader.divide(PartsRequest(split="tinyshakespeare"))
    assert (len(divided.corpus), divided.num_validation, divided.test) == (1_115_394, 111_540, None)


def test_the_penn_treebank_is_three_files(tmp_path):
    for part in ("train", "valid", "test"):
        (tmp_path / f"ptb.{part}.txt").write_text(f" {part} \n")
    divided = PartReader([tmp_path], OPTIONS).divide(PartsRequest(split="ptb"))
    assert (divided.corpus.text, held_out(divided)) == (" train \n valid \n", " test \n")


@pytest.mark.parametrize(("request_", "settings", "message"), [
    ({"split": "90/5/5", "test": "x.txt"}, {}, "`split` and `test` are both given"),
    ({"split": "90/5/5"}, {"validation": 0.2}, "`split` and `validation` are both given"),
    ({"split": "90/5/5"}, {"validation_split": "lines"}, "`validation_split` has no effect: `split`"),
    ({"validation": "x.txt"}, {"validation_split": "lines"}, "`validation_split` has no effect: a file"),
    ({"split": "penn"}, {}, "neither a usual split"),
])  # fmt: skip
def test_contradictions_are_refused(request_, settings, message):
    with pytest.raises(SettingError, match=message):
        PartsRequest(**request_).check_settings(settings)


@pytest.mark.parametrize("values", [
    [],
    {},
    {"training": {"start": 5, "end": 5}},
    {"training": {"start": -1}},
    {"training": {"unit": "words"}},
    {"training": {"unit": "bytes", "start": 5}},
    {"training": {"sources": "x"}},
    {"training": {}, "validation": 3},
    {"training": {}, "reading": {"normalize": "x"}},
    {"training": {}, "other": {}},
    {"training": {}, "split": 3},
])  # fmt: skip
def test_a_record_of_a_stranger_is_checked(values):
    with pytest.raises(SettingError):
        Parts.from_json(values)


def test_the_same_characters_in_the_text_and_in_files_are_told_apart():
    assert Part().is_in_text
    assert not Part(["x"]).is_in_text
    assert Parts.from_json(None) is None


def test_standard_input_is_no_part(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    with pytest.raises(CorpusError, match="`test` is -, which cannot be read again"):
        PartReader([tmp_path / "text.txt"], OPTIONS).divide(PartsRequest(test="-"))


def test_another_reading_is_for_files_of_their_own(tmp_path):
    (tmp_path / "text.txt").write_text("abc")
    (tmp_path / "valid.txt").write_text("e\u0301x")
    divided = PartReader([tmp_path / "text.txt"], OPTIONS).divide(PartsRequest(validation=str(tmp_path / "valid.txt")))
    reading = DecodingOptions(normalize="none")
    parts = Parts(record(divided).by_name, reading=reading)
    assert PartReader([tmp_path / "text.txt"], OPTIONS).read_learned(parts).corpus.text == "abce\u0301x"
    assert load_corpus([tmp_path / "text.txt"]).text == "abc"
