"""Reasons of the dust family in words (see words.py)."""

from __future__ import annotations

from collections.abc import Mapping

DUST: Mapping[str, tuple[str, str]] = {
    "dust.hybrid.above": (
        "dust and gas together at or above the permitted part of what explodes[ ({limit:%})]"
        "[: dust {dust:%}][, gas {gas:%} of their limits]",
        "粉尘与气体混合达到或高于爆炸下限的允许比例[（{limit:%}）][：粉尘 {dust:%}][，气体 {gas:%}]",
    ),
    "dust.hybrid.below": (
        "dust and gas together below the permitted part[ ({limit:%})]",
        "粉尘与气体混合低于允许比例[（{limit:%}）]",
    ),
    "dust.hybrid.unknown": ("not judged: dust or gas is not known", "未判断：粉尘或气体数据未知"),
    "dust.shift_twa.above": (
        "dust over the shift[ of {hours:count} h] at or above {limit}"
        "[; at least {lower:reading}][, {coverage:%} covered]",
        "[{hours:count} 小时]班次粉尘平均值达到或高于 {limit}[；至少 {lower:reading}][，覆盖 {coverage:%}]",
    ),
    "dust.shift_twa.below": (
        "dust over the shift[ of {hours:count} h] below {limit}",
        "[{hours:count} 小时]班次粉尘平均值低于 {limit}",
    ),
    "dust.shift_twa.low_coverage": (
        "too few readings for a shift average of dust[: {coverage:%} covered]",
        "数据不足，无法判断班次粉尘平均值[：覆盖 {coverage:%}]",
    ),
    "dust.shift_twa.clipped": (
        "dust beyond the span: the shift average has no upper bound",
        "粉尘读数超出量程：班次平均值没有上界",
    ),
    "dust.projection.exceeds": (
        "will exceed the shift's limit if it stays so[: {recent:reading} now][, {limit} allowed for the rest]",
        "若保持不变将超过班次限值[：当前 {recent:reading}][，剩余时间允许 {limit}]",
    ),
    "dust.projection.exceeded": (
        "the shift's limit is used up[: {used:%}]",
        "本班限值已用尽[：{used:%}]",
    ),
    "dust.projection.within": (
        "will stay within the shift's limit[: {recent:reading} now][, {limit} allowed for the rest]",
        "预计不超过班次限值[：当前 {recent:reading}][，剩余时间允许 {limit}]",
    ),
    "dust.projection.low_coverage": (
        "no projection: too few readings in this shift[, {coverage:%} covered]",
        "无法预测：本班数据不足[，覆盖 {coverage:%}]",
    ),
    "dust.projection.clipped": (
        "no projection: dust beyond the span, its dose has no upper bound",
        "无法预测：粉尘读数超出量程，剂量没有上界",
    ),
    "dust.projection.off_shift": ("no shift is working", "当前没有班次"),
    "dust.filter.dropped": (
        "pressure across the filter dropped[: {recent:reading} after {reference:reading}]: a bag may be torn",
        "滤袋压差下降[：由 {reference:reading} 降至 {recent:reading}]：滤袋可能破损",
    ),
    "dust.filter.risen": (
        "pressure across the filter rose[: {recent:reading} after {reference:reading}]: it may be clogged",
        "滤袋压差上升[：由 {reference:reading} 升至 {recent:reading}]：滤袋可能堵塞",
    ),
    "dust.filter.steady": (
        "pressure across the filter as before[: {reference:reading}]",
        "滤袋压差正常[：{reference:reading}]",
    ),
    "dust.filter.learning": (
        "not judged: too few readings before and after",
        "未判断：前后数据不足",
    ),
    "dust.filter.idle": ("not judged: the filter stands still", "未判断：除尘器未运行"),
    "dust.filter.no_value": ("no usable value", "无可用数值"),
}
