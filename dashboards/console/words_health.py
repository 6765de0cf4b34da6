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
    "health.negative_drift.sunk": (
        "its zero has sunk[ to {limit} or lower]: readings stay below zero",
        "零点下漂[至 {limit} 或更低]：读数持续低于零",
    ),
    "health.negative_drift.at_zero": ("its zero has not sunk", "零点未下漂"),
    "health.negative_drift.learning": ("not judged: too few readings yet", "未判断：读数尚少"),
    "health.too_fast.jumped": (
        "changed by {change:reading} in {seconds:count} s, faster than the sensor can follow[; {limit} is possible]",
        "{seconds:count} 秒内变化 {change:reading}，超过传感器的响应速度[；最多可能 {limit}]",
    ),
    "health.too_fast.possible": ("changes no faster than the sensor can follow", "变化速度在传感器响应能力之内"),
    "health.too_fast.no_value": ("no usable value", "无可用数值"),
    "health.noisy.noisier": (
        "noisier than declared[: {declared:reading}; limit {limit}]",
        "噪声大于声明值[：{declared:reading}；限值 {limit}]",
    ),
    "health.noisy.as_declared": ("as quiet as declared", "噪声符合声明值"),
    "health.noisy.learning": ("not judged: too few readings yet", "未判断：读数尚少"),
    "health.clock.ahead": ("its clock is ahead by {seconds:span}", "设备时钟快 {seconds:span}"),
    "health.clock.behind": ("its clock is behind by {seconds:span}", "设备时钟慢 {seconds:span}"),
    "health.clock.right": ("its clock is right again", "设备时钟已正确"),
    "health.over_range_latch.over": (
        "over its range[ ({limit})]: not to be believed before a reset in fresh air",
        "超量程[（{limit}）]：在新鲜空气中复位之前读数不可信",
    ),
    "health.over_range_latch.reset": ("reset in fresh air", "已在新鲜空气中复位"),
    "health.over_range_latch.in_range": ("inside its range[ of {limit}]", "在量程[ {limit}]以内"),
    "health.over_range_latch.no_oxygen": (
        "not judged: too little oxygen for a catalytic bead, or oxygen not known",
        "未判断：氧气不足，催化元件无法测量，或氧气未知",
    ),
    "health.over_range_latch.no_value": ("no usable value", "无可用数值"),
    "health.calibration.overdue": (
        "calibration overdue: the last is more than {seconds:span} ago",
        "校准逾期：距上次校准已超过 {seconds:span}",
    ),
    "health.calibration.never": (
        "calibration overdue: none heard of in {seconds:span}",
        "校准逾期：{seconds:span}内没有校准记录",
    ),
    "health.calibration.endless": ("in calibration for more than {seconds:span}", "校准状态已超过 {seconds:span}"),
    "health.calibration.done": ("calibrated[, took {seconds:span}]", "已完成校准[，用时 {seconds:span}]"),
    "health.frozen_network.frozen": (
        "{silent:count} of {members:count} sensors behind it are silent at once[; first {first}]",
        "其下 {members:count} 个传感器中有 {silent:count} 个同时无数据[；最先：{first}]",
    ),
    "health.frozen_network.heard": (
        "{silent:count} of {members:count} sensors behind it are silent",
        "其下 {members:count} 个传感器中有 {silent:count} 个无数据",
    ),
    "health.frozen_network.unknown": (
        "cannot be decided: too many of its sensors are not known",
        "无法判定：状态未知的传感器太多",
    ),
}
"""Key -> (English, Chinese)."""
