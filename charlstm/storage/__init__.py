"""What a run leaves on disk: model files, checkpoints, run folders, and the lock on them."""
