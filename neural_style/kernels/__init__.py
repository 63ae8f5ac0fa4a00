"""Fast layers of VGG for a CPU."""
