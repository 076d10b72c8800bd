"""Check a checkpoint before its arrays are read: it may be damaged, or come from a stranger."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from charlstm.cells.registry import get_cell
from charlstm.cells.shapes import state_sizes, weight_shapes
from charlstm.config import MAX_PROBABILITIES, MAX_SECONDS, ModelConfig, TrainingConfig
from charlstm.errors import CharLSTMError, RunError, TensorFileError, shown
from charlstm.json_objects import describe_type, has_type, object_from_json
from charlstm.storage.model_file import MAX_COUNT, MAX_NATS, MAX_WEIGHT_BYTES, check_weights
from charlstm.storage.run_origin import RunOrigin
from charlstm.storage.tensor_file import Arrays, TensorFile
from charlstm.text.decoding_options import DecodingOptions
from charlstm.text.parts import Parts
from charlstm.text.vocabulary import POLICIES, Vocabulary
from charlstm.training.calibration import MAX_LOGIT_SCALE, MIN_LOGIT_SCALE
from charlstm.training.history import Evaluation, History
from charlstm.training.logs.registry import LOGS
from charlstm.training.snapshots import BEST_PREFIX, network_prefixes

MAX_BYTES = 5 * MAX_WEIGHT_BYTES  # of all arrays: weights, best weights, two moments of each, and the states
MAX_STEPS = 2**31 - 1  # steps are counted in 32 bits
MAX_FIGURE = 1e40  # of sums and speeds: far from what overflows
MIN_SCALE = 1e-6  # of the learning rate
MAX_SAMPLE = 10_000  # characters
MAX_PATH = 4096  # bytes
MAX_ENVIRONMENT = 200  # characters of the name of a processor or a version
TEXT_TYPES = {
    "name": str,
    "sources": list[str],
    "reading": dict,
    "unknown": str,
    "characters": int,
    "sha256": str,
}
OPTIONAL_TEXT_TYPES = {"keeps_rare": bool}  # which earlier versions did not write

ArrayTypes = dict[str, tuple[str, tuple[int, ...]]]  # dtype and shape by name


def read_checked_arrays(file: TensorFile) -> Arrays:
    """Return the arrays of a checkpoint that a run can be resumed from.

    All of the metadata, and the types and shapes of the arrays, are checked before an array is read. The best weights
    must be numbers; the current ones may be NaN, because a run goes back to the best ones when its loss diverges.
    Raises TensorFileError.
    """
    metadata = file.metadata
    try:
        vocabulary = object_from_json(Vocabulary, metadata["vocabulary"])
        model_config = ModelConfig.from_json(metadata["model"])
        config = TrainingConfig.from_json(metadata["training"])
        get_cell(model_config.cell)  # raises SettingError for an unknown cell
        _check_window(model_config, config)
        _check_text(metadata["text"])
        history = History.from_json(metadata["history"])
        _check_history(history)
        _check_figure("network", history.network, least=1, most=config.teachers + 1)
        room = MAX_PROBABILITIES // len(vocabulary)
        num_taught = 1 if history.num_taught is None else history.num_taught
        _check_figure("num_taught", num_taught, least=1, most=room)
        _check_figure("num_generated", history.num_generated, most=room - num_taught)
        is_student = history.network > config.teachers > 0
        if is_student and min(history.evaluated_networks, default=history.network) > config.teachers:
            raise RunError("it has a student, but no teacher that was evaluated")
        _check_environment(metadata["environment"])
        _check_origin(metadata.get("origin"))
    except (CharLSTMError, TypeError) as error:
        raise TensorFileError(f"{file.path} is not a checkpoint that charlstm wrote: {error}") from error
    networks = network_prefixes(history.network if config.teachers else 0)
    max_bytes = MAX_BYTES + len(networks) * MAX_WEIGHT_BYTES
    if file.num_bytes > max_bytes:
        raise TensorFileError(f"{file.path} holds {file.num_bytes:,} bytes, but at most {max_bytes:,} can be read")
    file.check_arrays(expected_arrays(model_config, config, len(vocabulary), networks))
    arrays = file.read()
    for prefix, may_be_nan in ((BEST_PREFIX, False), ("weights/", True), *((prefix, False) for prefix in networks)):
        weights = {name: array for name, array in arrays.items() if name.startswith(prefix)}
        check_weights(file.path, weights, may_be_nan=may_be_nan)
    return arrays


def _check_window(model_config: ModelConfig, config: TrainingConfig) -> None:
    if model_config.window and config.sequence_length != model_config.window:
        raise RunError(f"its sequences are {config.sequence_length} long, but its windows {model_config.window}")


def _check_text(text: Any) -> None:
    """Raise a CharLSTMError unless this describes where a text is and how it is read."""
    if not isinstance(text, dict) or not text.keys() >= TEXT_TYPES.keys():
        raise RunError("it does not describe its text")
    for key, expected in (TEXT_TYPES | OPTIONAL_TEXT_TYPES).items():
        if key in text and not has_type(text[key], expected):
            raise RunError(f"{key!r} of its text is {shown(text[key])}, but it must be {describe_type(expected)}")
    object_from_json(DecodingOptions, text["reading"])
    if text["unknown"] not in POLICIES:
        raise RunError(f"its policy for unknown characters is {shown(text['unknown'])}")
    if not text["sources"] or not all(_is_path(source) for source in text["sources"]):
        raise RunError(f"the sources of its text are {shown(text['sources'])}, but they must be paths")
    _check_figure("characters", text["characters"], most=MAX_COUNT)
    if parts := Parts.from_json(text.get("parts")):
        for part in parts.by_name.values():
            if not all(map(_is_path, part.sources)):
                raise RunError(f"the sources of its parts are {shown(part.sources)}, but they must be paths")


def _is_path(source: str) -> bool:
    """Return whether the system could open a file of this name."""
    try:
        return 0 < len(os.fsencode(source)) <= MAX_PATH and "\0" not in source
    except UnicodeEncodeError:
        return False


def _check_history(history: History) -> None:
    """Raise RunError if a figure is out of range."""
    for name in ("step", "evaluations_since_best"):
        _check_figure(name, getattr(history, name), most=MAX_STEPS)
    _check_figure("network_step", history.network_step, most=history.step)
    for name in ("seconds", "evaluation_cost"):
        _check_figure(name, getattr(history, name), most=MAX_SECONDS)
    _check_figure("network_seconds", history.network_seconds, most=history.seconds)
    _check_figure("first_nats", history.first_nats or 0, least=-1, most=MAX_NATS)
    _check_figure("recent_nats", history.recent_nats, least=-1, most=MAX_NATS)
    _check_figure("learning_rate_scale", history.learning_rate_scale, least=MIN_SCALE, most=1)
    _check_figure("logit_scale", history.logit_scale, least=MIN_LOGIT_SCALE, most=MAX_LOGIT_SCALE)
    _check_figure("timed_steps", history.interval.timed_steps, most=MAX_STEPS)
    _check_figure("steps", history.interval.steps, most=MAX_STEPS)
    _check_figure("nats", history.interval.nats, least=-MAX_STEPS, most=MAX_FIGURE)
    _check_figure("seconds", history.interval.seconds, most=MAX_SECONDS)
    _check_figure("gradient_norms", history.interval.gradient_norms or 0, most=sys.float_info.max)
    for evaluation in history.evaluations:
        _check_evaluation(evaluation, history)


def _check_evaluation(evaluation: Evaluation, history: History) -> None:
    _check_figure("step", evaluation.step, most=history.step)
    _check_figure("network", evaluation.network, least=1, most=history.network)
    _check_figure("seconds", evaluation.seconds, most=MAX_SECONDS)
    for name in ("epoch", "characters_per_second", "learning_rate"):
        _check_figure(name, getattr(evaluation, name), most=MAX_FIGURE)
    _check_figure("gradient_norm", evaluation.gradient_norm or 0, most=sys.float_info.max)
    _check_figure("logit_scale", evaluation.logit_scale, least=MIN_LOGIT_SCALE, most=MAX_LOGIT_SCALE)
    _check_figure("train_nats", evaluation.train_nats, least=-1, most=MAX_NATS)
    scores = evaluation.validation
    _check_figure("characters", scores.characters, least=1, most=MAX_COUNT)
    _check_figure("correct", scores.correct, most=scores.characters)
    _check_figure("nats", scores.nats, least=-scores.characters, most=MAX_FIGURE)
    if len(evaluation.sample) > MAX_SAMPLE:
        raise RunError(f"a sample has {len(evaluation.sample):,} characters, but it may have {MAX_SAMPLE:,}")


def _check_figure(name: str, value: float, *, least: float = 0, most: float) -> None:
    if not least <= value <= most:
        raise RunError(f"its {name.replace('_', ' ')} is {shown(value)}, but it must be from {least:g} to {most:g}")


def _check_environment(environment: Any) -> None:
    """Raise RunError unless this names versions and the like, which are shown if they have changed."""
    if not isinstance(environment, dict) or not all(_is_short(value) for value in environment.values()):
        raise RunError(f"the environment that it was made in is {shown(environment)}")


def _check_origin(origin: Any) -> None:
    """Raise RunError unless this says how a run was started; earlier versions did not."""
    if origin is not None:
        known = object_from_json(RunOrigin, origin)
        _check_figure("min_count", known.min_count, least=1, most=MAX_COUNT)
        _check_environment(known.environment)
        if not re.fullmatch(r"([0-9a-f]{12})?", known.run_id):
            raise RunError(f"its run id is {shown(known.run_id)}, but it must be 12 hexadecimal digits")
        if unknown := set(known.logs) - LOGS.keys():
            raise RunError(f"it writes the log {shown(min(unknown))}, which this version does not know")


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ENVIRONMENT


def expected_arrays(
    model_config: ModelConfig, config: TrainingConfig, vocabulary_size: int, networks: Sequence[str] = ()
) -> ArrayTypes:
    """Return the dtypes and shapes of the arrays in a checkpoint, as `make_checkpoint` joins them.

    `networks` are the prefixes of the weights of the networks of a run with teachers. The states are (units, streams).
    The optimizer has a count of steps, a learning rate, and two moments of each trained weight.
    """
    weights = weight_shapes(model_config, vocabulary_size)
    arrays: ArrayTypes = {}
    for name, shape in weights.items():
        arrays |= {prefix + name: ("F32", shape) for prefix in ("weights/", BEST_PREFIX, *networks)}
    for layer in range(model_config.num_layers):
        for index, size in enumerate(state_sizes(model_config, layer)):
            arrays[f"states/{layer}/{index}"] = ("F32", (size, config.batch_size))
    if model_config.attention:
        size = model_config.attention * model_config.units
        arrays[f"states/{model_config.num_layers}/0"] = ("F32", (size, config.batch_size))
    moments = [shape for name, shape in weights.items() if _is_trained(name, model_config) for _ in range(2)]
    optimizer = [("I64", ()), ("F32", ()), *(("F32", shape) for shape in moments)]
    return arrays | {f"optimizer/{index}": array for index, array in enumerate(optimizer)}


def _is_trained(name: str, config: ModelConfig) -> bool:
    if name == "embedding":
        return config.encoding == "embedding"
    return get_cell(config.cell).is_trainable or not name.startswith("layers.")
