"""Readings in Parquet (the extra `parquet`): columns time, sensor, value[, quality], or those of a mapping.

Constraints. One batch of rows at a time. A cell is turned into the text that a CSV would have and read as one, so that
zones, units and mistakes are the same; the line is the row's number, the header being line 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from simulators.columns import Columns, read_lines_of
from simulators.replay import Rows, read_lines


def read_parquet(
    file: Any, columns: Columns | None, rows: int, told: Callable[[float | None], None] | None
) -> Iterator[Rows]:
    """Pieces of about `rows` readings. Raises BadCsv, and pyarrow's own."""
    total = max(1, file.metadata.num_rows)
    columns = None if columns is None else replace(columns, decimal=".", header=1)

    def lines() -> Iterator[str]:
        done = 0
        yield _line(file.schema_arrow.names, columns)
        for batch in file.iter_batches(batch_size=rows):
            cells = [_texts(column) for column in batch.columns]
            for row in zip(*cells, strict=True):
                yield _line(row, columns)
            done += batch.num_rows
            if told is not None:
                told(done / total)

    yield from read_lines(lines(), rows) if columns is None else read_lines_of(lines(), columns, rows)


def _line(cells: Any, columns: Columns | None) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter="," if columns is None else columns.delimiter, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _texts(column: Any) -> list[str]:
    """A column as text: moments in ISO 8601 with what zone they have, nothing for null."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import compute

    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column, tail = column.cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns")), "Z"
        else:
            column, tail = column.cast(pa.timestamp("us")), ""
        texts = compute.strftime(column, format="%Y-%m-%dT%H:%M:%S").to_pylist()
        return ["" if text is None else text + tail for text in texts]
    return ["" if value is None else str(value) for value in column.to_pylist()]
