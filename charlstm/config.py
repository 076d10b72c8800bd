"""The settings of a model, of a training and of a sampling: frozen, validated, each default written once."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self, TypeVar, get_type_hints

from charlstm.errors import SettingError

Config = TypeVar("Config")

MOST, MOST_LAYERS, MOST_UNITS, MOST_STREAMS = 1_000_000, 100, 16_384, 65_536
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("linear", "cosine", "constant")


def _require(condition: bool, message: str, hint: str) -> None:
    if not condition:
        raise SettingError(message, hint=hint)


def _require_at_least(field: str, value: int, least: int, most: int | None = None) -> None:
    _require(value >= least, f"{field} is {value}, but it must be at least {least}", f"give {field} {least} or more")
    if most is not None:
        _require(value <= most, f"{field} is {value}, but it must be at most {most:,}", f"give {field} {most} or less")


def _from_json(config: type[Config], settings: dict[str, Any]) -> Config:
    types = get_type_hints(config)
    for name, value in settings.items():
        _require(name in types, f"unknown setting {name!r}", "was this file written by a newer charlstm?")
        allowed = types[name] | int if isinstance(0.0, types[name]) else types[name]
        right = isinstance(value, allowed) and isinstance(value, bool) == (types[name] is bool)
        _require(right, f"setting {name!r} is {value!r}", "the file is damaged")
    _require(settings.keys() == types.keys(), "settings are missing", "the file is damaged")
    return config(**settings)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of the network; together with the size of the vocabulary it fixes every weight's shape."""

    cell: str = "lstm"
    num_layers: int = 2
    units: int = 256
    embedding_dim: int = 64
    attention: int = 0  # earlier outputs that every step looks back over; 0: none
    residual: bool = True  # layers after the first add their input to their output
    window: int = 0  # characters that a prediction sees, its state starting from zeros; 0: the state is carried
    encoding: str = "embedding"  # of characters: learned numbers, or "integer": one number, its id over their number

    def __post_init__(self) -> None:
        _require_at_least("`num_layers`", self.num_layers, 1, most=MOST_LAYERS)
        _require_at_least("`units`", self.units, 1, most=MOST_UNITS)
        _require_at_least("`embedding_dim`", self.embedding_dim, 1, most=MOST_UNITS)
        _require_at_least("`attention`", self.attention, 0, most=MOST_STREAMS)
        _require_at_least("the window", self.window, 0, most=MOST_STREAMS)
        _require(
            self.encoding == "embedding" or (self.encoding == "integer" and self.embedding_dim == 1),
            f"the encoding is {self.encoding!r} in {self.embedding_dim} numbers",
            "it must be embedding, or integer in 1",
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Raises SettingError for a setting that is unknown, missing, or not of its type.

        Those that older files do not have are as they were then.
        """
        since = {name: getattr(cls, name) for name in ("attention", "residual", "window", "encoding")}
        return _from_json(cls, since | settings)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a network is trained.

    The run is planned either in epochs or in seconds (`max_time`): the learning rate warms up and then falls to
    zero over the plan.
    """

    dropout: float = 0.4  # share of each recurrent layer's outputs left out
    recurrent_dropout: float = 0.0  # share of the recurrent weights left out, others at every step
    sequence_length: int = 50  # characters that the gradient reaches back
    batch_size: int = 16  # parallel streams
    epochs: float | None = 30.0  # passes over the training text; None when the plan is in seconds
    max_time: float | None = None  # seconds
    learning_rate: float = 4e-3  # the highest, after the warm-up
    schedule: str = "linear"  # how the learning rate falls: linear, cosine, or constant
    clip_norm: float = 1.0  # the gradient's norm over all weights is no larger; 0: it may be
    clip_value: float = 0.0  # no part of the gradient is larger; 0: it may be
    weight_decay: float = 0.0  # of the weights is taken off, times the learning rate, at every step
    validation: float = 0.1  # share at the end of the text kept for validation
    patience: int = 8  # evaluations without improvement before training stops
    random_seed: int = 0
    precision: str = "float32"  # of the matmuls' operands: float32 or bfloat16
    num_shards: int = 1  # parts of a batch that run side by side, one a core
    evaluate_every: int | None = None  # steps; None: about as often as a plan of the length needs

    def __post_init__(self) -> None:
        for field, share in (("`dropout`", self.dropout), ("`recurrent_dropout`", self.recurrent_dropout)):
            _require(0 <= share < 1, f"{field} is {share}, but it must be at least 0 and below 1", f"try {field} 0.2")
        _require_at_least("`sequence_length`", self.sequence_length, 1, most=MOST)
        _require_at_least("`batch_size`", self.batch_size, 1, most=MOST_STREAMS)
        _require(
            self.epochs is None or 0 < self.epochs <= MOST,
            f"`epochs` is {self.epochs}, but it must be above 0 and at most {MOST:,}",
            "try `epochs` 10",
        )
        _require(
            self.max_time is None or 0 < self.max_time < math.inf,
            f"`max_time` is {self.max_time} seconds, but it must be above 0",
            "try `max_time` 3m",
        )
        _require(
            self.epochs is not None or self.max_time is not None,
            "neither `epochs` nor `max_time` is given",
            "give one of them",
        )
        _require(
            0 < self.learning_rate < math.inf,
            f"`learning_rate` is {self.learning_rate}, but it must be above 0",
            "try `learning_rate` 0.004",
        )
        _require(
            self.schedule in SCHEDULES,
            f"the schedule is {self.schedule!r}, but it must be one of {', '.join(SCHEDULES)}",
            "linear is the default",
        )
        for field, value in (("`clip_norm`", self.clip_norm), ("`clip_value`", self.clip_value)):
            _require(
                0 <= value < math.inf,
                f"{field} is {value}, but it must be 0 or more",
                f"try {field} 1; 0 disables clipping",
            )
        _require(
            0 <= self.weight_decay < 1,
            f"`weight_decay` is {self.weight_decay}, but it must be at least 0 and below 1",
            "try `weight_decay` 0.01",
        )
        _require(
            0 < self.validation < 1,
            f"`validation` is {self.validation}, but it must be above 0 and below 1",
            "give the share of the text to keep for validation, 0.1 for a tenth",
        )
        _require_at_least("`patience`", self.patience, 1)
        _require(
            self.precision in PRECISIONS,
            f"`precision` is {self.precision!r}, but it must be one of {', '.join(PRECISIONS)} or auto",
            "leave it out, and the faster one is taken",
        )
        _require_at_least("the number of shards", self.num_shards, 1)
        _require_at_least("`random_seed`", self.random_seed, 0)
        if self.evaluate_every is not None:
            _require_at_least("`evaluate_every`", self.evaluate_every, 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Raises SettingError for a setting that is unknown, missing, or not of its type.

        Those that older files do not have are as they were then.
        """
        since = {name: getattr(cls, name) for name in ("clip_norm", "clip_value", "weight_decay")}
        return _from_json(cls, {"schedule": "cosine"} | since | settings)


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How characters are drawn. A temperature of 0 is greedy: always the most probable character."""

    length: int = 500  # characters to write
    temperature: float = 0.8
    top_k: int | None = None  # draw among the k most probable characters; None: among all
    top_p: float | None = None  # draw among the most probable that make up this share
    min_p: float | None = None  # leave out what has less than this share of the most probable's probability
    typical: float | None = None  # draw among the most typical that make up this share
    repetition_penalty: float = 1.0  # above 1: characters written lately become less probable
    repetition_window: int = 64  # how many characters are lately
    random_seed: int = 0

    def __post_init__(self) -> None:
        _require_at_least("`length`", self.length, 1)
        _require(
            0 <= self.temperature < math.inf,
            f"`temperature` is {self.temperature}, but it must be 0 or more",
            "0 always takes the most probable character, 1 draws as the model was trained, above 1 is wilder",
        )
        if self.top_k is not None:
            _require_at_least("`top_k`", self.top_k, 1)
        shares = (("`top_p`", self.top_p), ("`min_p`", self.min_p), ("`typical`", self.typical))
        for field, share in shares:
            _require(
                share is None or 0 < share <= 1,
                f"{field} is {share}, but it must be above 0 and at most 1",
                f"leave {field} out, or try 0.9 (0.05 for `min_p`)",
            )
        _require(
            1 <= self.repetition_penalty < math.inf,
            f"`repetition_penalty` is {self.repetition_penalty}, but it must be 1 or more",
            "1 changes nothing, 1.2 is a gentle start",
        )
        _require_at_least("`repetition_window`", self.repetition_window, 1)
        _require_at_least("`random_seed`", self.random_seed, 0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Self:
        """Raises SettingError for a setting that is unknown, missing, or not of its type."""
        return _from_json(cls, settings)
