"""Reasons of health.* detectors in words. Not here: how they are filled in (words.py)."""

from __future__ import annotations

from collections.abc import Mapping

HEALTH: Mapping[str, tuple[str, str]] = {
    "health.out_of_range.below": ("below anything its span allows[ ({limit})]", "低于量程允许的范围[（{limit}）]"),
    "health.out_of_range.above": ("above anything its span allows[ ({limit})]", "高于量程允许的范围[（{limit}）]"),
    "health.out_of_range.loop_low": (
        "the loop current signals a failure[: at or below {limit}]",
        "回路电流指示故障[：不高于 {limit}]",
    ),
    "health.out_of_range.loop_high": (
        "the loop current signals a failure[: at or above {limit}]",
        "回路电流指示故障[：不低于 {limit}]",
    ),
    "health.out_of_range.inside": ("inside its range again", "已回到量程以内"),
    "health.out_of_range.no_value": ("no usable value", "无可用数值"),
}
"""Key -> (English, Chinese)."""
