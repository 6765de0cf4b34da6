"""Faults of a sensor itself; each is one more finding, never the end of another."""
