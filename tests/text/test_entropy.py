import numpy as np
import pytest

from charlstm.text.entropy import compressed_bits, entropies


def test_entropies_of_texts_whose_entropies_are_known():
    assert entropies(np.zeros(100, np.uint8)) == [0.0] * 6
    turns = np.tile([0, 1, 2, 3], 2500)
    assert entropies(turns)[0] == pytest.approx(2)
    assert entropies(turns)[1:] == pytest.approx([0] * 5, abs=1e-3)
    chance = np.random.default_rng(0).integers(0, 2, 200_000)
    assert entropies(chance) == pytest.approx([1] * 6, abs=1e-3)


def test_the_order_is_the_number_of_characters_before():
    xor = np.random.default_rng(0).integers(0, 2, 100_000)
    for place in range(2, len(xor)):
        xor[place] = xor[place - 1] ^ xor[place - 2]
    assert entropies(xor)[2] == pytest.approx(0, abs=1e-3)
    assert entropies(xor)[1] > 0.5


def test_a_text_shorter_than_the_orders():
    assert len(entropies(np.array([1, 2]))) == 2


def test_compressors_see_utf8():
    assert compressed_bits("ab" * 5000)["xz"] < 0.5
    noise = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x5E00, 5000)))
    assert all(bits > 12 for bits in compressed_bits(noise).values())
