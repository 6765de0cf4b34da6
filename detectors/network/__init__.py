"""Findings over several sensors or rules."""
