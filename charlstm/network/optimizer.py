"""Adam, with one TensorFlow operation per variable."""

from typing import Any

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Optimizer):
    """Adam (Kingma and Ba 2015, in the order of computation of its section 2) as one operation per variable.

    Clipping and weight decay are those of Keras. Its variables are the iteration count, the learning rate and, for
    each trained variable, the first and the second moment, as in keras.optimizers.Adam: checkpoints name them by their
    index, so the order must not change.
    """

    def __init__(
        self,
        *,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(learning_rate, global_clipnorm=global_clipnorm, weight_decay=weight_decay)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._moments: dict[Any, tuple[Any, Any]] = {}  # first and second, by the reference of the trained variable

    def build(self, variables: list[keras.Variable]) -> None:
        """Create the moments of these variables, all of them zero."""
        super().build(variables)
        for variable in variables:
            first = self.add_variable_from_reference(variable, name="momentum")
            second = self.add_variable_from_reference(variable, name="velocity")
            self._moments[variable.value.ref()] = first, second

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Update one variable and its moments; Keras calls this for each of them."""
        first_moment, second_moment = self._moments[variable.ref()]
        iteration = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first_moment.value.handle,
            v=second_moment.value.handle,
            beta1_power=self.beta_1**iteration,
            beta2_power=self.beta_2**iteration,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )
