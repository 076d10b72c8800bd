"""The files that a run leaves on disk: model files, checkpoints, run folders and their locks."""
