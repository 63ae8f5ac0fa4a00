"""The feature model, its networks and their weights."""
