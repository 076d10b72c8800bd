import numpy as np
import pytest

from charlstm.text.entropy import compressed_bits, conditional_entropies


def test_texts_of_known_entropy():
    assert conditional_entropies(np.zeros(100, np.uint8)) == [0.0] * 6
    cycle = np.tile([0, 1, 2, 3], 2500)
    assert conditional_entropies(cycle)[0] == pytest.approx(2)
    assert conditional_entropies(cycle)[1:] == pytest.approx([0] * 5, abs=1e-3)
    random_bits = np.random.default_rng(0).integers(0, 2, 200_000)
    assert conditional_entropies(random_bits) == pytest.approx([1] * 6, abs=1e-3)


def test_order_is_the_number_of_known_characters():
    xor = np.random.default_rng(0).integers(0, 2, 100_000)
    for index in range(2, len(xor)):
        xor[index] = xor[index - 1] ^ xor[index - 2]
    assert conditional_entropies(xor)[2] == pytest.approx(0, abs=1e-3)
    assert conditional_entropies(xor)[1] > 0.5


def test_text_shorter_than_the_highest_order():
    assert len(conditional_entropies(np.array([1, 2]))) == 2


def test_compressors_get_utf8():
    assert compressed_bits("ab" * 5000)["xz"] < 0.5
    noise = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x5E00, 5000)))
    assert all(bits > 12 for bits in compressed_bits(noise).values())
