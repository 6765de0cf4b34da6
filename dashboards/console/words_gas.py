"""Reasons of the gas family in words (see words.py)."""

from __future__ import annotations

from collections.abc import Mapping

GAS: Mapping[str, tuple[str, str]] = {
    "gas.twa.above": (
        "shift average[ over {hours:count} h] at or above {limit}[; at least {lower:reading}][, {coverage:%} covered]",
        "[{hours:count} 小时]班次平均值达到或高于 {limit}[；至少 {lower:reading}][，覆盖 {coverage:%}]",
    ),
    "gas.twa.below": (
        "shift average[ over {hours:count} h] below {limit}",
        "[{hours:count} 小时]班次平均值低于 {limit}",
    ),
    "gas.twa.low_coverage": (
        "too few readings for a shift average[: {coverage:%} covered]",
        "数据不足，无法判断班次平均值[：覆盖 {coverage:%}]",
    ),
    "gas.twa.clipped": (
        "readings beyond the span: the shift average has no upper bound",
        "读数超出量程：班次平均值没有上界",
    ),
    "gas.stel.above": (
        "short-term average[ over {minutes:count} min] at or above {limit}[, {coverage:%} covered]",
        "[{minutes:count} 分钟]短时间平均值达到或高于 {limit}[，覆盖 {coverage:%}]",
    ),
    "gas.stel.excursions": (
        "short-term excursion too many or too soon[: {excursions:count} in the shift]",
        "短时间超限次数过多或间隔过短[：本班 {excursions:count} 次]",
    ),
    "gas.stel.below": (
        "short-term average[ over {minutes:count} min] below {limit}",
        "[{minutes:count} 分钟]短时间平均值低于 {limit}",
    ),
    "gas.stel.low_coverage": (
        "too few readings for a short-term average[: {coverage:%} covered]",
        "数据不足，无法判断短时间平均值[：覆盖 {coverage:%}]",
    ),
    "gas.stel.clipped": (
        "readings beyond the span: the short-term average has no upper bound",
        "读数超出量程：短时间平均值没有上界",
    ),
    "gas.ceiling.above": ("at or above the ceiling[ of {limit}]", "达到或高于最高容许浓度[ {limit}]"),
    "gas.ceiling.below": ("below the ceiling[ of {limit}]", "低于最高容许浓度[ {limit}]"),
    "gas.ceiling.no_value": ("no usable value", "无可用数值"),
    "gas.oxygen.deficient": ("too little oxygen[: at or below {limit}]", "氧气不足[：达到或低于 {limit}]"),
    "gas.oxygen.enriched": ("too much oxygen[: at or above {limit}]", "氧气过量[：达到或高于 {limit}]"),
    "gas.oxygen.normal": ("oxygen within its limits", "氧气在限值之内"),
    "gas.oxygen.no_value": ("no usable value", "无可用数值"),
    "gas.mixture.above": (
        "together at or above the permitted sum of parts[ ({limit:count})][; most of it: {most}]",
        "混合物各组分占比之和达到或高于允许值[（{limit:count}）][；主要组分：{most}]",
    ),
    "gas.mixture.below": (
        "together below the permitted sum of parts[ ({limit:count})]",
        "混合物各组分占比之和低于允许值[（{limit:count}）]",
    ),
    "gas.mixture.unknown": ("not judged: not all of its gases are known", "未判断：并非所有组分均有数据"),
    "gas.ambient_rise.risen": (
        "{limit} or more above its own background[ of {ambient:reading}]",
        "高于自身背景值[ {ambient:reading}] 达 {limit} 或以上",
    ),
    "gas.ambient_rise.near": ("near its own background[ of {ambient:reading}]", "接近自身背景值[ {ambient:reading}]"),
    "gas.ambient_rise.no_value": ("no usable value", "无可用数值"),
    "gas.rate_of_rise.rising": (
        "rising at {limit} or faster[; alarm level in {seconds_from:span}][ to {seconds_to:span}]",
        "上升速度达到或超过 {limit}[；预计 {seconds_from:span}][ 至 {seconds_to:span} 到达报警值]",
    ),
    "gas.rate_of_rise.steady": ("not rising faster than {limit}", "上升速度未超过 {limit}"),
    "gas.rate_of_rise.few": ("not judged: too few readings in the window", "未判断：时间窗内读数太少"),
}
