"""Slope movement and time of failure."""
