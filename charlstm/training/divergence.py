"""Record the loss of each step, and tell when it has diverged."""

import math
from pathlib import Path

from charlstm.errors import TrainingError
from charlstm.figures import plain
from charlstm.training.history import History

MAX_ROLLBACKS = 3  # before a network that keeps diverging is given up
DIVERGENCE_FACTOR = 2.0  # the loss has diverged when its running mean is this many times the first loss
LOSS_SMOOTHING = 0.1  # weight of the newest loss in the running mean


def divergence_threshold(history: History, uniform_nats: float) -> float:
    """Return the running mean of the loss, in nats, above which it has diverged.

    `uniform_nats` is the loss of a network that finds all characters equally probable.
    """
    return DIVERGENCE_FACTOR * max(history.first_nats or 0.0, uniform_nats) + 0.5


def record_loss(
    history: History, nats: float, seconds: float | None, gradient_norm: float, *, uniform_nats: float
) -> bool:
    """Record a step, with its time if that is known; return False if the loss has diverged."""
    history.step += 1
    if history.first_nats is None:
        history.first_nats = history.recent_nats = nats if math.isfinite(nats) else uniform_nats
    history.recent_nats += LOSS_SMOOTHING * (nats - history.recent_nats)
    if not math.isfinite(nats) or history.recent_nats > divergence_threshold(history, uniform_nats):
        return False
    history.interval.add(nats, seconds, gradient_norm)
    return True


def keeps_diverging(history: History) -> bool:
    """Return whether the network that is trained has diverged more often than it may."""
    return history.learning_rate_scale < 0.5**MAX_ROLLBACKS


def describe_rollback(history: History, learning_rate: float) -> str:
    """Return in words what happens after a divergence: training goes on with this rate, or ends."""
    if keeps_diverging(history):
        return f"the loss diverged again, at step {history.step:,}: the training of network {history.network} ends"
    best = history.best_of_network
    origin = f"step {best.step:,}" if best else "the start"
    return (
        f"the loss diverged at step {history.step:,}: continuing from the weights of {origin} with a learning rate of "
        f"{plain(learning_rate, digits=6)}"
    )


def divergence_error(history: History, model: Path, learning_rate: float) -> TrainingError:
    """Return the error of a run that is given up: its best model is in the file `model`."""
    kept = f"; the best model, of step {history.best.step:,}, is kept: {model}" if history.best else ""
    return TrainingError(
        f"training diverged {MAX_ROLLBACKS + 1} times{kept}",
        hint=f"train with a lower `learning_rate`: it was {plain(learning_rate)}",
    )
