"""The array types that packages hand to each other."""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer]  # characters as integers, in the smallest unsigned type that holds the vocabulary
FloatArray = npt.NDArray[np.float32]  # weights, states, activations
Logits = npt.NDArray[np.floating]  # (..., vocabulary)
