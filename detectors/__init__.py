"""Detectors: decide what is wrong, and what that means. No clock, no network, no disk."""
