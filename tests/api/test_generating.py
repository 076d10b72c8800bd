import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import charlstm
from charlstm.api.settings import GenerationSettings
from charlstm.errors import CorpusError, SettingError, VocabularyError
from charlstm.storage.model_file import save_model
from tests.conftest import random_model

SETTINGS: GenerationSettings = {
    "random_seed": 7,
    "length": 120,
    "temperature": 0.7,
    "top_k": 9,
    "repetition_penalty": 1.2,
}


def test_the_text_is_the_one_that_the_command_writes(run, output_of):
    options = ["--random-seed=7", "--length=120", "--temperature=0.7", "--top-k=9", "--repetition-penalty=1.2"]
    written = output_of("generate", "tiny", "--seed", "the cat", *options)
    assert charlstm.generate("tiny", "the cat", **SETTINGS) == written


def test_a_text_without_a_prompt_starts_like_a_line(run, output_of):
    save_model(run / "model.safetensors", replace(random_model(), training={"openings": ["once", "twice"]}))
    text = charlstm.generate("tiny", random_seed=3, length=20)
    assert text == output_of("generate", "tiny", "--random-seed", 3, "--length", 20)
    assert text.startswith(("once", "twice"))


def test_the_prompt_can_be_left_out(run):
    text = charlstm.generate("tiny", "the cat", **SETTINGS)
    assert "the cat" + charlstm.generate("tiny", "the cat", echo=False, **SETTINGS) == text
    assert len(text) == len("the cat") + 120


def test_a_stream_gives_the_same_text_in_pieces(run):
    pieces = list(charlstm.stream("tiny", "the cat", **SETTINGS))
    assert len(pieces) > 2
    assert "".join(pieces) == charlstm.generate("tiny", "the cat", **SETTINGS)


def test_a_text_stops_where_the_rules_say(run):
    assert charlstm.generate("tiny", "a", lines=2, length=5000, random_seed=1).count("\n") == 2
    with_stop = charlstm.generate("tiny", "a", stop="b", include_stop=True, length=5000, random_seed=1)
    assert with_stop.endswith("b")
    assert charlstm.generate("tiny", "a", stop=["b"], length=5000, random_seed=1) == with_stop[:-1]


def test_without_a_random_seed_texts_differ(run):
    assert charlstm.generate("tiny", "a", length=50) != charlstm.generate("tiny", "a", length=50)


def test_threads_can_share_a_model(run):
    model = charlstm.load("tiny")
    alone = [charlstm.generate(model, "a", length=150, random_seed=seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        together = threads.map(lambda seed: charlstm.generate(model, "a", length=150, random_seed=seed), range(8))
        assert list(together) == alone


def test_several_models_do_not_disturb_each_other(run):
    save_model(run / "other.safetensors", random_model(num_layers=1, units=6))
    one, other = charlstm.load("tiny"), charlstm.load(run / "other.safetensors")
    before = charlstm.generate(one, "a", **SETTINGS)
    pieces = zip(charlstm.stream(one, "a", **SETTINGS), charlstm.stream(other, "a", **SETTINGS), strict=True)
    assert "".join(piece for piece, _ in pieces) == before
    assert charlstm.generate(other, "a", **SETTINGS) != before


def test_scalars_of_numpy_are_accepted(run):
    settings: dict[str, Any] = {"length": np.int64(30), "temperature": np.float32(0.5), "random_seed": np.uint8(3)}
    text = charlstm.generate("tiny", "a", **settings)
    assert text == charlstm.generate("tiny", "a", length=30, temperature=0.5, random_seed=3)


def test_unknown_characters_are_replaced_with_a_warning(run, caplog):
    with caplog.at_level(logging.WARNING, logger="charlstm"):
        assert charlstm.generate("tiny", "é", length=1).startswith("é")
    assert "'é' with 'e'" in caplog.text
    with pytest.raises(VocabularyError, match="é"):
        charlstm.generate("tiny", "é", unknown="error")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"temprature": 1}, "no setting `temprature`", "did you mean `temperature`?"),
        ({"length": "3"}, "`length` is '3', but it must be of type int", "convert it to int"),
        ({"length": 0}, "`length` is 0, but it must be at least 1", "try `length`"),
        ({"temperature": True}, "`temperature` is True, but it must be of type float", "float"),
        ({"temperature": -1.0}, "`temperature` is -1.0", "wilder"),
        ({"top_p": 2}, "`top_p` is 2.0, but it must be above 0 and at most 1", "try `top_p`"),
        ({"stop": 5}, "`stop` is 5, but it must be of type str or Sequence", ""),
        ({"stop": [5]}, "`stop` is \\[5\\]", "list of texts"),
        ({"max_time": "soon"}, "`max_time`: 'soon' is not a duration", "5m"),
        ({"random_seed": -1}, "`random_seed` is -1", ""),
        ({"prompt": 5}, "`prompt` is 5, but it must be of type str", ""),
        ({"unknown": "guess"}, "`unknown` is 'guess'", "nearest"),
    ],
)
@pytest.mark.parametrize("function", [charlstm.generate, charlstm.stream])
def test_errors_name_the_argument_and_come_at_once(run, function, settings, message, hint):
    with pytest.raises(SettingError, match=message) as caught:
        function("tiny", **settings)
    assert hint in caught.value.hint
    assert "--" not in f"{caught.value} {caught.value.hint}"


