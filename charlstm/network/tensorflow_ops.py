"""The operations of a cell in TensorFlow: plain, recording their activations, or replaying recorded ones.

The loop forward records; the loop backward replays, so that it computes no sigmoid or tanh again.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from tensorflow import Tensor

from charlstm.cells.equations import Activation

ApplyActivation = Callable[[Activation, Tensor], Tensor]


def apply_activation(activation: Activation, x: Tensor) -> Tensor:
    return tf.sigmoid(x) if activation == "sigmoid" else tf.tanh(x)


class UnitsFirstOps:
    """The operations of a cell on arrays (units, batch); `apply` computes every sigmoid and tanh."""

    def __init__(self, apply: ApplyActivation = apply_activation) -> None:
        self._apply = apply

    def activate(self, x: Tensor, activations: Sequence[Activation]) -> Sequence[Tensor]:
        equal_parts = [1] * len(activations)
        if len(set(activations)) == 1:  # one operation instead of one per part
            return self.split(self._apply(activations[0], x), equal_parts)
        parts = self.split(x, equal_parts)
        return [self._apply(activation, part) for activation, part in zip(activations, parts, strict=True)]

    def sigmoid(self, x: Tensor) -> Tensor:
        return self._apply("sigmoid", x)

    def tanh(self, x: Tensor) -> Tensor:
        return self._apply("tanh", x)

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        if len(sizes) == 1:
            return [x]
        if len(set(sizes)) == 1:
            return list(tf.split(x, len(sizes), axis=0))
        return list(tf.split(x, [size * (x.shape[0] // sum(sizes)) for size in sizes], axis=0))

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        return tf.concat(parts, axis=0)

    def is_zero(self, x: Tensor) -> Tensor:
        return tf.cast(tf.equal(x, 0), tf.float32)


def recording_ops(activations: list[Tensor]) -> UnitsFirstOps:
    """Return operations that append the result of every sigmoid and tanh to `activations`."""

    def apply(activation: Activation, x: Tensor) -> Tensor:
        activations.append(apply_activation(activation, x))
        return activations[-1]

    return UnitsFirstOps(apply)


def replaying_ops(activations: Sequence[Tensor]) -> UnitsFirstOps:
    """Return operations with the recorded result of every sigmoid and tanh; gradients flow through them."""
    results = iter(activations)

    def apply(activation: Activation, x: Tensor) -> Tensor:
        result = next(results)
        derivative = tf.raw_ops.SigmoidGrad if activation == "sigmoid" else tf.raw_ops.TanhGrad
        return replay(x, result, lambda d_result: derivative(y=result, dy=d_result))

    return UnitsFirstOps(apply)


def replay(x: Tensor, result: Tensor, gradient: Callable[[Tensor], Tensor]) -> Tensor:
    """Return `result` as a function of x whose gradient is `gradient`, without computing it."""

    @tf.custom_gradient
    def function(_: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return tf.identity(result), gradient

    return function(x)
