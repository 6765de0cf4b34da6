"""Readings that several judges are to look at: read once, kept as columns in a temporary folder, taken often.

Constraints. Memory does not grow with the readings: they are written while they are read, and mapped when they are
taken. A data folder is no such recording: its log holds actions and waveforms too, and is folded anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from collector.errors import Rejected, Unavailable
from collector.spool import spool_file
from collector.verb import WrongUse
from simulators.replay import BadCsv, Rows, read_csv

COLUMNS = (("sensor", np.int32), ("time", np.int64), ("value", np.float64), ("quality", np.uint8))
NAMES = "names.json"
Read: TypeAlias = Callable[[Path, Callable[[float | None], None]], Iterator[Rows]]
"""The readings of one file; the second hears what share of it is read."""
PIECE = 50_000
"""Readings taken at once."""


class Recording:
    """Readings of one or several files, in their order. Close it, or use it in a `with`."""

    def __init__(
        self, inputs: Sequence[Path], told: Callable[[float | None, int], None] | None = None, read: Read | None = None
    ) -> None:
        """Reads all of it, as CSV or as `read` does. Raises Rejected with file and line, Unavailable where disk or file
        fail."""
        self._folder = TemporaryDirectory(prefix="davylamp-recording-")
        self.folder = Path(self._folder.name)
        self.readings = 0
        try:
            self._write(inputs, told, read or _read)
        except OSError as error:
            self.close()
            raise Unavailable(f"{error}; readings are kept at {self.folder} meanwhile, 21 bytes each") from error
        except BaseException:
            self.close()
            raise

    def _write(self, inputs: Sequence[Path], told: Callable[[float | None, int], None] | None, read: Read) -> None:
        names: dict[str, int] = {}
        columns = [(self.folder / name).open("wb") for name, _ in COLUMNS]
        try:
            for place, path in enumerate(inputs):

                def hear(share: float | None, before: int = place) -> None:
                    if told is not None:
                        told(None if share is None else (before + share) / len(inputs), self.readings)

                for rows in read(path, hear):
                    if rows.waves:
                        raise Rejected(f"{path}: waveforms; `davylamp replay` judges them, this takes readings only")
                    here = np.array([names.setdefault(name, len(names)) for name in rows.names], np.int32)
                    parts = (here[rows.sensor], rows.time, rows.value, rows.quality)
                    for file, part, (_, kind) in zip(columns, parts, COLUMNS, strict=True):
                        file.write(np.ascontiguousarray(part, kind).tobytes())
                    self.readings += len(rows)
        finally:
            for file in columns:
                file.close()
        (self.folder / NAMES).write_text(json.dumps(list(names)), encoding="utf-8")

    def close(self) -> None:
        """Remove the temporary folder."""
        self._folder.cleanup()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def opened(
    inputs: Sequence[Path], told: Callable[[float | None, int], None] | None = None, read: Read | None = None
) -> Iterator[Path]:
    """What a trial takes: the folder of these files' recording, or the one data folder. Raises WrongUse, Rejected."""
    for path in inputs:
        if not path.exists():
            raise WrongUse(f"{path} is not there; give a CSV (time,sensor,value) or a data folder")
    logs = [path for path in inputs if is_log(path)]
    if logs and len(inputs) > 1:
        raise WrongUse(f"{logs[0]} is a data folder; give it alone, or CSV files only")
    if logs:
        folder = logs[0] if logs[0].is_dir() else logs[0].parent
        if not spool_file(folder).exists():
            raise WrongUse(f"{folder} holds no log ({spool_file(folder).name}): nothing ever ran there")
        yield folder
        return
    with Recording(inputs, told, read) as recording:
        if not recording.readings:
            raise WrongUse(f"{', '.join(map(str, inputs))}: no readings in it")
        yield recording.folder


def _read(path: Path, hear: Callable[[float | None], None]) -> Iterator[Rows]:
    try:
        yield from read_csv(path, told=hear)
    except BadCsv as wrong:
        raise Rejected(f"{path}: {wrong}") from None


def take(folder: Path, rows: int = PIECE) -> Iterator[Rows]:
    """The readings of a recording's folder, in pieces; any process may."""
    names: list[str] = json.loads((folder / NAMES).read_text("utf-8"))
    if not (folder / COLUMNS[0][0]).stat().st_size:
        return
    columns: list[Any] = [np.memmap(folder / name, kind, "r") for name, kind in COLUMNS]
    for first in range(0, len(columns[0]), rows):
        sensor, time, value, quality = (np.array(column[first : first + rows]) for column in columns)
        yield Rows(names, sensor.astype(np.intp), time, value, quality, first + 1)


def is_recording(folder: Path) -> bool:
    """True of a recording's folder."""
    return (folder / NAMES).exists()


def is_log(path: Path) -> bool:
    """True of a data folder, or its spool.db."""
    return path.is_dir() or path.name == spool_file(path.parent).name
