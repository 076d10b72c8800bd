import random

import pytest

from charlstm.analysis import shared_passages
from charlstm.analysis.shared_passages import long_passage_share, shared_share
from charlstm.text.vocabulary import to_code_points


def words(seed: int, count: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefgh", k=rng.randint(2, 8))) for _ in range(count))


def test_a_text_shares_everything_with_itself_and_nothing_with_another():
    assert shared_share([words(1, 2000)], [words(1, 2000)]) == 1
    assert shared_share([words(1, 2000)], [words(2, 2000)]) == 0


def test_half_of_a_text_that_was_put_into_another():
    one, other = words(1, 2000), words(2, 2000)
    mixed = other + one[: len(one) // 2]
    assert shared_share([one], [mixed]) == pytest.approx(0.5, abs=0.01)


def test_line_ends_and_case_of_another_edition_do_not_count():
    text = words(1, 2000)
    other = text.upper().replace(" ", "\n  ")
    assert shared_share([text], [other]) == 1


def test_pieces_may_be_cut_anywhere(monkeypatch):
    monkeypatch.setattr(shared_passages, "MAX_CHUNK", 100)
    text = words(1, 300)
    pieces = [text[start : start + 77] for start in range(0, len(text), 77)]
    assert shared_share([text], pieces) == 1
    assert shared_share(pieces, [text]) == 1


def test_of_a_long_text_some_passages_are_looked_for(monkeypatch):
    monkeypatch.setattr(shared_passages, "MAX_PASSAGES", 500)
    one, other = words(1, 5000), words(2, 5000)
    assert shared_share([one + other], [one]) == pytest.approx(0.5, abs=0.02)


def test_a_text_shorter_than_a_passage_shares_nothing():
    assert shared_share(["short"], [words(1, 100)]) == 0
    assert shared_share([], ["short"]) == 0


def test_long_passages_are_counted_in_characters(monkeypatch):
    one, other = words(1, 2000), words(2, 2000)
    passage = one[500:600]
    held_out = other[:900] + passage + other[900:1000]
    assert long_passage_share([held_out], [one]) == pytest.approx(100 / 1100, abs=0.002)
    assert long_passage_share([held_out[:900] + one[500:545] + other[900:]], [one]) == 0  # too few
    assert long_passage_share([one], [one]) == 1
    assert long_passage_share(["short"], [one]) == 0
    monkeypatch.setattr(shared_passages, "MAX_CHUNK", 70)
    assert long_passage_share([held_out], [one]) == pytest.approx(100 / 1100, abs=0.002)


def test_passages_of_any_length_are_hashed_as_wholes():
    text = words(1, 200)
    for length in (1, 2, 3, 31, 32, 33, 50, 63):
        hashes = shared_passages._hashes(to_code_points(text), length)
        passages = [text[start : start + length] for start in range(len(text) - length + 1)]
        assert len(hashes) == len(passages)
        assert len(set(hashes.tolist())) == len(set(passages))
