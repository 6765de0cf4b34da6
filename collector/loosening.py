"""What of a revision makes the site's watch weaker: for those who put it in force, and for an inspector.

Constraints. Both documents are read as judging reads them, so a limit is compared in the sensor's own unit. Another
detector cannot be compared, and that is said. A stricter change is nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from dashboards.console.figures import Lang
from detectors.rule import Rule
from detectors.site import Site, SiteMistakes, read_site

Document = Mapping[str, Any]
COMPARED = frozenset({"limit", "low", "high", "excursion", "mec"})
"""Parameters of which it is known which way is looser."""
_WORDS: Mapping[str, tuple[str, str]] = {
    "mistakes": ("cannot be compared: {what}", "无法比较：{what}"),
    "sensor_gone": ("sensor {sensor} removed", "传感器 {sensor} 已删除"),
    "silence": ("sensor {sensor}: silence is found later, or not at all",
                "传感器 {sensor}：无数据发现得更晚，或不再发现"),
    "rule_gone": ("rule {rule} removed", "规则 {rule} 已删除"),
    "subjects": ("rule {rule} no longer watches {who}", "规则 {rule} 不再监视 {who}"),
    "priority": ("rule {rule}: priority {old} -> {new}", "规则 {rule}：优先级 {old} -> {new}"),
    "delay": ("rule {rule}: on_delay {old} s -> {new} s", "规则 {rule}：报警延时 {old} s -> {new} s"),
    "latch": ("rule {rule}: no longer latched", "规则 {rule}：不再锁存"),
    "suppressed": ("rule {rule}: suppressed by {by}", "规则 {rule}：由 {by} 抑制"),
    "detector": ("rule {rule}: another detector, {old} -> {new}: limits cannot be compared",
                 "规则 {rule}：检测方法 {old} -> {new}，限值无法比较"),
    "limit": ("rule {rule}: {name} {old} -> {new} on {who}", "规则 {rule}：{name} {old} -> {new}，涉及 {who}"),
}  # fmt: skip


class Said(NamedTuple):
    """One weakening, as a key of the words and what they hold."""

    key: str
    fields: Mapping[str, str]


def loosened(old: Document | None, new: Document, language: Lang = "en") -> list[str]:
    """A line each: what is watched less, later or less strictly than before. Nothing of a first revision."""
    if old is None:
        return []
    try:
        before, after = read_site(old), read_site(new)
    except SiteMistakes as mistakes:
        found = [Said("mistakes", {"what": str(mistakes).splitlines()[0]})]
    else:
        found = [*_sensors(before, after), *_rules(before, after)]
    return [_WORDS[key][language == "zh"].format(**fields) for key, fields in found]


def _sensors(before: Site, after: Site) -> Iterator[Said]:
    for name, sensor in before.sensors.items():
        other = after.sensors.get(name)
        if other is None:
            yield Said("sensor_gone", {"sensor": name})
        elif sensor.every is not None and (other.every is None or other.every > sensor.every):
            yield Said("silence", {"sensor": name})


def _rules(before: Site, after: Site) -> Iterator[Said]:
    known = {rule.name: rule for rule in after.rules}
    for rule in before.rules:
        other = known.get(rule.name)
        if other is None:
            yield Said("rule_gone", {"rule": rule.name})
            continue
        gone = [s.id for s in rule.subjects if s.id not in {t.id for t in other.subjects} and s.id in after.sensors]
        if gone:
            yield Said("subjects", {"rule": rule.name, "who": ", ".join(gone)})
        yield from (Said(key, {"rule": rule.name, **fields}) for key, fields in _rule(rule, other))


def _rule(old: Rule, new: Rule) -> Iterator[Said]:
    if new.priority < old.priority:
        yield Said("priority", {"old": old.priority.name.lower(), "new": new.priority.name.lower()})
    if new.on_delay > old.on_delay:
        yield Said("delay", {"old": f"{old.on_delay / 1e9:g}", "new": f"{new.on_delay / 1e9:g}"})
    if old.latch and not new.latch:
        yield Said("latch", {})
    if new.suppress_when not in (None, old.suppress_when):
        yield Said("suppressed", {"by": new.suppress_when or ""})
    if new.detector.kind != old.detector.kind:
        yield Said("detector", {"old": old.detector.kind, "new": new.detector.kind})
        return
    for name in old.detector.limit_parameters.keys() & COMPARED:
        yield from _limit(name, old, new)


def _limit(name: str, old: Rule, new: Rule) -> Iterator[Said]:
    """Subjects with one name are compared; a limit below which it alarms is looser when lower."""
    lower = getattr(new.detector, "side", "above") == "below" or name == "low"
    was, now = (_by_subject(getattr(rule.detector, name), rule) for rule in (old, new))
    worse = {who: (was[who], now[who]) for who in was.keys() & now.keys() if _weaker(was[who], now[who], lower)}
    for pair in sorted(set(worse.values())):
        who = sorted(subject for subject, values in worse.items() if values == pair)
        fields = {"name": name, "old": f"{pair[0]:g}", "new": f"{pair[1]:g}", "who": ", ".join(who)}
        yield Said("limit", fields)


def _weaker(was: float, now: float, lower: bool) -> bool:
    """True also where the limit is gone."""
    if isnan(now) or isnan(was):
        return isnan(now) and not isnan(was)
    return now < was if lower or (was < 0 and now < 0) else now > was


def _by_subject(value: Any, rule: Rule) -> dict[str, float]:
    if value is None:
        return {}
    values = np.broadcast_to(np.asarray(value, np.float64), (len(rule.subjects),)).tolist()
    return {subject.id: number for subject, number in zip(rule.subjects, values, strict=True)}