@pytest.fixture
def output_of(charlstm):
    """Run a command that must succeed, and return its stdout."""

    def run(*arguments):
        code, out, err = charlstm(*arguments)
        assert code == 0, err
        return out

    return run


def test_clamps_fix_units(run):
    free, clamped = (
        charlstm.generate("tiny", "once", length=60, random_seed=1, clamp=one) for one in (None, {(2, 3): 5})
    )
    assert free != clamped
    with pytest.raises(SettingError, match="there is no layer 3"):
        charlstm.generate("tiny", clamp={(3, 1): 1.0})
    wrongs: list[Any] = [{"2:3": 1.0}, {(2, 3): "on"}, [(2, 3)], {(2, 3): float("nan")}]
    for wrong in wrongs:
        with pytest.raises(SettingError, match="`clamp` is"):
            charlstm.generate("tiny", clamp=wrong)


@pytest.mark.tensorflow
def test_a_text_that_was_learned_gives_the_text_of_the_command(run, output_of):
    (run / "cats.txt").write_text("the cat sat on the mat\n" * 40)
    settings: GenerationSettings = {"random_seed": 1, "length": 60, "adapt_rate": 0.03}
    before = charlstm.generate("tiny", "the ", random_seed=1, length=60)
    learned = charlstm.generate("tiny", "the ", adapt=run / "cats.txt", **settings)
    options = ("--adapt", run / "cats.txt", "--adapt-rate", 0.03, "--length", 60, "--random-seed", 1)
    assert learned == output_of("generate", "tiny", "--seed", "the ", *options)
    assert learned != before
    model = charlstm.load("tiny")
    assert learned == "".join(charlstm.stream(model, "the ", adapt=[run / "cats.txt"], **settings))
    assert charlstm.generate(model, "the ", random_seed=1, length=60) == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"adapt_length": 9}, SettingError, "`adapt_length` has no effect without `adapt`"),
        ({"adapt": 5}, SettingError, "`adapt` is of type int"),
        ({"adapt": "the cat\nsat"}, SettingError, "`adapt` has a text where a path must be"),
        ({"adapt": "missing.txt"}, CorpusError, "there is no text 'missing.txt'"),
        ({"adapt": [], "adapt_rate": -1}, SettingError, "`adapt_rate` is -1.0"),
    ],
)
def test_learning_what_is_no_text_is_refused(run, arguments, error, message):
    with pytest.raises(error, match=message):
        charlstm.generate("tiny", "a", **arguments)
