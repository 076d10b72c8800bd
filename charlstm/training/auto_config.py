"""Settings that choose themselves: from the size of the text, the time, and the speed of the machine.

The rules were fitted to runs on two cores, see docs/decisions.md. They are few and monotone, so that they hold from a
text of 10 KB to one of 100 MB: the network grows with the training it can get, but no further than its text can feed
it; dropout grows with the number of times the text is read.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

from charlstm.cells.shapes import num_parameters
from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import SettingError

PRESETS: dict[str, dict[str, Any]] = {
    "small": {
        "num_layers": 1,
        "units": 256,
        "dropout": 0.1,
        "recurrent_dropout": 0.0,
        "batch_size": 32,
        "learning_rate": 8e-3,
    },
    "medium": {
        "num_layers": 2,
        "units": 384,
        "dropout": 0.2,
        "recurrent_dropout": 0.15,
        "batch_size": 32,
        "learning_rate": 8e-3,
    },
    "large": {
        "num_layers": 2,
        "units": 640,
        "dropout": 0.4,
        "recurrent_dropout": 0.35,
        "batch_size": 32,
        "learning_rate": 5e-3,
    },
    "tutorial": {
        "num_layers": 2,
        "units": 300,
        "embedding_dim": 1,
        "encoding": "integer",
        "window": 50,
        "residual": False,
        "sequence_length": 50,
        "dropout": 0.2,
        "recurrent_dropout": 0.0,
        "batch_size": 30,
        "learning_rate": 1e-3,
        "clip_norm": 0.0,
        "schedule": "constant",
    },
}
TUTORIAL = "tutorial"  # the preset of a well-known tutorial; its text is in lower case
UNIT_CHOICES = (64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1024)  # units to choose from
NUM_LAYERS, EMBEDDING_DIM, SEQUENCE_LENGTH = 2, 64, 64
REFERENCE_UNITS = 256  # the speed of the machine is measured with so many
SPEED_EXPONENT = 0.4  # arithmetic a second grows with units to this power: larger matmuls run better
HIGHEST_RATE, RATE_UNITS = 8e-3, 512  # the learning rate, and from how many units on it falls with their root
FASTEST = 500_000  # characters a second: a step has costs of its own, however small the network
NARROWEST_SHARD = 8  # streams
NARROW_BATCH = 0.8  # of the measured speed is what the few streams of a small text reach
SMALL_TEXT, LONG_TRAINING = 300_000, 16_000_000  # characters
MANY_READINGS, WIDER = 20, 1.2  # so often read, a text can feed a network so much larger
MOST_READINGS = 40  # from here on dropout goes a little higher
CHARACTERS_PER_PARAMETER = 2.4  # to train with, before a larger network is the better use of the time


@dataclass(frozen=True)
class AutoConfigInputs:
    """What settings are chosen for."""

    num_characters: int  # to train on
    vocabulary_size: int
    num_cores: int
    speed: float | None  # floating-point operations a second in training, with REFERENCE_UNITS; None: not measured


def choose(situation: AutoConfigInputs, given: dict[str, Any]) -> dict[str, Any]:
    """All settings of model and training: those given are kept, the others chosen.

    `given` holds them by the names of ModelConfig and TrainingConfig, without those that are not given. A run that is
    given neither epochs nor a time gets a number of epochs.
    """
    fixed = {"num_layers": NUM_LAYERS, "embedding_dim": EMBEDDING_DIM, "sequence_length": SEQUENCE_LENGTH}
    settings = {**fixed, "epochs": None, "max_time": None, **given}
    if settings.get("window"):
        settings["sequence_length"] = settings["window"]
    if "units" not in settings:
        settings["units"] = _units(situation, settings)
    characters = expected_training_characters(situation, settings)
    epochs = characters / situation.num_characters
    if settings["epochs"] is None and settings["max_time"] is None:
        settings["epochs"] = float(f"{epochs:.2g}")
    chosen = {
        "dropout": _dropout(epochs),
        "recurrent_dropout": _recurrent_dropout(epochs, settings["units"]),
        "batch_size": max(_streams(situation.num_characters, characters), 8 * situation.num_cores),
        "learning_rate": float(f"{HIGHEST_RATE * min(1.0, math.sqrt(RATE_UNITS / settings['units'])):.2g}"),
    }
    chosen |= settings
    chosen.setdefault("num_shards", num_shards_for(int(chosen["batch_size"]), situation.num_cores))
    return chosen


def needs_speed(given: dict[str, Any]) -> bool:
    """Whether a choice hangs on how fast the machine is."""
    chosen = {"units", "dropout", "recurrent_dropout", "batch_size"}
    return given.get("epochs") is None and not (given.keys() >= chosen | {"max_time"})


def num_shards_for(batch_size: int, num_cores: int) -> int:
    """Parts of a batch to run side by side: one a core, unless they would get too narrow to be quick."""
    return max(1, min(num_cores, batch_size // NARROWEST_SHARD))


def preset_settings(name: str | None) -> dict[str, Any]:
    """The settings of a preset; none without a name. Raises SettingError for one that there is not."""
    if name is None:
        return {}
    if name not in PRESETS:
        raise SettingError(f"there is no preset {name!r}", hint=f"presets are: {', '.join(PRESETS)}")
    return dict(PRESETS[name])


def make_configs(settings: dict[str, Any]) -> tuple[ModelConfig, TrainingConfig]:
    """The two configs that settings belong to; raises SettingError for a value out of range."""
    model = model_settings(settings)
    training = {name: value for name, value in settings.items() if name not in model}
    return ModelConfig(**model), TrainingConfig(**training)


def describe(settings: dict[str, Any], given: dict[str, Any], situation: AutoConfigInputs) -> str:
    """One line: the settings, and why those that were not given are as they are."""
    epochs, max_time = settings["epochs"], settings["max_time"]
    lengths = [f"{epochs:g} epochs" if epochs else "", f"{max_time:g} seconds" if max_time else ""]
    cell = settings.get("cell", ModelConfig.cell)
    line = "" if cell == ModelConfig.cell else f"{cell} "
    line += (
        f"{settings['num_layers']}x{settings['units']} units, dropout {settings['dropout']:g} and recurrent "
        f"{settings['recurrent_dropout']:g}, batches of {settings['batch_size']}x{settings['sequence_length']}, "
        f"learning rate {settings['learning_rate']:g}, {' or '.join(filter(None, lengths))}"
    )
    if given.keys() >= {"units", "dropout", "recurrent_dropout", "batch_size", "learning_rate"}:
        return line
    readings = expected_training_characters(situation, settings) / situation.num_characters
    time = max_time if max_time or epochs == given.get("epochs") else default_time(situation.num_characters)
    why = f": chosen for {situation.num_characters:,} characters, read about {readings:.2g} times"
    return line + why + (f" in {time:,.0f} seconds on this machine" if time and situation.speed else "")


def expected_training_characters(situation: AutoConfigInputs, settings: dict[str, Any]) -> float:
    """How many characters a run is expected to train with: by its epochs, its time, or the time its text is worth."""
    max_time: float | None = settings["max_time"]
    epochs: float | None = settings["epochs"]
    if situation.speed is None:
        return epochs * situation.num_characters if epochs else math.inf
    units = settings["units"]
    speed: float = situation.speed * (units / REFERENCE_UNITS) ** SPEED_EXPONENT
    a_second = min(FASTEST, speed / operations_per_character(situation.vocabulary_size, settings))
    if situation.num_characters < SMALL_TEXT:
        a_second *= NARROW_BATCH
    a_second /= settings.get("window") or 1  # read for each that is foretold
    if max_time is None and epochs is None:
        max_time = default_time(situation.num_characters)
    by_time = math.inf if max_time is None else max_time * a_second
    by_epochs = math.inf if epochs is None else epochs * situation.num_characters
    return min(by_time, by_epochs)


def default_time(num_characters: int) -> float:
    """Seconds that a text is worth if nothing is said: one minute for 10 KB, ten times as much for 10 MB."""
    seconds: float = 60.0 * (num_characters / 10_000) ** (1 / 3)
    return min(1800.0, max(60.0, seconds))


def model_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings that are a model's."""
    of_model = {field.name for field in fields(ModelConfig)}
    return {name: value for name, value in settings.items() if name in of_model}


