"""The settings of a model, of training and of sampling: frozen dataclasses that are validated when they are made.

Each default is written here and nowhere else. An error names the setting by its field.
"""

from dataclasses import asdict, dataclass, fields
from operator import ge, gt, le, lt
from typing import Any, Self, TypeVar

from charlstm.errors import SettingError, shown
from charlstm.json_objects import check_is_object, object_from_json

Config = TypeVar("Config")

MAX_LAYERS = 100
MAX_UNITS = 16_384
MAX_LOOKBACK = 1_024  # outputs or characters that are kept for, or read again at, every step
MAX_STREAMS = 16_384
MAX_SEQUENCE_LENGTH = 16_384
MAX_CHARACTERS_PER_STEP = 1 << 20  # of a training step; activations of all of them are in memory at once
MAX_SHARDS = 1_024
MAX_TEACHERS = 16
MAX_PROBABILITIES = 1 << 29  # that teachers predict, characters times vocabulary; a byte each
MAX_COUNT = 1_000_000  # of other things: a bound that only catches mistakes
MAX_LENGTH = 1_000_000_000  # characters to generate
MAX_SEED = 2**63 - 1
MAX_FACTOR = 1_000  # of sampling: far beyond what changes anything, and far from what overflows
MAX_RATE = 1_000_000_000  # learning rate and limits of gradients: float32 holds it, and its products with gradients
MAX_SECONDS = 1_000_000_000  # thirty years
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("linear", "cosine", "constant")
VALIDATION_SPLITS = ("end", "lines", "blocks")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The architecture of a network; with the size of the vocabulary it determines the shape of every weight."""

    cell: str = "lstm"
    num_layers: int = 2
    units: int = 256
    embedding_dim: int = 64
    attention: int = 0  # earlier outputs that each step attends to; 0: none
    residual: bool = True  # layers after the first add their input to their output
    window: int = 0  # characters before each prediction, from a zero state; 0: the state is carried along the text
    encoding: str = "embedding"  # of characters: a learned vector, or "integer": the id divided by the vocabulary size

    def __post_init__(self) -> None:
        _check_range(self, "num_layers", at_least=1, at_most=MAX_LAYERS)
        _check_range(self, "units", at_least=1, at_most=MAX_UNITS)
        _check_range(self, "embedding_dim", at_least=1, at_most=MAX_UNITS)
        _check_range(self, "attention", at_least=0, at_most=MAX_LOOKBACK)
        _check_range(self, "window", name="the window", at_least=0, at_most=MAX_LOOKBACK, hint="0 for no window")
        _check(
            self.encoding == "embedding" or (self.encoding == "integer" and self.embedding_dim == 1),
            f"the encoding is {shown(self.encoding)} of dimension {self.embedding_dim}",
            "use embedding, or integer of dimension 1",
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Return the config of a JSON object.

        Settings that older files lack have their defaults. Raises SettingError if a setting is unknown, missing, or of
        the wrong type.
        """
        check_is_object(settings)
        added_later = {name: getattr(cls, name) for name in ("attention", "residual", "window", "encoding")}
        return _from_json(cls, added_later | settings)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a network is trained.

    The length of the run is set in epochs, in seconds (`max_time`) or in both: the learning rate warms up, and then
    falls to zero by the end of the run.
    """

    dropout: float = 0.4  # share of each recurrent layer's outputs that is dropped
    recurrent_dropout: float = 0.0  # share of the recurrent weights that is dropped, chosen again at every step
    sequence_length: int = 50  # characters over which the gradient is propagated back
    batch_size: int = 16  # parallel streams
    epochs: float | None = 30.0  # passes over the training text; None if the run is measured in seconds
    max_time: float | None = None  # seconds
    learning_rate: float = 4e-3  # its maximum, after the warm-up
    schedule: str = "linear"  # how the learning rate falls: linear, cosine, or constant
    clip_norm: float = 1.0  # maximum norm of the whole gradient; 0: no limit
    clip_value: float = 0.0  # maximum absolute value of each component of the gradient; 0: no limit
    weight_decay: float = 0.0  # times the learning rate: share of the weights subtracted at every step
    teachers: int = 0  # networks that are trained first, for another one to learn from; 0: one network alone
    calibration: bool = True  # whether the output layer is scaled to the validation text, see training/calibration.py
    validation: float = 0.1  # share of the text kept for validation
    validation_split: str = "end"  # which part: its end, or whole lines or blocks drawn by `split_seed`
    split_seed: int | None = None  # None: `random_seed`
    patience: int = 8  # evaluations without improvement before training stops
    random_seed: int = 0
    precision: str = "float32"  # dtype of the operands of matrix products: float32 or bfloat16
    num_shards: int = 1  # parts of a batch that are computed in parallel, one per core
    evaluate_every: int | None = None  # steps; None: chosen by the length of the run

    def __post_init__(self) -> None:
        _check_range(self, "dropout", at_least=0, below=1)
        _check_range(self, "recurrent_dropout", at_least=0, below=1)
        _check_range(self, "sequence_length", at_least=1, at_most=MAX_SEQUENCE_LENGTH)
        _check_range(self, "batch_size", at_least=1, at_most=MAX_STREAMS)
        _check(
            self.batch_size * self.sequence_length <= MAX_CHARACTERS_PER_STEP,
            f"`batch_size` {self.batch_size:,} times `sequence_length` {self.sequence_length:,} is "
            f"{self.batch_size * self.sequence_length:,}, but it must be at most {MAX_CHARACTERS_PER_STEP:,}",
            "give a smaller `batch_size` or `sequence_length`",
        )
        self._check_length()
        _check_range(self, "learning_rate", above=0, at_most=MAX_RATE)
        _check_choice("the schedule", self.schedule, SCHEDULES, hint="linear is the default")
        _check_range(self, "clip_norm", at_least=0, at_most=MAX_RATE, hint="try `clip_norm` 1; 0 turns clipping off")
        _check_range(self, "clip_value", at_least=0, at_most=MAX_RATE, hint="try `clip_value` 1; 0 turns clipping off")
        _check_range(self, "weight_decay", at_least=0, below=1, hint="try `weight_decay` 0.01")
        hint = "try `teachers` 2, or 0 to learn from the text alone"
        _check_range(self, "teachers", at_least=0, at_most=MAX_TEACHERS, hint=hint)
        _check(self.teachers != 1, "`teachers` is 1, but one network cannot learn from itself", hint)
        _check_range(self, "validation", above=0, below=1)
        _check_choice(
            "`validation_split`", self.validation_split, VALIDATION_SPLITS, hint="blocks are drawn over the whole text"
        )
        _check_range(self, "split_seed", at_least=0, at_most=MAX_SEED, hint="try `split_seed` 0, or leave it out")
        _check_range(self, "patience", at_least=1, at_most=MAX_COUNT)
        _check_choice("`precision`", self.precision, PRECISIONS, hint="leave it out to use the faster one")
        _check_range(self, "num_shards", at_least=1, at_most=MAX_SHARDS, hint="1 always works")
        _check_range(self, "random_seed", at_least=0, at_most=MAX_SEED)
        _check_range(
            self, "evaluate_every", at_least=1, at_most=MAX_LENGTH, hint="try `evaluate_every` 200, or leave it out"
        )

    @property
    def split_random_seed(self) -> int:
        """The random seed that draws the lines or blocks for validation."""
        return self.random_seed if self.split_seed is None else self.split_seed

    def _check_length(self) -> None:
        _check_range(self, "epochs", above=0, at_most=MAX_COUNT, hint="try `epochs` 10")
        _check_range(self, "max_time", above=0, at_most=MAX_SECONDS, hint="try `max_time` 3m")
        _check(
            self.epochs is not None or self.max_time is not None,
            "neither `epochs` nor `max_time` is given",
            "give one of them",
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Return the config of a JSON object.

        Settings that older files lack have the values that training used at that time. Raises SettingError if a
        setting is unknown, missing, or of the wrong type.
        """
        check_is_object(settings)
        names = ("clip_norm", "clip_value", "weight_decay", "teachers", "validation_split", "split_seed")
        added_later = {name: getattr(cls, name) for name in names}
        return _from_json(cls, {"schedule": "cosine", "calibration": False} | added_later | settings)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How characters are sampled. At temperature 0 sampling is greedy: always the most probable character."""

    length: int = 500  # characters to generate
    temperature: float = 0.6
    top_k: int | None = None  # sample from the k most probable characters; None: from all
    top_p: float | None = None  # sample from the most probable characters that together have this probability
    min_p: float | None = None  # leave out characters less probable than this share of the most probable one
    typical: float | None = None  # sample from the most typical characters that together have this probability
    repetition_penalty: float = 1.0  # above 1: characters generated recently become less probable
    repetition_window: int = 64  # characters that count as recent
    random_seed: int = 0

    def __post_init__(self) -> None:
        _check_range(self, "length", at_least=1, at_most=MAX_LENGTH)
        _check_range(
            self,
            "temperature",
            at_least=0,
            at_most=MAX_FACTOR,
            hint="0 always takes the most probable character, 1 samples as the model was trained, above 1 is wilder",
        )
        _check_range(self, "top_k", at_least=1, at_most=MAX_COUNT, hint="try `top_k` 10, or leave it out")
        _check_range(self, "top_p", above=0, at_most=1, hint="try `top_p` 0.9, or leave it out")
        _check_range(self, "min_p", above=0, at_most=1, hint="try `min_p` 0.05, or leave it out")
        _check_range(self, "typical", above=0, at_most=1, hint="try `typical` 0.9, or leave it out")
        _check_range(
            self, "repetition_penalty", at_least=1, at_most=MAX_FACTOR, hint="1 changes nothing, 1.2 is a gentle start"
        )
        _check_range(self, "repetition_window", at_least=1, at_most=MAX_COUNT)
        _check_range(self, "random_seed", at_least=0, at_most=MAX_SEED)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Return the config of a JSON object.

        Raises SettingError if a setting is unknown, missing, or of the wrong type.
        """
        return _from_json(cls, settings)


