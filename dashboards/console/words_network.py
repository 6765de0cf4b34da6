"""Reasons of network.* detectors in words. Not here: how they are filled in (words.py)."""

from __future__ import annotations

from collections.abc import Mapping

NETWORK: Mapping[str, tuple[str, str]] = {
    "network.coincidence.together": (
        "{votes:count} became active within {seconds:span}[: {members}]",
        "{votes:count} 个在 {seconds:span}内先后报警[：{members}]",
    ),
    "network.coincidence.apart": (
        "too few became active together[; {active:count} active now]",
        "同时报警的数量不足[；当前 {active:count} 个报警]",
    ),
    "network.coincidence.unknown": (
        "cannot be decided: too few of its members are known[ ({known:count})]",
        "无法判定：状态已知的成员太少[（{known:count} 个）]",
    ),
    "network.common_cause.together": (
        "{votes:count} sensors went into alarm within {seconds:span}[; first {first}][: {members}]",
        "{votes:count} 个传感器在 {seconds:span}内先后报警[；最先：{first}][：{members}]",
    ),
    "network.common_cause.apart": (
        "too few sensors in alarm together[; {active:count} now]",
        "同时报警的传感器数量不足[；当前 {active:count} 个]",
    ),
    "network.common_cause.unknown": (
        "cannot be decided: too few of its sensors are known[ ({known:count})]",
        "无法判定：状态已知的传感器太少[（{known:count} 个）]",
    ),
    "network.compound.complete": (
        "{present:count} of {parts:count} kinds of evidence[: {evidence}]",
        "{parts:count} 类证据中有 {present:count} 类[：{evidence}]",
    ),
    "network.compound.incomplete": (
        "only {present:count} of {parts:count} kinds of evidence[: {evidence}]",
        "{parts:count} 类证据中仅有 {present:count} 类[：{evidence}]",
    ),
    "network.compound.unknown": (
        "cannot be decided: some of its evidence is not known[; present {evidence}]",
        "无法判定：部分证据未知[；已有 {evidence}]",
    ),
    "network.deviation.apart": (
        "{member} is {off:reading} from the median of {members:count}[ ({median:reading})][; limit {limit}]",
        "{member} 与 {members:count} 个同类的中位值[（{median:reading}）]相差 {off:reading}[；限值 {limit}]",
    ),
    "network.deviation.alike": (
        "all {members:count} read alike[; the furthest is {off:reading} off]",
        "{members:count} 个读数一致[；最大相差 {off:reading}]",
    ),
    "network.deviation.few": ("cannot be decided: too few fresh values", "无法判定：有效的新数值太少"),
}
"""Key -> (English, Chinese)."""
