"""Recordings of any kind as pieces of readings: our CSV, tables by a mapping, Parquet, line protocol, miniSEED.

Constraints. Memory does not grow with the recording. What cannot be read stops with file, line and column; names that
are no sensor come under their own name, to be counted. By what the file's name ends in: .csv .parquet .line .lp .mseed
.miniseed; a folder holds miniSEED files, put together by time. A data folder is not read here.
"""

from __future__ import annotations

import heapq
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import Rejected
from collector.known import Known, Names
from collector.line_protocol import Lines
from collector.miniseed import Records
from collector.rows import Rows as Decoded
from detectors.document import SiteMistakes
from detectors.reading import Wave
from detectors.sensor import Payload
from detectors.site import Site
from simulators.columns import Columns, read_columns, read_table
from simulators.replay import BadCsv, Rows, read_csv

Told = Callable[[float | None], None]
LINES, SEED, PARQUET = (".line", ".lp"), (".mseed", ".miniseed"), (".parquet",)
PIECE = 20_000
RECORD_BYTES = 1 << 16
"""Read at once of a miniSEED file; no record of ours is longer."""
AT_ONCE = 200
"""Blocks of samples in a piece."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recording: where it is, how its columns are called, and which part of it is wanted (ns, the end left out)."""

    path: Path
    mapping: Path | None = None
    start: int = -(2**63)
    end: int = 2**63 - 1


def pieces(source: Source, site: Site, told: Told | None = None) -> Iterator[Rows]:
    """The recording's readings and blocks. Raises Rejected that says where; OSError."""
    try:
        for rows in _pieces(source, site, told):
            yield _within(rows, source.start, source.end)
    except BadCsv as wrong:
        raise Rejected(f"{source.path}: {wrong}") from None


def _pieces(source: Source, site: Site, told: Told | None) -> Iterator[Rows]:
    path = source.path
    columns = None if source.mapping is None else read_mapping(source.mapping, site)
    if path.is_dir() or path.suffix.lower() in SEED:
        return _seed(path, site)
    if path.suffix.lower() in LINES:
        return _lines(path, site, told)
    if path.suffix.lower() in PARQUET:
        return _parquet(path, columns, told)
    return read_csv(path, told=told) if columns is None else read_table(path, columns, told=told)


def read_mapping(path: Path, site: Site) -> Columns:
    """The mapping in a TOML file. Raises Rejected."""
    try:
        return read_columns(path.read_text("utf-8"), site.sensors)
    except (SiteMistakes, tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Rejected(f"{path}: {error}") from None


def _within(rows: Rows, start: int, end: int) -> Rows:
    keep = (rows.time >= start) & (rows.time < end)
    waves = tuple(wave for wave in rows.waves if start <= wave.time < end)
    if keep.all() and len(waves) == len(rows.waves):
        return rows
    columns = (rows.sensor[keep], rows.time[keep], rows.value[keep], rows.quality[keep])
    return Rows(rows.names, *columns, rows.line, waves)


def _payload(site: Site, form: str, otherwise: Payload) -> Payload:
    return next((payload for payload in site.payloads if payload.form == form), otherwise)


def _names(site: Site, payload: Payload) -> Names:
    known = {name: Known(k, sensor) for k, (name, sensor) in enumerate(site.sensors.items())}
    return Names(payload, known)


# Line protocol.


def _lines(path: Path, site: Site, told: Told | None) -> Iterator[Rows]:
    payload = replace(_payload(site, "line", Payload("file", "", "line", {"value": "value"})), topic="", others="dead")
    lines, size = Lines(_names(site, payload), payload), path.stat().st_size
    rows, first = Decoded(), 1
    with path.open("rb") as file:
        for rows.index, line in enumerate(file, 1):
            if not line.strip() or line.startswith(b"#"):
                continue
            try:
                lines.decode(line, rows)
            except Exception as error:  # a Dead of the whole line
                raise BadCsv(rows.index, str(error), "line protocol") from None
            if len(rows) + len(rows.dead) >= PIECE:
                yield _told_rows(site, rows, first)
                if told is not None:
                    told(file.tell() / size)
                rows, first = Decoded(), rows.index + 1
    yield _told_rows(site, rows, first)


def _told_rows(site: Site, rows: Decoded, first: int) -> Rows:
    """What was decoded, and the names that are no sensor; anything else that is dead is a mistake of the file."""
    wrong = next((dead for dead in rows.dead if dead.reason != "unknown_sensor"), None)
    if wrong is not None:
        raise BadCsv(wrong.index, wrong.detail.removeprefix("line 1: "), f"no {wrong.reason.replace('_', ' ')}")
    names = list(site.sensors)
    place = {name: k for k, name in enumerate(names)}
    for dead in rows.dead:
        place.setdefault(str(dead.sensor), len(place))
    sensor, time, _, value, quality = rows.columns()
    unknown = np.array([place[str(dead.sensor)] for dead in rows.dead], np.intp)
    count = len(unknown)
    return Rows(
        list(place), np.concatenate((sensor.astype(np.intp), unknown)),
        np.concatenate((time, np.full(count, time[-1] if len(time) else 0))),
        np.concatenate((value, np.full(count, np.nan))), np.concatenate((quality, np.zeros(count, np.uint8))), first,
    )  # fmt: skip


# miniSEED.


def _seed(path: Path, site: Site) -> Iterator[Rows]:
    files = [path] if path.is_file() else sorted(one for one in path.iterdir() if one.suffix.lower() in SEED)
    if not files:
        raise Rejected(f"{path}: no file of miniSEED in it ({', '.join(SEED)}), and no log (spool.db)")
    payload = replace(_payload(site, "mseed", Payload("file", "", "mseed", {"sensor": "{station}"})), topic="")
    if payload.spelling == "{sensor}":
        payload = replace(payload, fields={"sensor": "{station}"})
    records = Records(_names(site, payload), payload)
    names = list(site.sensors)
    place = {name: k for k, name in enumerate(names)}
    merged = heapq.merge(*(_blocks(file, records, place) for file in files), key=lambda wave: _end(wave))
    waves: list[Wave] = []
    for wave in merged:
        waves.append(wave)
        if len(waves) >= AT_ONCE:
            yield _empty(place, waves)
            waves = []
    yield _empty(place, waves)


def _end(wave: Wave) -> int:
    return wave.time + round(len(wave.samples) / wave.rate * 1e9)


def _blocks(path: Path, records: Records, place: dict[str, int]) -> Iterator[Wave]:
    from pymseed import MS3Record, PymseedError

    number = 0
    try:
        for number, record in enumerate(MS3Record.from_file(str(path)), 1):
            rows = Decoded()
            records.take(record, rows, number)
            for dead in rows.dead:
                if dead.reason != "unknown_sensor":
                    raise Rejected(f"{path}: {dead.detail}")
                name = place.setdefault(str(dead.sensor), len(place))
                yield Wave(0, name, int(record.starttime), 0, max(float(record.samprate), 1e-9), np.zeros(1))
            yield from rows.waves
    except PymseedError as error:
        raise Rejected(f"{path}: record {number + 1}: not miniSEED: {' '.join(str(error).split())}") from None


def _empty(place: dict[str, int], waves: list[Wave]) -> Rows:
    none = np.zeros(0)
    return Rows(
        list(place), none.astype(np.intp), none.astype(np.int64), none, none.astype(np.uint8), 0, tuple(waves)
    )


# Parquet.


def _parquet(path: Path, columns: Columns | None, told: Told | None) -> Iterator[Rows]:
    """Written out as text and read as a table, piece by piece: one way for what a cell may hold."""
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError:
        raise Rejected(f"{path}: reading Parquet needs pyarrow: pip install 'davylamp[parquet]'") from None
    from collector.parquet_table import read_parquet

    try:
        yield from read_parquet(parquet.ParquetFile(path), columns, PIECE, told)
    except pyarrow.ArrowException as error:
        raise Rejected(f"{path}: {error}") from None


def blocks_of(rows: Rows, table: np.ndarray[Any, Any], now: int) -> list[Wave]:
    """The piece's blocks by the site's numbers (`table`; below 0: none), each arriving at its end, not before `now`."""
    out: list[Wave] = []
    for wave in rows.waves:
        sensor = int(table[wave.sensor])
        if sensor >= 0:
            now = max(now, _end(wave))
            out.append(replace(wave, row=0, sensor=sensor, arrived=now))
    return out