def num_weights(vocabulary_size: int, settings: dict[str, Any]) -> int:
    """Weights of a network with these settings."""
    return num_parameters(ModelConfig(**model_settings(settings)), vocabulary_size)


def operations_per_character(vocabulary_size: int, settings: dict[str, Any]) -> float:
    """Floating-point operations to train with one character: two a weight forward, four backward."""
    return 6.0 * num_weights(vocabulary_size, settings)


def _units(situation: AutoConfigInputs, settings: dict[str, Any]) -> int:
    """The largest network that gets enough characters for its parameters, and that its text can feed."""
    best = UNIT_CHOICES[0]
    for units in UNIT_CHOICES:
        candidate = {**settings, "units": units}
        size = num_weights(situation.vocabulary_size, candidate)
        characters = expected_training_characters(situation, candidate)
        largest = 1_000_000 * (situation.num_characters / 50_000) ** 0.5
        if situation.num_characters >= SMALL_TEXT and characters >= MANY_READINGS * situation.num_characters:
            largest *= WIDER
        if characters >= CHARACTERS_PER_PARAMETER * size and size <= max(largest, 1.0):
            best = units
    return best


def _streams(num_characters: int, characters: float) -> int:
    """Few for a small text, which needs many steps; more in a long training, where wide matmuls are quicker."""
    if num_characters < SMALL_TEXT:
        return 16
    return 64 if characters >= LONG_TRAINING else 32


def _dropout(epochs: float) -> float:
    """A tenth when the text is read four times, 0.15 more with every doubling, at most 0.4, or a little above."""
    most = 0.4 if epochs < MOST_READINGS else 0.45
    return _share(0.1 + 0.15 * math.log2(epochs / 4), least=0.1 if epochs > 1 else 0.0, most=most)


def _recurrent_dropout(epochs: float, units: int) -> float:
    """None up to five readings of the text, then 0.116 with every doubling at 320 units, more with more."""
    return _share(0.116 * (units / 320) ** 0.5 * math.log2(epochs / 5), least=0.0, most=0.5)


def _share(value: float, *, least: float, most: float) -> float:
    return round(min(most, max(least, value)), 2)
