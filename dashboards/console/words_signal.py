"""Reasons of signal.* detectors in words. Not here: how they are filled in (words.py)."""

from __future__ import annotations

from collections.abc import Mapping

SIGNAL: Mapping[str, tuple[str, str]] = {
    "signal.rate.rising": (
        "rising by {rate:count} a minute[ (interval {rate_from:count} to {rate_to:count})][; limit {limit}]",
        "每分钟上升 {rate:count}[（置信区间 {rate_from:count} 至 {rate_to:count}）][；限值 {limit}]",
    ),
    "signal.rate.falling": (
        "falling: {rate:count} a minute[ (interval {rate_from:count} to {rate_to:count})][; limit {limit}]",
        "下降：每分钟 {rate:count}[（置信区间 {rate_from:count} 至 {rate_to:count}）][；限值 {limit}]",
    ),
    "signal.rate.slower": ("changing slower than the limit[ of {limit}]", "变化速度低于限值[ {limit}]"),
    "signal.rate.low_level": (
        "its level[ of {level:reading}] is too low for the rate to matter",
        "数值[ {level:reading}]较低，变化速度无须关注",
    ),
    "signal.rate.between": ("between the reset and the limit[ of {limit}]", "介于复位值与限值[ {limit}]之间"),
    "signal.rate.noise_hides": (
        "not judged: noise hides a rate of the limit[ of {limit}]",
        "未判断：噪声掩盖了限值[ {limit}]大小的变化速度",
    ),
    "signal.rate.learning": (
        "not judged: too few readings in the window[, {coverage:%} covered]",
        "未判断：时间窗内读数太少[，覆盖 {coverage:%}]",
    ),
    "signal.trend.rising": (
        "a rising trend[: {slope:count} a day][, {confidence:%} sure]",
        "上升趋势[：每天 {slope:count}][，置信度 {confidence:%}]",
    ),
    "signal.trend.falling": (
        "a falling trend[: {slope:count} a day][, {confidence:%} sure]",
        "下降趋势[：每天 {slope:count}][，置信度 {confidence:%}]",
    ),
    "signal.trend.slower": ("a trend, but slower than the limit[ of {limit}]", "有趋势，但慢于限值[ {limit}]"),
    "signal.trend.no_trend": ("no trend that chance would not explain", "无显著趋势"),
    "signal.trend.fading": ("its trend is no longer sure", "趋势已不显著"),
    "signal.trend.learning": (
        "not judged: too few readings in the window[, {coverage:%} covered]",
        "未判断：时间窗内读数太少[，覆盖 {coverage:%}]",
    ),
    "signal.spike.spike": (
        "a spike[ of {readings:count} readings]: far from the usual {usual:reading} and back[; limit {limit}]",
        "尖峰[（{readings:count} 个读数）]：偏离正常值 {usual:reading} 后即恢复[；限值 {limit}]",
    ),
    "signal.spike.steady": ("no spikes", "无尖峰"),
    "signal.spike.step": (
        "not judged: its level has changed and is not yet known",
        "未判断：数值已发生阶跃，新的正常值尚未确定",
    ),
    "signal.spike.flat": (
        "not judged: it repeats one value, and neither noise nor quantum is declared",
        "未判断：读数重复同一数值，且未声明噪声或分辨率",
    ),
    "signal.changepoint.rose": (
        "its mean rose[ from {before:reading} to {after:reading}][ at {changed:when}][, {probability:%} sure]",
        "均值上升[：由 {before:reading} 升至 {after:reading}][，始于 {changed:when}][，置信度 {probability:%}]",
    ),
    "signal.changepoint.fell": (
        "its mean fell[ from {before:reading} to {after:reading}][ at {changed:when}][, {probability:%} sure]",
        "均值下降[：由 {before:reading} 降至 {after:reading}][，始于 {changed:when}][，置信度 {probability:%}]",
    ),
    "signal.changepoint.steady": ("no change of its mean among the newest readings", "近期读数的均值无变化"),
    "signal.changepoint.no_value": ("no usable value", "无可用数值"),
    "signal.tail.above": (
        "higher than its own past explains[: once in {once:span} by chance][; limit {limit}]",
        "高于其历史所能解释的范围[：偶然出现约每 {once:span} 一次][；限值 {limit}]",
    ),
    "signal.tail.below": (
        "lower than its own past explains[: once in {once:span} by chance][; limit {limit}]",
        "低于其历史所能解释的范围[：偶然出现约每 {once:span} 一次][；限值 {limit}]",
    ),
    "signal.tail.within": ("within what its own past explains", "在其历史所能解释的范围内"),
    "signal.tail.no_value": ("no usable value", "无可用数值"),
    "signal.variance.noisier": (
        "noisier than it used to be[: {ratio:count} times its usual {usual:reading}]",
        "噪声比以往大[：为通常值 {usual:reading} 的 {ratio:count} 倍]",
    ),
    "signal.variance.quieter": (
        "quieter than it used to be[: {ratio:count} times its usual {usual:reading}]: it may be about to stick",
        "噪声比以往小[：为通常值 {usual:reading} 的 {ratio:count} 倍]：传感器可能即将卡死",
    ),
    "signal.variance.as_usual": ("as noisy as usual[: {usual:reading}]", "噪声与以往相同[：{usual:reading}]"),
    "signal.variance.learning": ("not judged: its usual noise is not yet known", "未判断：通常的噪声尚未学得"),
    "signal.cusum.shifted": (
        "mean shifted by about {shift:reading}[ from a normal {normal:reading}][, for {readings:count} readings]",
        "均值偏移约 {shift:reading}[（正常值 {normal:reading}）][，已持续 {readings:count} 个读数]",
    ),
    "signal.cusum.in_control": ("at its normal[ of {normal:reading}]", "处于正常水平[ {normal:reading}]"),
    "signal.cusum.no_value": ("no usable value", "无可用数值"),
    "signal.ewma.shifted": (
        "average shifted by about {shift:reading}[ from a normal {normal:reading}][, for {readings:count} readings]",
        "加权平均偏移约 {shift:reading}[（正常值 {normal:reading}）][，已持续 {readings:count} 个读数]",
    ),
    "signal.ewma.in_control": ("at its normal[ of {normal:reading}]", "处于正常水平[ {normal:reading}]"),
    "signal.ewma.no_value": ("no usable value", "无可用数值"),
    "signal.seasonal.above": (
        "higher than usual at this hour: on the mean {mean:reading}, usually {usual:reading}[; bound {limit}]",
        "高于该时段的正常值：小时均值 {mean:reading}，通常为 {usual:reading}[；界限 {limit}]",
    ),
    "signal.seasonal.below": (
        "lower than usual at this hour: on the mean {mean:reading}, usually {usual:reading}[; bound {limit}]",
        "低于该时段的正常值：小时均值 {mean:reading}，通常为 {usual:reading}[；界限 {limit}]",
    ),
    "signal.seasonal.within": (
        "as usual at this hour[: {mean:reading}, usually {usual:reading}]",
        "与该时段的正常值相符[：{mean:reading}，通常为 {usual:reading}]",
    ),
    "signal.seasonal.learning": (
        "not judged: what is usual at this hour is still being learned[ ({known:count} times so far)]",
        "未判断：正在学习该时段的正常值[（已有 {known:count} 次）]",
    ),
    "signal.seasonal.flat": (
        "not judged: it was one value at this hour each time, and no quantum is declared",
        "未判断：该时段历次数值相同，且未声明分辨率",
    ),
    "signal.seasonal.few": ("not judged: too few readings in the hour", "未判断：该小时内读数太少"),
    "signal.seasonal.holiday": ("not judged: a holiday has no usual hours", "未判断：节假日没有可比的正常值"),
}
"""Key -> (English, Chinese)."""
