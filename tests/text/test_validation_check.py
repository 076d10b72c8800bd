"""The end of a text that is not like the rest is noticed, and that of a normal text is not."""

import random
import string
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from charlstm.text.batches import Dataset, split_for_validation
from charlstm.text.validation_check import Difference, _divergence, compare_parts
from charlstm.text.vocabulary import Vocabulary

MACBETH = Path("data/macbeth.txt").read_text(encoding="utf-8")
CODE = Path("tests/text/test_encodings.py").read_text(encoding="utf-8")


def difference(text: str, validation: float = 0.1) -> Difference:
    vocabulary = Vocabulary.from_text(text)
    dataset = split_for_validation(vocabulary.encode(text), validation=validation, sequence_length=20)
    return compare_parts(dataset, vocabulary)


def shifted(text: str) -> str:
    """The same text in another "language": each letter is the next one of the alphabet."""
    letters = string.ascii_lowercase
    return text.lower().translate(str.maketrans(letters, letters[1:] + letters[:1]))


def table(num_lines: int) -> str:
    rng = random.Random(1)
    return "".join(
        f"{rng.randint(1, 999):>6}{rng.randint(1, 999):>6}{rng.randint(1, 999):>6}\n" for _ in range(num_lines)
    )


def index(text: str, num_lines: int) -> str:
    rng = random.Random(2)
    words = sorted({word.strip(string.punctuation).capitalize() for word in text.split()} - {""})
    return "".join(f"{word}, {rng.randint(1, 300)}, {rng.randint(1, 300)}\n" for word in islice(words, num_lines))


@pytest.mark.parametrize("part", [slice(None), slice(30_000), slice(40_000, 52_000), slice(60_000, None)], ids=str)
def test_a_normal_text_is_alike(part):
    assert difference(MACBETH[part]).describe() == ""


@pytest.mark.parametrize(
    "text",
    [
        MACBETH + shifted(MACBETH),
        MACBETH + CODE[:6000],
        MACBETH + table(300),
        MACBETH[:50_000] + index(MACBETH, 400),
        "".join(f"{name}\n" for name in sorted(MACBETH.replace(".", " ").replace(",", " ").split())),
    ],
    ids=["another language", "source code", "a table", "an index", "a sorted list"],
)
def test_another_end_is_noticed(text):
    assert difference(text).describe() != ""


def test_letters_that_the_rest_lacks_are_counted():
    text = MACBETH + "\u0416\u0434\u0443" * 100
    found = difference(text)
    assert found.unseen == "\u0416\u0434\u0443"
    assert found.unseen_share == pytest.approx(300 / round(len(text) / 10))
    assert "3 of its characters (2.90% of it) occur nowhere else" in found.describe()


def test_a_few_rare_characters_are_none():
    assert difference(MACBETH + "\u0416\u0434").unseen == ""


def test_the_end_of_a_sorted_list_begins_its_lines_differently():
    words = sorted({f"{a}{b}{c}{a}" for a in string.ascii_lowercase for b in "aeiou" for c in "lmnrst"})
    assert difference("\n".join(words) + "\n").has_other_lines
    random.Random(3).shuffle(words)
    assert not difference("\n".join(words) + "\n").has_other_lines


def test_divergence_of_known_distributions():
    one, other = np.array([1.0, 0.0]), np.array([0.0, 3.0])
    assert _divergence(one, one) == 0
    assert _divergence(one, other) == 1  # bit
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): (log2(4/3) + log2(2/3) / 2 + log2(2) / 2) / 2
    assert _divergence(one, np.array([2.0, 2.0])) == pytest.approx(0.3112781)


def test_a_tiny_text_and_one_character_repeated_are_alike():
    vocabulary = Vocabulary("ab")
    for ids in (np.array([0, 1] * 20), np.zeros(20_000, np.uint8)):
        assert compare_parts(Dataset(ids[:-4], ids[-4:]), vocabulary).describe() == ""
    ids = np.zeros(20_000, np.uint8)
    assert compare_parts(Dataset(ids[:-2000], ids[-2000:]), vocabulary).describe() == ""
