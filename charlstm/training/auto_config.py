"""Choose settings from the size of the text, the available time and the speed of the machine.

The rules were fitted to runs on two cores, see docs/decisions/recipe.md. They are few and monotone, so that they hold
for a text of 10 KB as well as for one of 100 MB: the network grows with the characters it can be trained on, but no
further than its text allows; dropout grows with the number of epochs, less in a network far smaller than that.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import num_parameters
from charlstm.config import MAX_COUNT, ModelConfig, TrainingConfig
from charlstm.training.schedule import STUDENT_TIME, network_ends
from charlstm.training.teacher_checks import reason_against_teachers

Settings = dict[str, Any]  # by the names of ModelConfig and TrainingConfig

DEFAULT_NUM_LAYERS, DEFAULT_EMBEDDING_DIM, DEFAULT_SEQUENCE_LENGTH = 2, 64, 64
UNIT_CHOICES = (64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1024)
CHARACTERS_PER_PARAMETER = 2.4  # to train on, before a larger network is the better use of the time
SEVERAL_EPOCHS, CHARACTERS_OF_SEVERAL_EPOCHS = 3.5, 2.0  # from this many epochs on fewer per parameter: rereading
# teaches less than new text
SMALL_TEXT, LONG_RUN = 300_000, 16_000_000  # characters
MANY_EPOCHS, MANY_EPOCHS_SIZE_FACTOR = 20, 1.2  # from this many epochs on the text allows a network this much larger
HIGH_DROPOUT_EPOCHS = 40  # from this many epochs on the limit of dropout is a little higher
TEACHERS = ((5, 2.0), (3, 1.0), (2, 1.0))  # how many, and how many times what its network needs each can read
MIN_STUDENT_TIME = 15.0  # seconds: before it learns, its teachers are compiled to generate, and its graph is built
MAX_SHARE_PREDICTED = 0.5  # of the probabilities that can be kept: for the text; the rest is for what teachers generate
SMALL_NETWORK = 0.2  # of the size that the text allows; a smaller network overfits less, and needs less dropout
SMALL_NETWORK_EXPONENT = 0.4  # dropout falls with this power of the size below that

MAX_LEARNING_RATE, LEARNING_RATE_UNITS = 8e-3, 512  # above this width the rate falls with the square root of the width

BATCH_SIZE_PER_CORE = 8
MIN_STEPS_PER_EPOCH = 64  # a batch that is widened for many cores leaves at least this many steps
MIN_WIDE_BATCH_SIZE = 32  # but is not limited below this, the batch of four cores
MIN_SHARD_SIZE = 8  # rows of a batch

REFERENCE_UNITS = 256  # width of the network that the throughput is measured with
THROUGHPUT_EXPONENT = 0.4  # throughput grows with this power of the width: larger matmuls are more efficient
MAX_CHARACTERS_PER_SECOND = 500_000  # each step has a fixed cost, however small the network
SMALL_BATCH_EFFICIENCY = 0.8  # fraction of the measured throughput that the small batches of a small text reach


@dataclass(frozen=True)
class DropoutRule:
    """How dropout grows with the number of times that a text is read."""

    epochs: float  # from which on it is more than the least
    growth: float  # with every doubling
    recurrent_epochs: float
    recurrent_growth: float  # at 320 units; wider networks get more

    def dropout(self, epochs: float) -> float:
        """Return 0.1 or more, up to 0.4 or a little above; nothing for a text that is not read a second time."""
        most = 0.4 if epochs < HIGH_DROPOUT_EPOCHS else 0.45
        return _rounded(
            0.1 + self.growth * math.log2(epochs / self.epochs), least=0.1 if epochs > 1 else 0.0, most=most
        )

    def recurrent_dropout(self, epochs: float, units: int) -> float:
        """Return 0 or more, up to 0.5."""
        growth = self.recurrent_growth * (units / 320) ** 0.5
        return _rounded(growth * math.log2(epochs / self.recurrent_epochs), least=0.0, most=0.5)


NEW_NETWORK = DropoutRule(epochs=3.0, growth=0.08, recurrent_epochs=8.0, recurrent_growth=0.15)


@dataclass(frozen=True)
class AutoConfigInputs:
    """The text and the machine that settings are chosen for."""

    num_characters: int  # of the training text
    vocabulary_size: int
    num_cores: int
    throughput: float | None  # floating-point operations per second, see measure_throughput; None: not measured
    num_workers: int = 1  # machines that share the work
    num_members: int = 1  # networks that are trained one after the other, and share the default time
    may_have_teachers: bool = False  # whether several networks may be trained for another one to learn from

    def for_workers(self, num_workers: int) -> "AutoConfigInputs":
        """Return the inputs for this many machines, each like the one that was measured."""
        throughput = None if self.throughput is None else num_workers * self.throughput
        num_cores = num_workers * self.num_cores
        return replace(self, num_cores=num_cores, throughput=throughput, num_workers=num_workers)


def choose_settings(
    inputs: AutoConfigInputs, overrides: Settings, *, dropout_rule: DropoutRule = NEW_NETWORK
) -> Settings:
    """Return all settings of model and training: the overrides, and a choice for each of the others.

    A run with neither `epochs` nor `max_time` among its overrides gets a number of epochs.
    """
    defaults = {
        "num_layers": DEFAULT_NUM_LAYERS,
        "embedding_dim": DEFAULT_EMBEDDING_DIM,
        "sequence_length": DEFAULT_SEQUENCE_LENGTH,
    }
    fixed = {**defaults, "epochs": None, "max_time": None, "teachers": 0, **overrides}
    if fixed.get("window"):
        fixed["sequence_length"] = fixed["window"]
    if inputs.may_have_teachers and "teachers" not in overrides:
        fixed["teachers"] = _choose_teachers(inputs, fixed)
    if "units" not in fixed:
        fixed["units"] = _choose_units(inputs, fixed)
    all_characters = expected_training_characters(inputs, fixed)
    if fixed["epochs"] is None and fixed["max_time"] is None:
        fixed["epochs"] = min(float(f"{all_characters / inputs.num_characters:.2g}"), MAX_COUNT)
    characters = all_characters * network_ends(fixed["teachers"])[0]  # for the first network
    epochs = characters / inputs.num_characters
    share = _dropout_share(inputs, fixed)
    has_recurrent_dropout = get_cell(fixed.get("cell", ModelConfig.cell)).may_have_recurrent_dropout
    recurrent_dropout = dropout_rule.recurrent_dropout(epochs, fixed["units"]) if has_recurrent_dropout else 0.0
    settings = {
        "dropout": round(share * dropout_rule.dropout(epochs), 2),
        "recurrent_dropout": round(share * recurrent_dropout, 2),
        "batch_size": _choose_batch_size(inputs, fixed["sequence_length"], characters),
        "learning_rate": _choose_learning_rate(fixed["units"]),
        **fixed,
    }
    num_shards = num_shards_for(int(settings["batch_size"]), inputs.num_cores)
    settings.setdefault("num_shards", -(-num_shards // inputs.num_workers) * inputs.num_workers)  # as many for each
    return settings


def needs_throughput(overrides: Settings, *, may_have_teachers: bool = False) -> bool:
    """Return whether the choice of a setting depends on the speed of the machine."""
    depends_on_it = {"units", "dropout", "recurrent_dropout", "batch_size"}
    if overrides.get("epochs") is None:
        depends_on_it |= {"max_time", "teachers"} if may_have_teachers else {"max_time"}
    elif overrides.get("max_time") is None:
        return False
    return not overrides.keys() >= depends_on_it


def num_shards_for(batch_size: int, num_cores: int) -> int:
    """Return how many shards of a batch run in parallel: one per core, but none too small to be efficient."""
    return max(1, min(num_cores, batch_size // MIN_SHARD_SIZE))


def make_configs(settings: Settings) -> tuple[ModelConfig, TrainingConfig]:
    """Split settings into the two configs; raises SettingError for a value out of range."""
    of_model = model_settings(settings)
    of_training = {name: value for name, value in settings.items() if name not in of_model}
    return ModelConfig(**of_model), TrainingConfig(**of_training)


def expected_training_characters(inputs: AutoConfigInputs, settings: Settings) -> float:
    """Return how many characters a run will train on: limited by its epochs and its time, or by the default time.

    Infinite if only a time is set and the throughput is unknown.
    """
    max_time: float | None = settings["max_time"]
    epochs: float | None = settings["epochs"]
    if inputs.throughput is None:
        return epochs * inputs.num_characters if epochs else math.inf
    if max_time is None and epochs is None:
        max_time = default_max_time(inputs.num_characters) / inputs.num_members
    by_time = math.inf if max_time is None else max_time * _characters_per_second(inputs, settings, inputs.throughput)
    by_epochs = math.inf if epochs is None else epochs * inputs.num_characters
    return min(by_time, by_epochs)


def default_max_time(num_characters: int) -> float:
    """Return the seconds to train on a text for by default: one minute for 10 KB, ten times as long for 10 MB."""
    seconds: float = 60.0 * (num_characters / 10_000) ** (1 / 3)
    return min(1800.0, max(60.0, seconds))


def model_settings(settings: Settings) -> Settings:
    """Return the settings that belong to ModelConfig."""
    names = {field.name for field in fields(ModelConfig)}
    return {name: value for name, value in settings.items() if name in names}


def count_parameters(settings: Settings, vocabulary_size: int) -> int:
    """Return the number of parameters of a network with these settings."""
    return num_parameters(ModelConfig(**model_settings(settings)), vocabulary_size)


def operations_per_character(vocabulary_size: int, settings: Settings) -> float:
    """Return the floating-point operations to train on one character: per parameter two forward, four backward."""
    return 6.0 * count_parameters(settings, vocabulary_size)


def _characters_per_second(inputs: AutoConfigInputs, settings: Settings, throughput: float) -> float:
    throughput *= (settings["units"] / REFERENCE_UNITS) ** THROUGHPUT_EXPONENT
    speed = min(MAX_CHARACTERS_PER_SECOND, throughput / operations_per_character(inputs.vocabulary_size, settings))
    if inputs.num_characters < SMALL_TEXT:
        speed *= SMALL_BATCH_EFFICIENCY
    return speed / (settings.get("window") or 1)  # a window reads all its characters to predict one


def _choose_units(inputs: AutoConfigInputs, settings: Settings) -> int:
    """Return the width of the largest network that the text allows and that trains on enough characters."""
    best, share = UNIT_CHOICES[0], network_ends(settings["teachers"])[0]
    for units in UNIT_CHOICES:
        candidate = {**settings, "units": units}
        size = count_parameters(candidate, inputs.vocabulary_size)
        characters = share * expected_training_characters(inputs, candidate)
        max_size = _allowed_size(inputs)
        if inputs.num_characters >= SMALL_TEXT and characters >= MANY_EPOCHS * inputs.num_characters:
            max_size *= MANY_EPOCHS_SIZE_FACTOR
        is_read_often = characters >= SEVERAL_EPOCHS * inputs.num_characters
        needed = CHARACTERS_OF_SEVERAL_EPOCHS if is_read_often else CHARACTERS_PER_PARAMETER
        if characters >= needed * size and size <= max(max_size, 1.0):
            best = units
    return best


def _choose_teachers(inputs: AutoConfigInputs, settings: Settings) -> int:
    """Return how many teachers a run has: as many as have the time for the largest network that the text allows.

    Where the number of epochs is fixed, all of them are for one network.
    """
    if inputs.throughput is None or settings["epochs"] is not None:
        return 0
    max_time = settings["max_time"] or default_max_time(inputs.num_characters)
    if STUDENT_TIME * max_time < MIN_STUDENT_TIME:
        return 0
    num_probabilities = inputs.num_characters * inputs.vocabulary_size
    if reason_against_teachers(settings, round(num_probabilities / MAX_SHARE_PREDICTED)):
        return 0
    for count, amount in TEACHERS:
        teacher = {**settings, "teachers": count}
        teacher = {"units": _choose_units(inputs, teacher), **teacher}
        size = count_parameters(teacher, inputs.vocabulary_size)
        characters = network_ends(count)[0] * expected_training_characters(inputs, teacher)
        needed = max(CHARACTERS_OF_SEVERAL_EPOCHS * size, SEVERAL_EPOCHS * inputs.num_characters)
        if characters >= amount * needed and teacher["units"] >= _largest_allowed(inputs, settings):
            return count
    return 0


def _largest_allowed(inputs: AutoConfigInputs, settings: Settings) -> int:
    """Return the width of the largest network that the text allows if it is trained for less than MANY_EPOCHS."""
    sizes = {units: count_parameters({**settings, "units": units}, inputs.vocabulary_size) for units in UNIT_CHOICES}
    return max((units for units, size in sizes.items() if size <= _allowed_size(inputs)), default=UNIT_CHOICES[0])


def _allowed_size(inputs: AutoConfigInputs) -> float:
    """Return how many parameters a network may have that is trained on the text for less than MANY_EPOCHS."""
    return 1_000_000 * math.sqrt(inputs.num_characters / 50_000)


def _dropout_share(inputs: AutoConfigInputs, settings: Settings) -> float:
    """Return the share of the usual dropout that suits a network of this size.

    It is 1 unless the network is small: because the user fixed it, or because the time is too short for a larger one.
    """
    size = count_parameters(settings, inputs.vocabulary_size) / _allowed_size(inputs)
    return min(1.0, math.pow(size / SMALL_NETWORK, SMALL_NETWORK_EXPONENT))


def _choose_batch_size(inputs: AutoConfigInputs, sequence_length: int, characters: float) -> int:
    """Return a batch size that suits the text and the run, or a larger one that keeps all cores busy.

    A small text needs many steps; in a long run the larger matmuls pay off.
    """
    long_text = 64 if characters >= LONG_RUN else 32
    suitable = 16 if inputs.num_characters < SMALL_TEXT else long_text
    most = max(MIN_WIDE_BATCH_SIZE, inputs.num_characters // (MIN_STEPS_PER_EPOCH * sequence_length))
    return max(suitable, min(BATCH_SIZE_PER_CORE * inputs.num_cores, most))


def _choose_learning_rate(units: int) -> float:
    return float(f"{MAX_LEARNING_RATE * min(1.0, math.sqrt(LEARNING_RATE_UNITS / units)):.2g}")


def _rounded(value: float, *, least: float, most: float) -> float:
    return round(min(most, max(least, value)), 2)
