"""What of a revision makes the site's watch weaker: for those who put it in force, and for an inspector.

Constraints. Both documents are read as judging reads them, so a limit is compared in the sensor's own unit. Another
detector cannot be compared, and that is said. A stricter change is nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

import numpy as np

from detectors.rule import Rule
from detectors.site import Site, SiteMistakes, read_site

Document = Mapping[str, Any]
COMPARED = frozenset({"limit", "low", "high", "excursion", "mec"})
"""Parameters of which it is known which way is looser."""


def loosened(old: Document | None, new: Document) -> list[str]:
    """A line each: what is watched less, later or less strictly than before. Nothing of a first revision."""
    if old is None:
        return []
    try:
        before, after = read_site(old), read_site(new)
    except SiteMistakes as mistakes:
        return [f"cannot be compared: {str(mistakes).splitlines()[0]}"]
    return [*_sensors(before, after), *_rules(before, after)]


def _sensors(before: Site, after: Site) -> Iterator[str]:
    for name, sensor in before.sensors.items():
        other = after.sensors.get(name)
        if other is None:
            yield f"sensor {name} removed"
        elif sensor.every is not None and (other.every is None or other.every > sensor.every):
            yield f"sensor {name}: silence is found later, or not at all"


def _rules(before: Site, after: Site) -> Iterator[str]:
    known = {rule.name: rule for rule in after.rules}
    for rule in before.rules:
        other = known.get(rule.name)
        if other is None:
            yield f"rule {rule.name} removed"
            continue
        gone = [s.id for s in rule.subjects if s.id not in {t.id for t in other.subjects} and s.id in after.sensors]
        if gone:
            yield f"rule {rule.name} no longer watches {', '.join(gone)}"
        yield from (f"rule {rule.name}: {what}" for what in _rule(rule, other))


def _rule(old: Rule, new: Rule) -> Iterator[str]:
    if new.priority < old.priority:
        yield f"priority {old.priority.name.lower()} -> {new.priority.name.lower()}"
    if new.on_delay > old.on_delay:
        yield f"on_delay {old.on_delay / 1e9:g} s -> {new.on_delay / 1e9:g} s"
    if old.latch and not new.latch:
        yield "no longer latched"
    if new.suppress_when not in (None, old.suppress_when):
        yield f"suppressed by {new.suppress_when}"
    if new.detector.kind != old.detector.kind:
        yield f"another detector, {old.detector.kind} -> {new.detector.kind}: limits cannot be compared"
        return
    for name in old.detector.limit_parameters.keys() & COMPARED:
        yield from _limit(name, old, new)


def _limit(name: str, old: Rule, new: Rule) -> Iterator[str]:
    """Subjects with one name are compared; a limit below which it alarms is looser when lower."""
    lower = getattr(new.detector, "side", "above") == "below" or name == "low"
    was, now = (_by_subject(getattr(rule.detector, name), rule) for rule in (old, new))
    worse = {who: (was[who], now[who]) for who in was.keys() & now.keys() if _weaker(was[who], now[who], lower)}
    for pair in sorted(set(worse.values())):
        who = sorted(subject for subject, values in worse.items() if values == pair)
        yield f"{name} {pair[0]:g} -> {pair[1]:g} on {', '.join(who)}"


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
