from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.analysis.against import check_comparable, load_others, score_against
from charlstm.analysis.bootstrap import mean_interval
from charlstm.analysis.report import evaluate_ids
from charlstm.analysis.reporting import SILENT
from charlstm.errors import CorpusError, SettingError
from charlstm.generation.load import LoadedModel
from charlstm.storage.model_file import save_model
from tests.analysis.plain_network import plain_losses
from tests.conftest import ALPHABET, random_model

TEXT = "the quick brown fox jumps over the lazy dog\n" * 3
OTHER = Path("other.safetensors")


@pytest.fixture
def report(model):
    return evaluate_ids(model, model.vocabulary.encode(TEXT))


def paired_with(report, **settings):
    return score_against(report, LoadedModel(OTHER, random_model(**settings)), reporter=SILENT)


def test_the_differences_are_those_of_each_character(report, model):
    other = random_model(num_layers=1, units=5, characters=ALPHABET + "ABC")
    paired = score_against(report, LoadedModel(OTHER, other), reporter=SILENT)
    own, losses = (plain_losses(one, one.vocabulary.encode(TEXT)) for one in (model, other))
    assert paired.scores.nats_per_character == pytest.approx(losses.mean(), abs=1e-4)
    assert paired.difference == pytest.approx((losses - own).mean(), abs=1e-4)
    expected = mean_interval(losses - own)
    assert (paired.interval.low, paired.interval.high) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert (paired.num_left_out, paired.own) == (0, report.scores)


def test_a_model_does_not_differ_from_itself(report, model):
    paired = score_against(report, LoadedModel(OTHER, model), reporter=SILENT)
    assert (paired.difference, paired.interval.low, paired.interval.high) == (0, 0, 0)


def test_characters_that_the_other_does_not_know_count_for_neither(report, model):
    other = random_model(characters=ALPHABET.replace("o", "").replace("t", ""))
    paired = score_against(report, LoadedModel(OTHER, other), reporter=SILENT)
    known = "".join(character for character in TEXT if character not in "ot")
    losses = plain_losses(other, other.vocabulary.encode(known))
    places = [place for place, character in enumerate(TEXT) if character not in "ot"]
    own = plain_losses(model, model.vocabulary.encode(TEXT))[np.array(places[1:]) - 1]
    assert paired.num_left_out == len(TEXT) - len(known)
    assert paired.scores.characters == paired.own.characters == len(known) - 1
    assert paired.own.nats_per_character == pytest.approx(own.mean(), abs=1e-4)
    assert paired.difference == pytest.approx((losses - own).mean(), abs=1e-4)


def test_a_model_of_another_alphabet_is_refused(report):
    with pytest.raises(CorpusError, match="knows fewer than two characters"):
        paired_with(report, characters="0123")


@pytest.mark.parametrize(("text", "is_refused"), [("abc", False), ("d\u00e9j\u00e0", True)])
def test_a_model_of_another_normal_form_is_refused_where_it_differs(text, is_refused):
    own = random_model(characters="abcd\u00e9j\u00e0").vocabulary
    other = random_model(characters="abcd\u00e9j\u00e0")
    other = replace(other, vocabulary=replace(other.vocabulary, normalize="none"))
    others = [LoadedModel(OTHER, other)]
    if not is_refused:
        check_comparable(own, own.encode(text), others)
        return
    with pytest.raises(SettingError, match="reads texts in another normal form"):
        check_comparable(own, own.encode(text), others)


def test_a_model_of_another_case_is_refused(tmp_path, model):
    save_model(tmp_path / "other.safetensors", random_model(lowercase=True))
    others = load_others([str(tmp_path / "other.safetensors")])
    with pytest.raises(SettingError, match=r"other\.safetensors reads texts in another case"):
        check_comparable(model.vocabulary, model.vocabulary.encode(TEXT), others)
