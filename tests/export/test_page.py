"""The page as a file: its structure, size and safety, without a browser."""

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from charlstm.errors import SettingError
from charlstm.export.packed_weights import pack_weights
from charlstm.export.page import MAX_CHARACTERS, make_page, page_weights, to_script_json, write_page
from tests.conftest import random_model
from tests.export.pages import script

HOSTILE = (
    "</script><script>alert(1)</script>\"'`${x}&amp;<!--\\\u2028\u2029\u202e\u0000\u001b\t\r\n"
    "\u05d0\u0301\U0001f600 -->[title]"
)


def large_model(**settings):
    """A network of 2x320 with weights that are distributed as those of trained ones: many small, few large."""
    characters = "".join(map(chr, range(32, 112)))
    model = random_model(units=320, embedding_dim=64, characters=characters, scale=0.05, **settings)
    rng = np.random.default_rng(0)
    weights = {name: rng.laplace(scale=0.05, size=array.shape) for name, array in model.weights.items()}
    return replace(model, weights={name: array.astype(np.float32) for name, array in weights.items()})


def unpacked(packed):
    return zlib.decompress(base64.b85decode(packed.text.translate(str.maketrans(",.", "<&"))))


def description_of(page):
    return json.loads(script(page, "description"))


def test_a_page_needs_nothing_else(model):
    page = make_page(model, title="macbeth")
    assert page.startswith("<!doctype html>")
    assert "<title>macbeth</title>" in page
    assert not re.findall(r"https?://|//\w+\.\w+/|@import|<iframe|<link rel=.stylesheet", page)
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "default-src 'none'" in page
    assert "<!--[" not in page


def test_the_text_and_the_size_of_its_letters(model):
    ids = model.vocabulary.encode("to be or not")
    page = make_page(model, ids=ids, font_size=30)
    assert description_of(page)["text"] == "to be or not"
    assert "--text-size: 30px" in page
    assert description_of(make_page(model))["text"] == ""


def test_hostile_texts_alphabets_and_titles_stay_text():
    model = random_model(characters="".join(sorted(set(HOSTILE))))
    page = make_page(model, ids=model.vocabulary.encode(HOSTILE), title=HOSTILE)
    assert description_of(page)["text"] == HOSTILE
    assert description_of(page)["title"] == HOSTILE
    assert page.count("</script>") == 4  # one for each script of the template
    assert "alert(1)<" not in page
    assert page.isprintable() or all(c == "\n" or c.isprintable() for c in page)


def test_json_in_a_script_is_escaped():
    text = "<>&\u2028\u2029\u202e\U0001f600</script>"
    written = to_script_json({"text": text})
    assert written.isascii()
    assert not set("<>&") & set(written)
    assert json.loads(written) == {"text": text}


def test_a_page_at_2x320_stays_below_3_mb():
    page = make_page(large_model(), ids=np.random.default_rng(0).integers(0, 80, 5000))
    assert len(page.encode()) < 3_000_000
    assert min(f for f in (w["format"] for w in description_of(page)["weights"]) if isinstance(f, int)) >= 11


def test_the_largest_cell_at_2x320_stays_below_3_mb():
    assert len(make_page(large_model(cell="grid")).encode()) < 3_000_000


def test_a_network_of_2x320_trained_in_bfloat16_is_packed_exactly():
    model = replace(large_model(), training={"settings": {"precision": "bfloat16"}})
    formats = {weight["format"] for weight in description_of(make_page(model))["weights"]}
    assert formats == {"float32", "bfloat16"}


def test_a_small_network_is_packed_exactly(model):
    packed = pack_weights(page_weights(model), max_characters=1_000_000)
    data = unpacked(packed)
    expected = b"".join(weight.astype("<f4").tobytes() for weight in page_weights(model).values())
    assert data == expected
    assert {weight["format"] for weight in packed.layout} == {"float32"}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35, 0.6])
def test_packed_weights_use_the_bits_that_fit(share):
    rng = np.random.default_rng(0)
    weights = {"kernel": rng.normal(size=(64, 512)).astype(np.float32), "bias": np.ones(512, np.float32)}
    most = int(share * 4 * weights["kernel"].size * 4 / 3)
    packed = pack_weights(weights, max_characters=most)
    assert len(packed.text) <= most or packed.bits == 7
    smaller = pack_weights(weights, max_characters=most // 2)
    assert smaller.bits <= packed.bits


def test_a_matrix_of_bfloat16_stays_exact():
    bits = np.random.default_rng(0).integers(0, 1 << 15, (64, 64)).astype(np.uint32) << 16
    packed = pack_weights({"kernel": bits.view(np.float32)}, max_characters=40_000)
    assert packed.layout == [{"name": "kernel", "shape": [64, 64], "format": "bfloat16"}]


def test_a_column_of_zeros_has_a_scale():
    weights = {"kernel": np.tile(np.arange(40, dtype=np.float32), (300, 1)) / np.float32(3)}
    packed = pack_weights(weights, max_characters=900)
    assert packed.bits < 32
    assert unpacked(packed)


@pytest.mark.parametrize("size", [7, 73])
def test_a_font_size_out_of_range(model, size):
    with pytest.raises(SettingError, match="`font_size`"):
        make_page(model, font_size=size)


def test_a_text_that_is_too_long(model):
    with pytest.raises(SettingError, match="20,000"):
        make_page(model, ids=np.zeros(MAX_CHARACTERS + 1, np.int64))


def test_a_network_on_windows_is_refused():
    with pytest.raises(SettingError, match="windows"):
        make_page(random_model(window=5))


def test_write_page(model, tmp_path):
    write_page(model, tmp_path / "page.html", title="tiny")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == make_page(model, title="tiny")
