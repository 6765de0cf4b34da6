"""Level, state and change of a single signal."""
