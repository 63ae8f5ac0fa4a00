"""VGG's layers, fast on a CPU."""
