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
    "slope.tangent_angle.steep": (
        "creep curve at {angle:count} deg[, limit {limit:count}][; secondary creep {v0:count} a day]",
        "蠕变曲线切线角 {angle:count}°[，限值 {limit:count}°][；等速变形速率 {v0:count}/天]",
    ),
    "slope.tangent_angle.flat": (
        "creep curve at {angle:count} deg, below its limit[; secondary creep {v0:count} a day]",
        "切线角 {angle:count}°，低于限值[；等速变形速率 {v0:count}/天]",
    ),
    "slope.tangent_angle.rising": ("steep, but not yet for long enough", "切线角偏大，但持续时间不足"),
    "slope.tangent_angle.falling": ("flatter, but not yet for long enough", "切线角减小，但持续时间不足"),
    "slope.tangent_angle.no_v0": (
        "not judged: the velocity of secondary creep is hidden in noise or was not measured",
        "未判断：等速变形速率被噪声掩盖或未测得",
    ),
    "slope.tangent_angle.below_floor": (
        "not judged: noise alone could reach the limit",
        "未判断：仅噪声就可能达到限值",
    ),
    "slope.tangent_angle.learning": (
        "not judged: the span of secondary creep has not ended",
        "未判断：等速变形阶段的声明时段尚未结束",
    ),
    "slope.slo.within": (
        "accelerating: failure forecast[ from {failure_from:when}][ to {failure_to:when}]",
        "加速变形：预测破坏时间[ {failure_from:when} 起][，至 {failure_to:when}]",
    ),
    "slope.slo.later": (
        "accelerating, forecast later than the warning time[: from {failure_from:when}]",
        "加速变形，预测破坏时间晚于预警时间[：{failure_from:when} 起]",
    ),
    "slope.slo.no_bound": (
        "accelerating, but the forecast has no latest time yet",
        "加速变形，但预测尚无最晚时间",
    ),
    "slope.slo.no_trend": ("accelerating, but not along this law", "加速变形，但不符合该规律"),
    "slope.slo.no_acceleration": ("moving without acceleration", "位移无加速"),
    "slope.slo.below_floor": ("not judged: movement hidden in noise", "未判断：位移被噪声掩盖"),
    "slope.slo.learning": ("not judged: too few velocities yet", "未判断：速度数据尚少"),
    "slope.saito.within": (
        "accelerating: failure forecast[ from {failure_from:when}][ to {failure_to:when}]",
        "加速变形：预测破坏时间[ {failure_from:when} 起][，至 {failure_to:when}]",
    ),
    "slope.saito.later": (
        "accelerating, forecast later than the warning time[: from {failure_from:when}]",
        "加速变形，预测破坏时间晚于预警时间[：{failure_from:when} 起]",
    ),
    "slope.saito.no_bound": (
        "accelerating, but the forecast has no latest time yet",
        "加速变形，但预测尚无最晚时间",
    ),
    "slope.saito.no_trend": ("accelerating, but not along this law", "加速变形，但不符合该规律"),
    "slope.saito.no_acceleration": ("moving without acceleration", "位移无加速"),
    "slope.saito.below_floor": ("not judged: movement hidden in noise", "未判断：位移被噪声掩盖"),
    "slope.saito.learning": ("not judged: too few velocities yet", "未判断：速度数据尚少"),
    "slope.rainfall.curve": (
        "rain reaches the intensity-duration curve: {rain:reading} mm in {window:span}[, limit {limit:reading}]",
        "降雨达到强度-历时曲线：{window:span}内 {rain:reading} mm[，限值 {limit:reading}]",
    ),
    "slope.rainfall.antecedent": (
        "much rain has fallen: {rain:reading} mm in {window:span}[, limit {limit:reading}]",
        "前期累计降雨偏大：{window:span}内 {rain:reading} mm[，限值 {limit:reading}]",
    ),
    "slope.rainfall.below": ("rain below the limit of every window", "各时段降雨均低于限值"),
    "slope.rainfall.low_coverage": (
        "not judged: rain was not measured for long enough[: {coverage:%} covered]",
        "未判断：降雨数据不足[：覆盖 {coverage:%}]",
    ),
    "slope.cluster.together": (
        "{moving:count} neighbouring points move together[: {prisms}]",
        "{moving:count} 个相邻测点同时移动[：{prisms}]",
    ),
    "slope.cluster.apart": ("no neighbouring points move together", "无相邻测点同时移动"),
    "slope.cluster.unknown": (
        "not judged: {unknown:count} of {members:count} points are not known and could decide",
        "未判断：{members:count} 个测点中有 {unknown:count} 个未知，且可能影响结论",
    ),
    "slope.vector.above": (
        "moved at or above {limit} from its datum[ (north {north:reading}, east {east:reading}, up {up:reading})]",
        "相对基准位移达到或超过 {limit}[（北 {north:reading}，东 {east:reading}，竖直 {up:reading}）]",
    ),
    "slope.vector.below": ("displacement below the limit[ of {limit}]", "位移低于限值[ {limit}]"),
    "slope.vector.between": ("between the reset and the limit[ of {limit}]", "介于复位值与限值[ {limit}]之间"),
    "slope.vector.below_floor": (
        "not judged: noise hides a displacement of the limit",
        "未判断：噪声掩盖了限值大小的位移",
    ),
    "slope.vector.stale": ("not judged: no complete new position", "未判断：无完整的新坐标"),
}
"""Key -> (English, Chinese)."""
