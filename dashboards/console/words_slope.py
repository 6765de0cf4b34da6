"""Reasons of slope.* detectors, but velocity's and most of inverse_velocity's (words.py), in words."""

from __future__ import annotations

from collections.abc import Mapping

SLOPE: Mapping[str, tuple[str, str]] = {
    "slope.inverse_velocity.new_trend": (
        "accelerating, but not as before: the forecast begins anew",
        "加速变形，但趋势已改变：重新预测",
    ),
}
"""Key -> (English, Chinese)."""
