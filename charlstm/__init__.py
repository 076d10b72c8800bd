"""Train a character-level LSTM on a text and generate more in its style."""

__version__ = "0.1.0"
