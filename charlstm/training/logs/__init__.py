"""Logs of a run for other programs: CSV, TensorBoard, Weights & Biases, Trackio, MLflow."""
