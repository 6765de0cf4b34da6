"""Reasons of slope.* detectors, but velocity's and most of inverse_velocity's (words.py), in words."""

from __future__ import annotations

from collections.abc import Mapping

SLOPE: Mapping[str, tuple[str, str]] = {
    "slope.inverse_velocity.new_trend": (
        "accelerating, but not as before: the forecast begins anew",
        "加速变形，但趋势已改变：重新预测",
    ),
    "slope.acceleration.accelerates": (
        "accelerating: lately {short:reading}, before {long:reading} on average",
        "正在加速：近期平均速度 {short:reading}，较长期平均 {long:reading}",
    ),
    "slope.acceleration.crossing": ("no acceleration beyond noise", "无超出噪声的加速"),
    "slope.acceleration.steady": ("moving without acceleration", "位移无加速"),
    "slope.acceleration.below_floor": ("not judged: movement hidden in noise", "未判断：位移被噪声掩盖"),
    "slope.acceleration.learning": ("not judged: too few velocities yet", "未判断：速度数据尚少"),
}
"""Key -> (English, Chinese)."""
