import pytest

from charlstm.text.corpus import load_corpus
from charlstm.text.statistics import text_statistics


def statistics(tmp_path, text):
    (tmp_path / "text.txt").write_text(text)
    return text_statistics(load_corpus([tmp_path / "text.txt"]))


def test_figures_of_a_text(tmp_path):
    found = statistics(tmp_path, "aab\nac\n" * 50)
    assert (found.name, found.num_characters, found.num_lines) == ("text", 350, 100)
    assert list(found.counts.items()) == [("a", 150), ("\n", 100), ("b", 50), ("c", 50)]
    assert found.entropies[0] == pytest.approx(1.842, abs=1e-3)
    assert found.compressed_bits.keys() == {"xz", "bzip2"}
    assert list(found.to_json()) == [
        "text",
        "characters",
        "lines",
        "sha256",
        "alphabet",
        "entropies",
        "compressors",
    ]


@pytest.mark.parametrize(("text", "num_lines"), [("a", 1), ("a\n", 1), ("a\nb", 2), ("\n", 1)])
def test_last_line_counts_without_its_line_end(tmp_path, text, num_lines):
    assert statistics(tmp_path, text).num_lines == num_lines
