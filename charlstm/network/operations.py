"""What a cell's equations need, in TensorFlow: as they stand, remembering what they gave, or recalling it."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Tensor = Any


class UnitsFirstOps:
    """What a cell needs, in TensorFlow, with units on the first axis."""

    def squash(self, x: Tensor, kind: str) -> Tensor:
        return {"s": tf.sigmoid, "t": tf.tanh}[kind](x)

    def activate(self, x: Tensor, kinds: str) -> Sequence[Tensor]:
        if len(set(kinds)) == 1:
            return self.split(self.squash(x, kinds[0]), [1] * len(kinds))
        return [self.squash(part, kind) for kind, part in zip(kinds, self.split(x, [1] * len(kinds)), strict=True)]

    def tanh(self, x: Tensor) -> Tensor:
        return self.squash(x, "t")

    def split(self, x: Tensor, shares: Sequence[int]) -> Sequence[Tensor]:
        if len(shares) == 1:
            return [x]
        if len(set(shares)) == 1:
            return list(tf.split(x, len(shares), axis=0))
        return list(tf.split(x, [share * (x.shape[0] // sum(shares)) for share in shares], axis=0))

    def concat(self, parts: Sequence[Tensor]) -> Tensor:
        return tf.concat(parts, axis=0)

    def is_zero(self, x: Tensor) -> Tensor:
        return tf.cast(tf.equal(x, 0), tf.float32)


class RecordingOps(UnitsFirstOps):
    """The same, and what every squashing gave, in order."""

    def __init__(self) -> None:
        self.squashed: list[Tensor] = []

    def squash(self, x: Tensor, kind: str) -> Tensor:
        self.squashed.append(super().squash(x, kind))
        return self.squashed[-1]


class ReplayOps(UnitsFirstOps):
    """The same, where it is known what every squashing gives; gradients can be taken all the same."""

    def __init__(self, squashed: Sequence[Tensor]) -> None:
        self._squashed = iter(squashed)

    def squash(self, x: Tensor, kind: str) -> Tensor:
        result = next(self._squashed)
        slope = {"s": tf.raw_ops.SigmoidGrad, "t": tf.raw_ops.TanhGrad}[kind]
        return known(result, lambda d_result: slope(y=result, dy=d_result))(x)


def known(result: Tensor, gradient: Callable[[Tensor], Tensor]) -> Any:
    """A function whose result is known, and whose gradient is the one that is given."""

    @tf.custom_gradient
    def function(_: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return tf.identity(result), gradient

    return function
