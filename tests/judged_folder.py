"""A data folder in which judging has concluded things, without a judge: for the tests of those who follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from collector.judged_writer import JudgedWriter
from detectors.bank import Rows
from detectors.detector import Why
from detectors.records import Change
from detectors.rule import Series
from tests.blocks import BEGIN, SECOND, SERIES

TABLE = [Series(row.name, row.sensor, row.area, row.quantity, row.unit) for row in SERIES.values()]


def change(now: int, occurrence: int = 1, what: str = "raised", rule: str = "face-methane") -> Change:
    """A journal line's content."""
    why = Why("signal.limit.above", {"limit": 1.0})
    return Change(
        now, now, "face-2105", "ch4-2105", rule, "signal.limit", 1, "high", occurrence, what, "B", 1.5, 1.0, why
    )


def alarm(rule: str = "face-methane", *, active: bool = True, priority: str = "high") -> dict[str, Any]:
    """A pair's state as judging writes it, as far as the stores read it."""
    return {
        "rule": rule, "subject": "ch4-2105", "area": "face-2105", "kind": "signal.limit", "priority": priority,
        "active": active, "acked": False, "latched": False, "hidden": [], "occurrence": 1, "watching": True,
        "since": BEGIN,
    }  # fmt: skip


@dataclass
class Judging:
    """Writes judged.db as judging does."""

    folder: Path
    now: int = BEGIN
    judged: int = 0
    writer: JudgedWriter = field(init=False)

    def __post_init__(self) -> None:
        self.writer = JudgedWriter(self.folder)

    def commit(
        self,
        rows: Sequence[tuple[int, int, float]] = (),
        changes: Sequence[Change] = (),
        alarms: Sequence[dict[str, Any]] | None = None,
        later: float = 1.0,
    ) -> None:
        """One commit, `later` s after the last: rows are (series 1.., time, value)."""
        self.now += int(later * SECOND)
        self.judged += len(rows)
        self.writer.begin()
        numbers = self.writer.known(TABLE)
        if rows:
            self.writer.readings(self.now, [self._rows(rows)], numbers)
        self.writer.journal(changes, "north-pit")
        if alarms is not None:
            self.writer.pairs(alarms, all_of_them=True)
        place = {"now": self.now, "wall": self.now, "seal": 1, "last_seal": 1}
        self.writer.fact("status", {**place, "site": "north-pit", "simulated": False})
        self.writer.fact("ledger", {"readings": self.judged, "gate.judged": self.judged})
        self.writer.commit(1)

    def steady(self, first: int, readings: int, series: int = 1) -> None:
        """A commit of readings of one series, one a second."""
        self.commit([(series, BEGIN + k * SECOND, float(k)) for k in range(first, first + readings)])

    def close(self) -> None:
        self.writer.close()

    def _rows(self, rows: Sequence[tuple[int, int, float]]) -> Rows:
        series, time, value = (np.array(column) for column in zip(*rows, strict=True))
        arrived, row = np.full(len(rows), self.now), np.arange(len(rows))
        return Rows(series - 1, time, arrived, row, value.astype(np.float64), np.zeros(len(rows), np.uint8))
