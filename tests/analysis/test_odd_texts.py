import itertools
import math
from dataclasses import replace

import pytest

from charlstm.analysis.odd_texts import Passage, load_scorers, passages_of, score_passages
from charlstm.errors import SettingError, VocabularyError
from charlstm.storage.model_file import save_model
from charlstm.text.given_text import load_given_text
from tests.analysis.plain_network import plain_losses
from tests.conftest import letter_model, random_model


def bits(model, text):
    return plain_losses(model, model.vocabulary.encode(text)).sum() / math.log(2)


def lines_of(text):
    return passages_of([load_given_text(text)], per_line=True)


def test_lines_are_those_that_are_not_blank():
    lines = lines_of("ann\n\n  \nbob\ncid")
    assert [(line.line, line.text) for line in lines] == [(1, "ann"), (4, "bob"), (5, "cid")]


def test_a_line_is_read_by_itself_and_predicts_its_end(model):
    scored = score_passages([model], lines_of("ann\nbartholomew\nq\n"))
    assert {one.passage.line for one in scored} == {1, 2, 3}
    for one in scored:
        text = one.passage.text
        assert one.num_characters == len(text) + 1
        assert one.bits == [pytest.approx(bits(model, f"\n{text}\n"), abs=1e-3)]
    assert [one.oddness for one in scored] == sorted((one.oddness for one in scored), reverse=True)


def test_a_file_is_read_from_the_start_of_a_line(model):
    (one,) = score_passages([model], [Passage("file", "ann\nbob\n")])
    assert one.num_characters == 8
    assert one.bits[0] == pytest.approx(bits(model, "\nann\nbob\n"), abs=1e-3)


def test_the_probabilities_of_all_lines_sum_to_one():
    """Of two letters, lines of up to 10 hold nearly all of them."""
    model = letter_model({"a": 2, "b": 1, "\n": 3})
    lines = [Passage("x", "".join(x), 1) for n in range(11) for x in itertools.product("ab", repeat=n)]
    total = sum(2 ** -one.bits[0] for one in score_passages([model], lines))
    assert total == pytest.approx(1 - 0.5**11, abs=1e-6)


def test_the_likeliest_model_wrote_it():
    models = [letter_model({"a": 8, "b": 1, "\n": 1}), letter_model({"a": 1, "b": 8, "\n": 1})]
    scored = {one.passage.text: one for one in score_passages(models, lines_of("aaab\nbbb\nab"))}
    assert scored["aaab"].likeliest == 0
    assert scored["aaab"].log_likelihood_ratio == pytest.approx(2 * 3)  # bits: 3 for each a more
    assert scored["bbb"].likeliest == 1
    assert scored["ab"].log_likelihood_ratio == pytest.approx(0, abs=1e-5)


def test_only_characters_that_all_models_know_are_scored():
    models = [letter_model({"a": 2, "b": 1, "\n": 1}), letter_model({"a": 1, "c": 1, "\n": 1})]
    (one,) = score_passages(models, [Passage("x", "abcaXX", 1)])
    assert (one.num_characters, one.num_left_out) == (3, 4)
    assert one.bits == pytest.approx([4, 3 * math.log2(3)], abs=1e-5)


def test_what_no_model_knows_is_the_oddest(model):
    passages = [Passage("x", "abc"), Passage("x", "\u6f22"), Passage("x", "\u6f22", 1)]
    odd, odd_line, even = score_passages([model], passages)
    assert (odd.passage, odd.bits_per_character, odd.num_characters) == (passages[1], None, 0)
    assert (odd_line.passage, odd_line.num_characters) == (passages[2], 1)
    assert odd.likeliest is None
    assert even.bits_per_character is not None


def test_policies_for_unknown_characters(model):
    (one,) = score_passages([model], [Passage("x", "Caf\u00e9", 1)], unknown="nearest")
    assert (one.num_characters, one.num_left_out) == (5, 0)
    assert one.bits[0] == pytest.approx(bits(model, "\ncafe\n"), abs=1e-3)
    with pytest.raises(VocabularyError, match="does not know"):
        score_passages([model], [Passage("x", "Caf\u00e9", 1)], unknown="error")
    with pytest.raises(SettingError, match="`unknown` is nearest, but several"):
        score_passages([model, model], [Passage("x", "abc")], unknown="nearest")


def test_a_model_without_a_normal_form_reads_the_spelling_that_it_knows():
    model = random_model(characters="cafe\u0301\n")
    model = replace(model, vocabulary=replace(model.vocabulary, normalize="none"))
    (one,) = score_passages([model], [Passage("x", "caf\u00e9", 1)], unknown="error")
    assert (one.num_characters, one.num_left_out) == (6, 0)


def test_a_model_without_line_ends_scores_lines_too():
    model = random_model(characters="abc")
    (one,) = score_passages([model], [Passage("x", "abca", 1)], unknown="error")
    assert (one.num_characters, one.num_left_out) == (3, 0)
    assert one.bits[0] == pytest.approx(bits(model, "abca"), abs=1e-3)


def test_models_are_named_by_their_runs(run, model):
    other = run.parent / "other"
    other.mkdir()
    save_model(other / "model.safetensors", model)
    assert [scorer.name for scorer in load_scorers(["tiny", "other"])] == ["tiny", "other"]
    with pytest.raises(SettingError, match="the same model twice"):
        load_scorers(["tiny", "runs/tiny"])
    save_model(other / "model.safetensors", random_model(lowercase=True))
    with pytest.raises(SettingError, match="other reads texts in another case"):
        load_scorers(["tiny", "other"])
