"""Reasons of network.* detectors in words. Not here: how they are filled in (words.py)."""

from __future__ import annotations

from collections.abc import Mapping

NETWORK: Mapping[str, tuple[str, str]] = {}
"""Key -> (English, Chinese)."""
