import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.text.known_lines import KnownLines


@given(st.lists(st.text("aB \n", max_size=8), max_size=6))
def test_lines_are_found_however_the_text_is_cut(chunks):
    known = KnownLines.from_chunks(chunks)
    lines = {line.strip().casefold() for line in "".join(chunks).split("\n") if line.strip()}
    assert len(known) == len(lines)
    assert all(line in known for line in lines)
    assert "other" not in known


def test_case_and_white_space_at_the_ends_do_not_count():
    known = KnownLines.from_chunks(["Anna Maria\nBo"])
    assert " anna MARIA\t\n" in known
    assert "AnnaMaria" not in known
    assert "" not in known


def test_checksums_go_through_base64():
    known = KnownLines.from_chunks(f"{number}\n" for number in range(1000))
    again = KnownLines.from_base64(known.to_base64())
    assert again.checksums.tolist() == known.checksums.tolist()
    union = KnownLines.union([again, KnownLines.from_chunks(["x\n5"])])
    assert all(line in union for line in ("x", "5", "999"))
    with pytest.raises(ValueError, match="padding"):
        KnownLines.from_base64("no")
