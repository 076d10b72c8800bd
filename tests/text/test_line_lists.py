"""Lists of short lines are told from prose, verse, plays and source code."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

from charlstm.text.line_lists import is_line_list
from charlstm.text.vocabulary import Vocabulary

WORDS = [
    "a",
    "of",
    "the",
    "sea",
    "and",
    "light",
    "under",
    "mountain",
    "river",
    "stone",
    "which",
    "remember",
    "forgotten",
    "house",
]


def recognised(text: str) -> bool:
    vocabulary = Vocabulary.from_text(text)
    return is_line_list(vocabulary.encode(text), vocabulary)


def sentence(rng: np.random.Generator, num_words: int) -> str:
    return " ".join(rng.choice(WORDS, num_words)).capitalize()


@pytest.mark.parametrize(("fewest", "most"), [(1, 2), (1, 5), (2, 30)], ids=["names", "titles", "messages"])
def test_a_list_is_recognised(fewest: int, most: int) -> None:
    rng = np.random.default_rng(1)
    assert recognised("".join(sentence(rng, int(rng.integers(fewest, most + 1))) + "\n" for _ in range(200)))


@pytest.mark.parametrize(("fewest", "most"), [(4, 9), (5, 14), (9, 20)], ids=["recipes", "headlines", "papers"])
def test_titles_longer_than_names_are_a_list(fewest: int, most: int) -> None:
    rng = np.random.default_rng(5)
    assert recognised("".join(sentence(rng, int(rng.integers(fewest, most + 1))) + "\n" for _ in range(300)))


def test_uneven_lines_that_end_within_sentences_are_none() -> None:
    rng = np.random.default_rng(6)
    lines = [sentence(rng, int(rng.integers(2, 14))) + ",;. "[number % 4].rstrip() for number in range(300)]
    assert not recognised("\n".join(lines))


def test_lyrics_without_stanzas_are_none() -> None:
    rng = np.random.default_rng(7)
    verses = [[sentence(rng, int(rng.integers(5, 12))) for _ in range(8)] for _ in range(20)]
    chorus = [sentence(rng, int(rng.integers(5, 12))) for _ in range(4)]
    assert not recognised("\n".join(line for verse in verses for line in [*verse, *chorus]))


def test_the_last_line_may_lack_its_newline() -> None:
    assert recognised("\n".join(f"Anna {number}" for number in range(100)))


def test_names_may_stand_in_groups_or_be_indented() -> None:
    names = [f"Anna {'abcdefgh'[: number % 8]}" for number in range(200)]
    assert recognised("\n".join(name + "\n" * (number % 10 == 9) for number, name in enumerate(names)))
    assert recognised("\n".join("    " + name for name in names))
    assert not recognised("\n".join("    " * (number % 3) + name for number, name in enumerate(names)))


def test_words_of_one_length_are_a_list() -> None:
    assert recognised("\n".join(f"w{number:04}" for number in range(200)))


def test_wrapped_text_without_spaces_is_none() -> None:
    text = "".join(chr(0x4E00 + number % 300) for number in range(6000))
    assert not recognised("\n".join(text[start : start + 30] for start in range(0, len(text), 30)))


@pytest.mark.parametrize("width", [28, 34, 40, 60, 72, 100])
def test_wrapped_prose_is_none(width: int) -> None:
    rng = np.random.default_rng(2)
    assert not recognised(textwrap.fill(" ".join(sentence(rng, 12) + "." for _ in range(200)), width))


def test_verse_is_none() -> None:
    rng = np.random.default_rng(3)
    assert not recognised("".join(sentence(rng, int(rng.integers(7, 10))) + ",\n" for _ in range(200)))


def test_a_play_is_none() -> None:
    assert not recognised(Path("data/macbeth.txt").read_text(encoding="utf-8"))


def test_source_code_is_none() -> None:
    assert not recognised(Path(__file__).read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ["no line at all", "one\ntwo\n", "\n" * 100], ids=["no newline", "two lines", "blank"])
def test_a_text_of_few_lines_is_none(text: str) -> None:
    assert not recognised(text)
