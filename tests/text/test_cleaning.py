from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.text.cleaning import INVALID, Counts, clean_chunks


def clean(text, size=1_000_000, **options):
    counts = Counts()
    chunks = (text[start : start + size] for start in range(0, len(text), size))
    return "".join(clean_chunks(chunks, counts, **options)), counts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\r\nb\r\nc\rd\n\re\n\n", "a\nb\nc\nd\n\ne\n\n"),
        ("\r\r", "\n\n"),
        ("\ufeffone\n\ufefftwo", "one\ntwo"),
        ("end\r\n\x1a", "end\n"),
        ("end\n" + "\x1a" * 100, "end\n"),
        ("a\x1ab\n", "a\x1ab\n"),
        ("a\0b", "ab"),
        ("a\x85b\u2028c", "a\x85b\u2028c"),
    ],
)
def test_line_ends_and_characters_that_are_no_text(text, expected):
    for size in (1, 2, 3, 100):
        assert clean(text, size)[0] == expected


def test_next_line_ends_lines_on_request():
    assert clean("a\x85b", has_next_line=True)[0] == "a\nb"


def test_what_is_left_out_is_counted():
    text, counts = clean(f"a\r\nb\r\nc{INVALID}\0\n{INVALID}", 2)
    assert text == "a\nb\nc\n"
    assert (counts.num_invalid, counts.first_invalid_line, counts.num_nuls) == (2, 3, 1)


@given(st.text(alphabet="a\r\n\x1a\ufeff\0", max_size=12), st.data())
def test_chunks_are_cleaned_like_the_whole_text(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    chunks = (text[start:end] for start, end in pairwise([0, *cuts, len(text)]))
    assert "".join(clean_chunks(chunks, Counts())) == clean(text)[0]
