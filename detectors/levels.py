"""In which order the rules of a site step: what finds silence first, then level by level what looks at what.

Constraints. Rules come in an order in which each follows what it needs (site_order.py); it is kept within a level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.rule import Rule

SILENCE: Mapping[str, int] = {"health.frozen_network": -1, "health.silent": 0}
"""Detectors of silence, which makes others' verdicts unknown and not theirs: the one that speaks for many first."""


def levels_of(rules: Sequence[Rule]) -> dict[str, int]:
    """How many steps of rules feed or suppress each rule; silence comes before all others. The rules are in order."""
    level: dict[str, int] = {}
    for rule in rules:
        names = [name for s in rule.subjects for _, name in s.inputs]
        feeds = {_feeding_rule(name) for name in [*names, rule.suppress_when or ""]}
        known = [level[f] for f in feeds if f is not None and f in level]
        level[rule.name] = SILENCE.get(rule.detector.kind, 1 + max(known, default=0))
    return level


def rungs_from_the_top(rules: Sequence[Rule], levels: Mapping[str, int]) -> list[Rule]:
    """The rules level by level, in their order, but within a level a ladder's highest rung first: a lower one is then
    born suppressed, and no rule comes before one that it looks at.
    """
    first: dict[tuple[str, int], int] = {}
    for place, rule in enumerate(rules):
        first.setdefault((rule.ladder or f"@{rule.name}", levels[rule.name]), place)

    def order(rule: Rule) -> tuple[int, int, int]:
        level = levels[rule.name]
        return level, first[rule.ladder or f"@{rule.name}", level], -rule.rung

    return sorted(rules, key=order)


def _feeding_rule(series_id: str) -> str | None:
    if series_id.startswith("@"):
        return series_id[1:].split("/", 1)[0]
    if "/" in series_id:
        return series_id.split("/", 1)[1].rsplit(".", 1)[0]
    return None
