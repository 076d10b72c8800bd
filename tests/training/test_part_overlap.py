"""When the user is warned that a held-out part stands in the training part."""

import random
import re
from pathlib import Path

import pytest

from charlstm.text.corpus_encoding import encode_text
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.part_reader import PartReader
from charlstm.text.parts import PartsRequest
from charlstm.text.vocabulary import Vocabulary
from charlstm.training.part_overlap import overlap_warnings
from charlstm.training.training_data import TrainingData, own_validation_settings, split_text, splitting_config

WORDS = ["".join(random.Random(number).choices("abcdefgh", k=2 + number % 6)) for number in range(200)]


def stanza(rng):
    return "".join(" ".join(rng.choices(WORDS, k=6)) + "\n" for _ in range(6)) + "\n"


def song(rng):
    refrain = stanza(rng)
    return "".join(stanza(rng) + refrain for _ in range(3))


def songs(count, *, random_seed):
    rng = random.Random(random_seed)
    return "".join(song(rng) for _ in range(count))


def warnings_of(text, request=None, **settings):
    Path("text.txt").write_text(text)
    divided = PartReader(["text.txt"], DecodingOptions()).divide(request or PartsRequest())
    vocabulary = Vocabulary(divided.corpus.characters)
    encoded = encode_text(divided.corpus, vocabulary, unknown="error")
    config = splitting_config(settings | own_validation_settings(divided, encoded, vocabulary), "end")
    return overlap_warnings(
        TrainingData(divided.corpus, vocabulary, split_text(encoded.ids, vocabulary, config), divided=divided)
    )


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("validation_split", ["end", "blocks"])
def test_refrains_of_one_text_are_no_copies(validation_split):
    assert warnings_of(songs(40, random_seed=1), validation_split=validation_split) == []
    assert warnings_of(songs(40, random_seed=1), PartsRequest(split="80/10/10")) == []


@pytest.mark.parametrize("validation_split", ["end", "blocks"])
def test_a_text_that_has_a_part_twice(validation_split):
    text = songs(30, random_seed=1)
    [warning] = warnings_of(text + text, validation_split=validation_split)
    assert re.match(r"(99|100)% of the validation part stands in .*, in passages of 500 or more characters:", warning)


def test_both_parts_of_a_split_are_compared():
    text = songs(30, random_seed=1)
    found = warnings_of(text + text, PartsRequest(split="80/10/10"))
    assert [warning.split(" part ")[0] for warning in found] == ["100% of the validation", "100% of the test"]


def test_a_file_with_a_refrain_of_the_training_part_is_no_new_text():
    rng = random.Random(2)
    shared = song(rng)
    Path("valid.txt").write_text(songs(5, random_seed=3) + shared[:200])
    Path("test.txt").write_text(songs(5, random_seed=4))
    request = PartsRequest(validation="valid.txt", test="test.txt")
    [warning] = warnings_of(shared + songs(30, random_seed=5), request)
    assert "of the validation part stands in the training part too, in passages of 50 or more characters" in warning
