"""The compiled objective, whole and in tiles, and an estimate of its memory and time."""
