"""Scenes of groups: sensors beside each other, and verdicts of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from detectors.detector import Subjects
from detectors.network.coincidence import Coincidence
from detectors.network.common_cause import CommonCause
from detectors.network.compound import Compound
from detectors.network.deviation import Deviation
from detectors.network.vote import Vote
from scripts.pictures.scene import Scene, noise, regular, says

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def verdicts(*names: str) -> Callable[[int], Subjects]:
    """Groups of rules' verdicts: `@rule/sensor`."""

    def subjects(n: int) -> Subjects:
        plain = Subjects.simple(n, unit="1", members=len(names), parts=names)
        return replace(plain, input_id=[f"@{name}" for name in names] * n)

    return subjects


Changes: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]


def of(detector: object, changes: Changes, end: float, caption: str, per: str) -> Scene:
    """A scene of verdicts."""
    traces = [says(changed, end, end / 360) for changed in changes.values()]
    return Scene(detector, verdicts(*changes), traces, caption, per)


def coincidence() -> Scene:
    changes: Changes = {
        "trigger/st-1": [(0, 0), (8, 1), (9, 0), (30, 1), (32, 0)],
        "trigger/st-2": [(0, 0), (18, 1), (19, 0), (31, 1), (33, 0)],
        "trigger/st-3": [(0, 0), (31.5, 1), (33.5, 0)],
    }
    return of(Coincidence(k=3, within=5.0), changes, 60, "Triggers of three stations within 5 s.", "s")


def common_cause() -> Scene:
    changes = {f"high/ch4-{k}": [(0, 0), (1500 + 20 * k, 1), (2700 - 60 * k, 0)] for k in range(1, 6)}
    changes["high/ch4-1"] = [(0, 0), (300, 1), (500, 0), (1505, 1), (2600, 0)]
    caption = "A fan stops: four alarms begin within two minutes."
    return of(CommonCause(k=4, within=120.0), changes, HOUR, caption, "min")


def compound() -> Scene:
    changes = {
        "rain/rain-1": [(0, 0), (7 * HOUR, 1), (16 * HOUR, 0)],
        "accelerating/prism-17": [(0, 0), (2 * HOUR, 1), (4 * HOUR, 0), (12 * HOUR, 1), (20 * HOUR, 0)],
    }
    return of(Compound(within=2 * HOUR), changes, DAY, "Rain and acceleration within two hours.", "h")


def vote() -> Scene:
    changes: Changes = {
        "high/ch4-1": [(0, 0), (10 * MINUTE, 1), (18 * MINUTE, 0), (44 * MINUTE, 1), (52 * MINUTE, 0)],
        "high/ch4-2": [(0, 0), (12 * MINUTE, 1), (16 * MINUTE, 0)],
        "high/ch4-3": [(0, 0), (35 * MINUTE, np.nan)],
    }
    caption = "Two of three; with the third out of order (from 35 min) one of the other two is enough."
    return of(Vote(k=2), changes, HOUR, caption, "min")


def deviation() -> Scene:
    t = np.arange(24 * 6)
    common = 12 + 2 * np.sin(t / 144 * 2 * np.pi)
    values = [common + noise(80 + k, len(t), 0.1) for k in range(5)]
    values[2] = values[2] + np.clip(t - 80, 0, 40) * 0.05
    subjects = lambda n: Subjects.simple(n, unit="degC", interval=600, members=5)  # noqa: E731
    caption = "Five thermometers with one day; one of them drifts from 13 h on."
    return Scene(Deviation(limit=1.0, reset=0.6), subjects, [regular(v, 600) for v in values], caption, "h")


SCENES: Mapping[str, Callable[[], Scene]] = {
    "network.coincidence": coincidence,
    "network.common_cause": common_cause,
    "network.compound": compound,
    "network.deviation": deviation,
    "network.vote": vote,
}
