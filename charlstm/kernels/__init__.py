"""Compiled code for this processor: the LSTM forward, backward and over whole networks."""


def is_supported(precision: str = "float32") -> bool:
    """Return whether compiled code runs on this processor in this precision."""
    from charlstm.kernels.jit import HAS_BF16

    return precision != "bfloat16" or HAS_BF16
