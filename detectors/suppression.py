"""Suppression by design: which alarm hides which, by the rules of a site alone.

A rule's `suppress_when` hides it as the site says. Two alarms speak for others: a ladder's rung for the lower ones on
its subject, and a frozen network for the silence of each of its sensors. What becomes of an alarm is alarms.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detectors.records import Key
from detectors.rule import Rule, Subject

NETWORK, SILENT = "health.frozen_network", "health.silent"


@dataclass(slots=True)
class Wiring:
    """Pairs (rule, subject) by their number."""

    suppressors: dict[int, list[int]] = field(default_factory=dict)
    """Who hides it."""
    dependents: dict[int, list[int]] = field(default_factory=dict)
    """Whom it hides."""
    above: dict[int, set[int]] = field(default_factory=dict)
    """Who speaks for it: of its suppressors those that must themselves be told."""
    on_sensor: dict[str, list[int]] = field(default_factory=dict)
    """Pairs whose subject is a sensor."""


def wired(pairs: Sequence[tuple[Rule, Subject]], pair_of: Mapping[Key, int]) -> Wiring:
    """Who suppresses whom."""
    wiring = Wiring()
    for pair, (_, subject) in enumerate(pairs):
        wiring.on_sensor.setdefault(subject.id, []).append(pair)
    rungs, networks = _rungs(pairs), _networks(pairs)
    for pair, (rule, subject) in enumerate(pairs):
        above = [q for q in rungs.get((rule.ladder, subject.id), ()) if pairs[q][0].rung > rule.rung]
        if rule.detector.kind == SILENT:
            names = {name for _, name in subject.inputs}
            above += [q for q, members in networks.items() if names <= members]
        named = _named(rule.suppress_when, subject, pairs, pair_of)
        wiring.above[pair] = set(above)
        for q in above + named:
            wiring.suppressors.setdefault(pair, []).append(q)
            wiring.dependents.setdefault(q, []).append(pair)
    return wiring


def _rungs(pairs: Sequence[tuple[Rule, Subject]]) -> dict[Key, list[int]]:
    """(ladder, subject) -> its rungs."""
    ladders: dict[Key, list[int]] = {}
    for pair, (rule, subject) in enumerate(pairs):
        if rule.ladder:
            ladders.setdefault((rule.ladder, subject.id), []).append(pair)
    return ladders


def _networks(pairs: Sequence[tuple[Rule, Subject]]) -> dict[int, set[str]]:
    """Frozen networks and the sensors behind each."""
    return {
        pair: {name for _, name in subject.inputs}
        for pair, (rule, subject) in enumerate(pairs)
        if rule.detector.kind == NETWORK
    }


def _named(
    suppress_when: str | None, subject: Subject, pairs: Sequence[tuple[Rule, Subject]], pair_of: Mapping[Key, int]
) -> list[int]:
    if suppress_when is None:
        return []
    name, _, who = suppress_when.removeprefix("@").partition("/")
    same = pair_of.get((name, who or subject.id))
    if same is not None:
        return [same]
    return [pair for pair, (rule, _) in enumerate(pairs) if rule.name == name and not who]
