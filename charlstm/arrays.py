"""The array types that packages pass to each other."""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer]  # character ids, in the smallest unsigned type that holds the vocabulary
FloatArray = npt.NDArray[np.float32]  # weights, states, activations
Logits = npt.NDArray[np.floating]  # (..., vocabulary), unnormalized log-probabilities
