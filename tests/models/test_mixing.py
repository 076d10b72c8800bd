"""The order of the pieces, and the part that is held out."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from models.mixing import PIECE, held_out_share, hold_out, interleave, pieces


@given(st.lists(st.text("ab", min_size=1, max_size=200), min_size=1, max_size=60), st.floats(0, 0.2))
def test_held_out_and_rest_are_the_whole(paragraphs, share):
    kept, held = hold_out(paragraphs, share=share)
    start = next((i for i in range(len(paragraphs) + 1) if paragraphs[i : i + len(held)] == held), 0)

    assert sorted(kept + held) == sorted(paragraphs)
    assert paragraphs[start : start + len(held)] == held
    assert sum(len(paragraph) + 2 for paragraph in held) <= share * sum(len(p) + 2 for p in paragraphs) + 202


def test_the_middle_is_held_out():
    assert hold_out(list("abcdefghij"), share=0.2)[1] == ["e", "f"]


def test_small_kinds_hold_out_a_larger_share():
    assert held_out_share(10_000_000) == 0.015
    assert held_out_share(1_100_000) == 0.05
    assert held_out_share(1000) == 0.1


def test_pieces_are_whole_paragraphs():
    paragraphs = ["x" * 1000] * 100
    parts = pieces(paragraphs)

    assert "\n\n".join(parts) == "\n\n".join(paragraphs)
    assert all(PIECE <= len(part) < PIECE + 2000 for part in parts[:-1])


def test_every_work_is_spread_over_the_whole_in_its_own_order():
    works = [[f"{name}{number:03}" for number in range(size)] for name, size in (("a", 300), ("b", 100), ("c", 7))]
    order = interleave(works, seed=1)

    assert sorted(order) == sorted(piece for work in works for piece in work)
    for name, work in zip("abc", works, strict=True):
        places = [place for place, piece in enumerate(order) if piece[0] == name]
        assert [order[place] for place in places] == work
        gaps = [after - before for before, after in itertools.pairwise(places)]
        assert max(gaps) < 2 * len(order) / len(work) + 3


def test_the_seed_gives_the_order():
    works = [[f"{name}{number}" for number in range(9)] for name in "abcdef"]
    assert interleave(works, seed=1) == interleave(works, seed=1) != interleave(works, seed=2)
