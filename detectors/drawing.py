"""Derived readings from what was judged row by row, put into columns. Not a picture (scripts/detectors_doc.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from detectors.detector import Column
from detectors.reading import Batch


def columns_of(
    batch: Batch, judged: Iterable[tuple[float, ...]], columns: Mapping[str, str], quality: Any = 0
) -> list[Column]:
    """Columns, name -> unit, from (row, subject, value, ...) of each judged moment; they come out in log order."""
    entries = sorted(judged, key=lambda one: one[0])
    if not entries:
        return []
    table = np.array([one[2:] for one in entries])
    rows, who = (np.array([int(one[k]) for one in entries], np.intp) for k in (0, 1))
    return [
        Column.of(name, unit, who, batch, rows, values, quality)
        for (name, unit), values in zip(columns.items(), table.T, strict=True)
    ]
