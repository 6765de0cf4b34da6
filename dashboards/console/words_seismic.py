"""Reasons of seismic.* detectors in words. Not here: how they are filled in (words.py)."""

from __future__ import annotations

from collections.abc import Mapping

SEISMIC: Mapping[str, tuple[str, str]] = {
    "seismic.ppv.above": (
        "ground vibration at or above {limit}, its limit[ at {frequency:count} Hz]",
        "振动速度达到或超过[ {frequency:count} Hz 时的]限值 {limit}",
    ),
    "seismic.ppv.below": ("ground vibration below its limits for a whole window", "整个时间窗内振动速度低于限值"),
    "seismic.ppv.clipped": (
        "not judged: the channel stood at full scale, the peak may be higher",
        "未判断：通道达到满量程，实际峰值可能更高",
    ),
    "seismic.ppv.gap": ("not judged: samples are missing", "未判断：波形缺失"),
    "seismic.ppv.no_value": ("no usable samples", "无可用波形"),
}
"""Key -> (English, Chinese)."""
