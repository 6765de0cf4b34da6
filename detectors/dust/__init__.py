"""Dust: health and explosion."""
