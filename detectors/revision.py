"""A revision of a site as it is judged: its rules in the order they step, its pairs and series by their numbers.

Constraints. Made once and never changed; it remembers nothing of what is read. A pair is a (rule, subject).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from detectors.feeds import raw_inputs
from detectors.levels import SILENCE, levels_of, rungs_from_the_top
from detectors.records import Key
from detectors.site import Site, series
from detectors.suppression import wired


class Revision:
    """`number` counts the revisions of the site's log from 1."""

    def __init__(self, site: Site, number: int) -> None:
        self.site, self.number = site, number
        self.table = {one.id: one for one in series(site)}
        self.series = {name: k for k, name in enumerate(self.table)}
        self.levels = levels_of(site.rules)
        self.rules = rungs_from_the_top(site.rules, self.levels)
        self.pairs = [(rule, subject) for rule in self.rules for subject in rule.subjects]
        self.pair_of: dict[Key, int] = {(rule.name, subject.id): k for k, (rule, subject) in enumerate(self.pairs)}
        self.wiring = wired(self.pairs, self.pair_of)

    @cached_property
    def raw(self) -> list[frozenset[str]]:
        """Of each pair the sensors of the registry from which its verdict comes, through whatever rules."""
        return raw_inputs(self.pairs, self.pair_of, self.site.sensors)

    @cached_property
    def listeners(self) -> dict[str, list[int]]:
        """Sensor -> pairs that fall unknown when it is silent."""
        listeners: dict[str, list[int]] = {}
        for pair, (rule, subject) in enumerate(self.pairs):
            if rule.detector.kind in SILENCE:
                continue
            raw = {self.table[name].sensor for _, name in subject.inputs if not name.startswith("@")}
            for sensor in raw & self.site.sensors.keys():
                listeners.setdefault(sensor, []).append(pair)
        return listeners

    def watches(self) -> dict[Key, Any]:
        """What each pair looks at, and how: a subject of other inputs, or in other units, comes under watch anew."""
        return {
            (rule.name, subject.id): (rule.detector.kind, [(one, self.table[one[1]].unit) for one in subject.inputs])
            for rule, subject in self.pairs
        }
