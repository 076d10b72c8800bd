"""Trained networks to text: run the network, sample characters, and decide where the text ends."""
