"""Learn the letters of a text with an LSTM, and write on in its style."""

__version__ = "0.1.0"
