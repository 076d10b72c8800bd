"""Which model that ships a run starts from: its measure, and what rules it out."""

import math
from dataclasses import replace

import pytest

from charlstm.errors import ModelFileError
from charlstm.storage.model_file import save_model
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.given_text import load_given_text
from charlstm.training.starting_point import Limits, choose_starting_point, model_nats, own_statistics_nats
from tests.conftest import letter_model, letter_text

ENGLISH = {" ": 6, "e": 8, "t": 4, "a": 4, "o": 2, "n": 2, "i": 2, "s": 2, "h": 1, "r": 1}
GERMAN = {" ": 2, "e": 2, "n": 8, "r": 8, "h": 6, "i": 4, "s": 1, "t": 1, "a": 1, "o": 1}
ENTROPY = -sum(n / 32 * math.log(n / 32) for n in ENGLISH.values())


def corpus(text, options=None):
    return load_given_text(text, options or DecodingOptions(), on_message=lambda _: None)


def choose(text, *, limits=None, **settings):
    return choose_starting_point(corpus(text), DecodingOptions(), settings, limits=limits or Limits())


@pytest.fixture
def english(shipped_models_folder):
    path = shipped_models_folder / "english.safetensors"
    save_model(path, letter_model(ENGLISH), weight_format="int8")
    return path


def test_a_model_that_knows_the_language_is_chosen(english):
    point = choose(letter_text(ENGLISH, 20_000))
    assert (point.name, point.path) == ("english", english)
    assert point.nats == pytest.approx(ENTROPY, abs=0.05)
    assert point.nats < point.own_nats < point.nats + 0.1
    line = point.describe()
    assert (
        f"starting from english, a model that ships with charlstm: it predicts this text with {point.nats:.2f}" in line
    )
    assert "`start_from` none" in line


@pytest.mark.parametrize("length", [1000, 3000, 30_000])
def test_another_language_is_noticed(english, length):
    assert choose(letter_text(ENGLISH, length)) is not None
    assert choose(letter_text(GERMAN, length)) is None


def test_a_text_that_predicts_itself_better_is_left_alone(english):
    """As a log of a machine does, which has the letters of English."""
    assert choose("the rest is a note " * 500) is None


def test_without_models_nothing_is_read():
    assert choose(letter_text(ENGLISH, 5000)) is None


def test_of_two_models_the_better_one_is_taken(english):
    save_model(english.with_name("german.safetensors"), letter_model(GERMAN))
    assert choose(letter_text(GERMAN, 5000)).name == "german"
    assert choose(letter_text(ENGLISH, 5000)).name == "english"


def test_what_rules_it_out(english):
    text = letter_text(ENGLISH, 5000)
    assert choose(text, dropout=0.3, learning_rate=0.001, epochs=500.0) is not None
    shapes = ({"units": 8}, {"num_layers": 2}, {"cell": "lstm"}, {"embedding_dim": 5}, {"attention": 4}, {"window": 9})
    assert [choose(text, **shape) for shape in shapes] == [None] * len(shapes)
    assert choose(text, limits=Limits(max_characters=4999)) is None
    assert choose(text, limits=Limits(min_characters=5001)) is None
    assert choose(text, max_time=60.0) is not None
    assert choose(text, limits=Limits(max_time=50)) is None  # the default time for a text of this size is a minute
    assert choose(text, max_time=60.0, limits=Limits(max_time=59)) is None
    assert choose(text, limits=Limits(max_nats=ENTROPY - 0.2)) is None
    assert choose(text, limits=Limits(max_nats_above=-0.5)) is None


def test_a_list_of_short_lines_is_judged_like_any_text(english):
    """Such as a dialogue of one remark a line. Names are far from what a model of sentences expects."""
    assert choose("\n".join(letter_text(ENGLISH, 20_000).split(" e"))) is not None
    assert choose("\n".join(letter_text(GERMAN, 20_000).split(" e"))) is None


def test_a_text_that_is_read_in_another_way_is_left_alone(english):
    text = letter_text(ENGLISH, 5000)
    for options in (DecodingOptions(lowercase=True), DecodingOptions(normalize="nfkc")):
        assert choose_starting_point(corpus(text, options), options, {}) is None


def test_what_a_model_does_not_know_counts_against_it():
    model = letter_model(ENGLISH)
    known = model_nats(model, corpus("e" * 4000))
    assert known == pytest.approx(math.log(32 / 8), abs=1e-5)
    assert model_nats(model, corpus("\u00e9" * 4000)) == pytest.approx(known)  # read as the letter without its accent
    assert model_nats(model, corpus("\u4e00" * 4000)) == pytest.approx(math.log(11))
    assert known < model_nats(model, corpus("e\u4e00" * 2000)) < math.log(11)


def test_the_sample_is_no_part_of_its_own_statistics():
    distinct = "".join(chr(0x4E00 + index) for index in range(2000))
    assert own_statistics_nats(corpus(distinct)) == pytest.approx(math.log(2000))


def test_a_damaged_model_is_an_error(english):
    english.write_bytes(english.read_bytes()[:-1])
    with pytest.raises(ModelFileError):
        choose(letter_text(ENGLISH, 5000))


def test_a_model_in_lower_case_is_for_such_texts(english):
    lower = letter_model(ENGLISH)
    save_model(english, replace(lower, vocabulary=replace(lower.vocabulary, lowercase=True)))
    assert choose(letter_text(ENGLISH, 5000)) is None
    options = DecodingOptions(lowercase=True)
    assert choose_starting_point(corpus(letter_text(ENGLISH, 5000), options), options, {}) is not None
