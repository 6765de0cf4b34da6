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
    "seismic.pvs.above": ("ground velocity vector at or above {limit}", "振动速度矢量和达到或超过 {limit}"),
    "seismic.pvs.below": (
        "ground velocity vector below the limit for a whole window",
        "整个时间窗内振动速度矢量和低于限值",
    ),
    "seismic.pvs.clipped": (
        "not judged: a part stood at full scale, the vector may be longer",
        "未判断：某一分量达到满量程，实际矢量和可能更大",
    ),
    "seismic.pvs.gap": ("not judged: samples of a part are missing", "未判断：某一分量波形缺失"),
    "seismic.pvs.part_missing": ("not judged: a part of the station is not heard", "未判断：台站的某一分量无数据"),
    "seismic.pvs.no_value": ("no usable samples", "无可用波形"),
    "seismic.pick.onset": (
        "an event began[; {value:count} times its noise]",
        "检测到事件起始[；为噪声的 {value:count} 倍]",
    ),
    "seismic.pick.triggered": ("an event began; its onset cannot be picked", "检测到事件，但无法拾取其起始时刻"),
    "seismic.pick.quiet": ("the event is over", "事件已结束"),
    "seismic.pick.gap": ("samples are missing: the background is being learned anew", "波形缺失：正在重新学习背景"),
    "seismic.pick.no_value": ("no usable samples", "无可用波形"),
    "seismic.magnitude.above": (
        "an event of magnitude {limit} or more[, {distance:count} km away]",
        "发生震级 {limit} 或以上的事件[，距离 {distance:count} km]",
    ),
    "seismic.magnitude.below": ("the last event was smaller than magnitude {limit}", "最近一次事件小于震级 {limit}"),
    "seismic.magnitude.no_event": ("no event: the peak is below the floor", "无事件：峰值低于下限"),
    "seismic.magnitude.no_value": ("no usable peak or frequency", "无可用的峰值或频率"),
    "seismic.magnitude.no_distance": ("not judged: the distance is not known", "未判断：距离未知"),
    "seismic.activity.above": (
        "seismic activity of the last[ {hours:count}] h at or above {limit:count} an hour, blasts excluded",
        "最近[ {hours:count}] 小时的微震活动（不含爆破）达到或超过每小时 {limit:count}",
    ),
    "seismic.activity.below": (
        "seismic activity of the last[ {hours:count}] h below {limit:count} an hour",
        "最近[ {hours:count}] 小时的微震活动低于每小时 {limit:count}",
    ),
    "seismic.activity.not_alive": (
        "not judged: the network shows no sign of life, so no event may mean no hearing",
        "未判断：监测网无活动迹象，无事件可能只是无数据",
    ),
    "seismic.activity.blasting": (
        "not judged: blasting leaves less than half of the window",
        "未判断：扣除爆破时段后有效时间不足一半",
    ),
    "seismic.b_value.below": (
        "large events are more frequent among the small ones than {limit} allows (b value)",
        "大事件占比偏高：b 值显著低于 {limit}",
    ),
    "seismic.b_value.usual": ("b value at or above {limit}", "b 值达到或高于 {limit}"),
    "seismic.b_value.not_surely": ("b value not surely below {limit}", "b 值未显著低于 {limit}"),
    "seismic.b_value.few": (
        "no b value: only {events:count} events above completeness",
        "无 b 值：完整震级以上仅 {events:count} 个事件",
    ),
    "seismic.b_value.not_exponential": (
        "no b value: the magnitudes do not follow Gutenberg and Richter, as those of blasts",
        "无 b 值：震级分布不符合古登堡-里克特关系（如爆破）",
    ),
    "seismic.location.near": (
        "an event {away:count} m from the place watched ({radius:count} m)"
        "[, error {error:count} m][, gap {gap:count}°]",
        "距监视点 {away:count} 米处发生事件（半径 {radius:count} 米）"
        "[，误差 {error:count} 米][，方位空隙 {gap:count}°]",
    ),
    "seismic.location.near_depth_unknown": (
        "an event {away:count} m from the place watched ({radius:count} m), depth unconstrained"
        "[, error {error:count} m][, gap {gap:count}°]",
        "距监视点 {away:count} 米处发生事件（半径 {radius:count} 米），深度无法约束"
        "[，误差 {error:count} 米][，方位空隙 {gap:count}°]",
    ),
    "seismic.location.elsewhere": (
        "the last event was elsewhere[: {away:count} m away, error {error:count} m]",
        "最近一次事件在别处[：距离 {away:count} 米，误差 {error:count} 米]",
    ),
    "seismic.location.elsewhere_depth_unknown": (
        "the last event was elsewhere, depth unconstrained[: {away:count} m away, error {error:count} m]",
        "最近一次事件在别处，深度无法约束[：距离 {away:count} 米，误差 {error:count} 米]",
    ),
    "seismic.location.few": ("not located: only {onsets:count} onsets", "未定位：仅有 {onsets:count} 个到时"),
    "seismic.location.misfit": (
        "not located: the onsets do not fit one place[, {residual:count} ms off on the mean]",
        "未定位：到时与单一震源不符[，均方根残差 {residual:count} 毫秒]",
    ),
    "seismic.location.beyond": (
        "not located: too far from the stations, or not to be told from them",
        "未定位：距台网过远，或台网无法约束",
    ),
}
"""Key -> (English, Chinese)."""
