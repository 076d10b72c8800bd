import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import CorpusError, SettingError
from charlstm.text.splits import USUAL_SPLITS, parse_shares, penn_treebank_files, sizes_of_shares


@pytest.mark.parametrize("split", ["90/5/5", "0.9/0.05/0.05", "18/1/1"])
def test_only_the_relation_of_shares_counts(split):
    assert parse_shares(split) == pytest.approx((0.9, 0.05, 0.05))
    assert sizes_of_shares(split, 1000) == (900, 50, 50)


@given(st.lists(st.integers(1, 99), min_size=2, max_size=3), st.integers(300, 10_000))
def test_every_character_is_in_one_part(shares, total):
    sizes = sizes_of_shares("/".join(map(str, shares)), total)
    assert sum(sizes) == total
    for size, share in zip(sizes, shares, strict=True):
        assert abs(size - total * share / sum(shares)) <= 1


@pytest.mark.parametrize("split", ["", "90", "90/5/5/5", "90/0", "90/-5/5", "90/x", "enwik9", "nan/1", "inf/1"])
def test_other_splits_are_refused(split):
    with pytest.raises(SettingError, match="neither a usual split nor") as caught:
        parse_shares(split)
    assert "enwik8" in caught.value.hint


def test_a_misspelt_split_is_recognised():
    with pytest.raises(SettingError) as caught:
        parse_shares("tinyshakespear")
    assert caught.value.hint.startswith("did you mean 'tinyshakespeare'? give shares such as 90/5/5")


def test_a_part_without_a_character_is_refused():
    with pytest.raises(CorpusError, match="leaves none for the validation part"):
        sizes_of_shares("99/0.1/1", 100)


def test_usual_splits_are_those_of_the_field():
    assert {name: split.sizes for name, split in USUAL_SPLITS.items()} == {
        "enwik8": (90_000_000, 5_000_000, 5_000_000),
        "text8": (90_000_000, 5_000_000, 5_000_000),
        "tinyshakespeare": (int(0.9 * 1_115_394), 1_115_394 - int(0.9 * 1_115_394)),
    }


@pytest.mark.parametrize("names", ["ptb", "ptb.char"])
def test_the_penn_treebank_is_found_by_its_first_file_or_its_folder(tmp_path, names):
    files = [tmp_path / f"{names}.{part}.txt" for part in ("train", "valid", "test")]
    for file in files[:2]:
        file.touch()
    with pytest.raises(CorpusError, match=rf"needs .*{names}\.test\.txt, which is not there"):
        penn_treebank_files([str(files[0])])
    files[2].touch()
    expected = tuple(map(str, files))
    assert penn_treebank_files([str(tmp_path)]) == penn_treebank_files([str(files[0])]) == expected
    for texts in ([str(files[1])], [str(tmp_path / "other.txt")], [str(files[0]), str(files[1])]):
        with pytest.raises(CorpusError, match=r"needs ptb\.train\.txt"):
            penn_treebank_files(texts)
