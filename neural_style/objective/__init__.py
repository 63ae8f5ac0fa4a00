"""The compiled objective, whole and in tiles, and an estimate of what it needs."""
