"""Check what a file predicts, in its own runtime, against the model that it was made of, before it is kept."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from charlstm.arrays import FloatArray, Ids
from charlstm.errors import ExportError
from charlstm.generation.stepper import Stepper
from charlstm.storage.model_file import Model

NUM_CHARACTERS = 1000
TOLERANCE = 1e-5  # nats, of each log-probability
ROUNDING = 20  # times the rounding errors of our own float32 are allowed, where these are larger
SLACK = 1.02  # times half a step of a rounded weight is allowed: the step has itself been rounded to float32
SMALLEST = 2.0**-25  # half the smallest step of a float16
HINT = "nothing is written; export another format, and report this"

ReadIds = Callable[[Ids], FloatArray]  # ids (characters,), from zero states -> logits (characters, vocabulary)


def check_predictions(model: Model, read: ReadIds, *, what: str) -> None:
    """Raise ExportError unless `read` predicts every character as the model does in float32, within TOLERANCE.

    A network with large random weights multiplies rounding errors at each step. It is held to what float32 can do:
    errors of ours against float64 until then, which are far below those of a wrong weight at the first characters.
    """
    ids = np.random.default_rng(0).integers(0, len(model.vocabulary), NUM_CHARACTERS)
    model = in_float32(model)
    ours = log_probabilities(read_in_float32(model, ids))
    errors = np.abs(log_probabilities(read(ids)) - ours).max(axis=1)
    if not (errors <= TOLERANCE).all():  # NaN compares as false
        allowed = np.maximum.accumulate(np.abs(_in_float64(model, ids) - ours).max(axis=1)) * ROUNDING
        if not (errors <= np.maximum(allowed, TOLERANCE)).all():
            raise ExportError(
                f"{what} would not predict what the model does: log-probabilities differ by {errors.max():.2g}",
                hint=HINT,
            )


def check_rounding(
    weights: Mapping[str, FloatArray], rounded: Mapping[str, FloatArray], bits: Mapping[str, int], *, what: str
) -> None:
    """Raise ExportError unless weights have been kept, or rounded to the nearest of the numbers that bits allow.

    The matrices in `bits` may differ by half a step. A step is the largest magnitude in the row or the column of a
    weight, divided by the largest integer of so many bits, one of which is the sign.
    """
    for name, weight in weights.items():
        errors = np.abs(rounded[name].astype(np.float64) - weight)
        allowed: FloatArray | float = 0.0
        if name in bits:
            magnitudes = np.abs(weight)
            largest = np.maximum(magnitudes.max(axis=0), magnitudes.max(axis=1, keepdims=True))
            allowed = np.maximum(SLACK * largest / (2 ** bits[name] - 2), SMALLEST)
        if not (errors <= allowed).all():  # NaN compares as false
            raise ExportError(f"{what} would have other weights: {name} differs by {errors.max():.2g}", hint=HINT)


def read_in_float32(model: Model, ids: Ids) -> FloatArray:
    """Return our own logits after each id, from zero states; operands of products are not rounded."""
    stepper = Stepper(in_float32(model))
    logits: FloatArray = stepper.read(ids[None], stepper.initial_states(1))[0][0]
    return logits


def in_float32(model: Model) -> Model:
    """Return a model that computes in float32, as other libraries do: operands of products are not rounded."""
    settings = {name: value for name, value in model.training.get("settings", {}).items() if name != "precision"}
    return dataclasses.replace(model, training=model.training | {"settings": settings})


def log_probabilities(logits: FloatArray) -> FloatArray:
    """Return ln p in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _in_float64(model: Model, ids: Ids) -> FloatArray:
    weights: dict[str, Any] = {name: weight.astype(np.float64) for name, weight in model.weights.items()}
    stepper = Stepper(dataclasses.replace(model, weights=weights))
    states, rows = stepper.initial_states(1), []
    for one in ids:
        logits, states = stepper.step(np.array([one]), states)
        rows.append(logits[0])
    return log_probabilities(np.stack(rows))
