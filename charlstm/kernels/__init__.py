"""Compiled code for this processor: the LSTM forward, backward and over whole networks."""
