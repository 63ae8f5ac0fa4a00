"""A run from start to end: rounds, scales, results, checkpoints, resuming."""
