"""The figures of one detector in one noise: the values that give the wished false alarms, and how late it is at them.

Constraints. Values are chosen on one seed, measured on another, repeated on a third. A change that was not found within
the watched readings is censored: it counts in the quantiles as later than all, and in the missed part. Subjects in
alarm at the event are left out and counted. An alarm by chance within the watched readings counts as found.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bench.quality.kinds import Kind
from bench.quality.streams import LADDER, LONGEST_WARM, MONTH, QUANTUM, WATCHED, Stream, stream, watched
from bench.quality.watching import await_first, warm_up, watch
from detectors.detector import Verdict
from detectors.reading import Bools, Floats

CHOOSING, TABLE, CHECK = 411, 412, 413
"""Seeds. Trial runs of the bench itself had others."""
WISHED = (4.0, 0.4, 0.04)
"""False alarms a sensor-month."""
MONTHS = 75
"""Sensors, each watched for a clean month: none seen bounds the rate below 0.04 (95 %)."""
TRIALS = 200
"""Sensors of a trial."""
MOST_IN_ALARM = 0.25
"""Part of the clean months: beyond it few onsets only mean that alarms do not end."""
HALVINGS = 2
CLEAN, TRIAL = 0, 1


class Clean(NamedTuple):
    """Alarms in MONTHS clean sensor-months, and the part of them spent in alarm."""

    alarms: int
    in_alarm: float

    def allows(self, wished: float) -> bool:
        """No more than wished, and not because the alarm never ends."""
        return self.alarms <= round(wished * MONTHS) and self.in_alarm <= MOST_IN_ALARM


class Late(NamedTuple):
    """Delays after one event, in readings after the first that is changed; None: later than what is watched."""

    median: int | None
    p90: int | None
    missed: float
    """Part of the trials."""
    trials: int
    in_alarm: int
    """Subjects already in alarm at the event: no trials."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value of the swept parameter in one noise."""

    wished: float | None
    """False alarms a sensor-month; None: as shipped."""
    value: float
    clean: Clean
    late: dict[str, Late]


def late(ticks: Floats, held: Bools) -> Late:
    """Quantiles of delays (NaN: missed), those in alarm at the event left out."""
    tried = np.sort(ticks[~held])
    count = len(tried)
    if not count:
        return Late(None, None, float("nan"), 0, int(held.sum()))
    order = [tried[int(np.ceil(part * count)) - 1] for part in (0.5, 0.9)]
    median, p90 = (None if np.isnan(tick) else int(tick) for tick in order)
    return Late(median, p90, round(float(np.isnan(tried).mean()), 4), count, int(held.sum()))


def started(kind: Kind, values: Sequence[float], noise: str, whole: Stream) -> tuple[Any, Any]:
    """(detector, state) after the warm-up that the stream begins with."""
    sensors = whole.truth.shape[1]
    detector = kind.detector(values, sensors)
    quantum = QUANTUM if noise == "8 bit" else float("nan")
    state = detector.start(kind.subjects(len(values), sensors, quantum))
    before = whole.cut(LONGEST_WARM - kind.warm, LONGEST_WARM)
    warm_up(detector, state, before, LONGEST_WARM - kind.warm, len(values))
    return detector, state


def in_turn(kind: Kind, values: Sequence[float]) -> list[list[float]]:
    """The values as they are stepped: all in one, or one by one."""
    return [list(values)] if kind.at_once else [[value] for value in values]


def clean(kind: Kind, values: Sequence[float], noise: str, seed: int) -> list[Clean]:
    """False alarms at each value."""
    whole = stream(seed, noise, CLEAN, MONTHS, MONTH)
    return [found for part in in_turn(kind, values) for found in _clean(kind, part, noise, whole)]


def _clean(kind: Kind, values: Sequence[float], noise: str, whole: Stream, most: int | None = None) -> list[Clean]:
    detector, state = started(kind, values, noise, whole)
    first, last, groups = LONGEST_WARM, LONGEST_WARM + MONTH, len(values)
    onsets = watch(detector, state, whole.cut(first, last), first, groups, most)
    shares = [round(share, 5) for share in onsets.shares(groups, first, last)]
    return [Clean(*both) for both in zip(onsets.counts(groups), shares, strict=True)]


def chosen(kind: Kind, noise: str) -> dict[float, float | None]:
    """For each wished rate the loosest value with no more false alarms; None where the strictest has more.

    Where values are asked one by one, the last two are halved between (as logarithms) `HALVINGS` times.
    """
    whole = stream(CHOOSING, noise, CLEAN, MONTHS, MONTH)
    if kind.at_once:
        quiet = dict(zip(kind.values, _clean(kind, kind.values, noise, whole), strict=True))
        return {wished: next((v for v in kind.values if quiet[v].allows(wished)), None) for wished in WISHED}

    seen: dict[float, Clean] = {}

    def allows(value: float, wished: float) -> bool:
        if value not in seen:
            seen[value] = _clean(kind, [value], noise, whole, round(wished * MONTHS))[0]
        return seen[value].allows(wished)

    out: dict[float, float | None] = {}
    place = 0
    for wished in WISHED:
        while place < len(kind.values) and not allows(kind.values[place], wished):
            place += 1
        if place == len(kind.values):
            out[wished] = None
            continue
        strict, loose = kind.values[place], kind.values[max(place - 1, 0)]
        for _ in range(HALVINGS if place else 0):
            middle = float(f"{np.sqrt(loose * strict):.4g}")
            strict, loose = (middle, loose) if allows(middle, wished) else (strict, middle)
        out[wished] = strict
    return out


def delays(
    kind: Kind, values: Sequence[float], noise: str, seed: int, events: Iterable[str] = LADDER
) -> list[dict[str, Late]]:
    """At each value, how late each event was found."""
    whole = stream(seed, noise, TRIAL, TRIALS, WATCHED)
    return [found for part in in_turn(kind, values) for found in _delays(kind, part, noise, whole, events)]


def _delays(
    kind: Kind, values: Sequence[float], noise: str, whole: Stream, events: Iterable[str]
) -> list[dict[str, Late]]:
    detector, state = started(kind, values, noise, whole)
    held = state.verdict == Verdict.ACTIVE
    out: list[dict[str, Late]] = [{} for _ in values]
    for name in events:
        after = whole.cut(LONGEST_WARM, LONGEST_WARM + watched(name))
        changed = with_event(kind, after, name)
        onsets = await_first(detector, copy.deepcopy(state), changed, LONGEST_WARM, len(values))
        ticks = onsets.first_ticks().astype(np.float64) - LONGEST_WARM
        ticks[ticks < 0] = np.nan
        for k, part in enumerate(np.split(np.arange(len(ticks)), len(values))):
            out[k][name] = late(ticks[part], held[part])
    return out


def with_event(kind: Kind, after: Stream, name: str) -> Stream:
    """The event in every subject: in its only sensor, or in the first of its members."""
    changed = after.changed(LADDER[name])
    if kind.members > 1:
        changed.truth[:, np.arange(after.truth.shape[1]) % kind.members != 0] = after.truth[
            :, np.arange(after.truth.shape[1]) % kind.members != 0
        ]
    return changed


def rows(kind: Kind, noise: str, values: dict[float | None, float], seed: int) -> list[Row]:
    """The rows of a kind in one noise on a seed; a value that stands for several wishes is measured once."""
    different = sorted(set(values.values()), key=list(values.values()).index)
    quiet = dict(zip(different, clean(kind, different, noise, seed), strict=True))
    found = dict(zip(different, delays(kind, different, noise, seed), strict=True))
    return [Row(wished, value, quiet[value], found[value]) for wished, value in values.items()]
