"""Measure a model or its text: loss, copying from the training text, and gradient flow."""