@dataclass(frozen=True, kw_only=True)
class AdaptationConfig:
    """How a network learns from a text while it reads it, see `analysis/adaptation.py`."""

    adapt_rate: float = 1e-3  # learning rate; 0: the weights stay as they are
    adapt_decay: float = 1e-3  # share of the way back to the trained weights that each update goes; 0: none
    adapt_length: int = 50  # characters that are predicted, then learned in one update

    def __post_init__(self) -> None:
        _check_range(self, "adapt_rate", at_least=0, at_most=1)
        _check_range(self, "adapt_decay", at_least=0, at_most=1)
        _check_range(self, "adapt_length", at_least=1, at_most=MAX_SEQUENCE_LENGTH)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _check(condition: bool, message: str, hint: str) -> None:
    if not condition:
        raise SettingError(message, hint=hint)


def _check_choice(name: str, value: str, choices: tuple[str, ...], *, hint: str) -> None:
    _check(value in choices, f"{name} is {shown(value)}, but it must be one of {', '.join(choices)}", hint)


def _check_range(
    config: object,
    field: str,
    *,
    name: str = "",
    hint: str = "",
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> None:
    """Raise SettingError if a field of a config is out of range or NaN; None, for a setting left out, is in range.

    The hint is the default, if no other is given; `name` is for a field that is no option of its own.
    """
    value = getattr(config, field)
    if value is None:
        return
    bounds = [("at least", ge, at_least), ("above", gt, above), ("at most", le, at_most), ("below", lt, below)]
    expected = [f"{words} {bound:,}" for words, _, bound in bounds if bound is not None]
    _check(
        all(compare(value, bound) for _, compare, bound in bounds if bound is not None),
        f"{name or f'`{field}`'} is {shown(value)}, but it must be {' and '.join(expected)}",
        hint or f"try `{field}` {getattr(type(config), field):g}",
    )


def _from_json(config: type[Config], settings: dict[str, Any]) -> Config:
    """Check the names and types of settings, of which none may be missing, and return the config they make."""
    missing = {field.name for field in fields(config)} - settings.keys()  # type: ignore[arg-type]
    _check(not missing, f"the settings {', '.join(sorted(missing))} are missing", "the file is damaged")
    return object_from_json(config, settings)
