"""Train a network: choose settings, run the loop, keep its history, and resume it exactly."""
