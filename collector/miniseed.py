"""miniSEED 2 and 3: each record is a block of samples of the sensor that its source identifier spells.

Constraints. libmseed reads them (pymseed); a record's checksum, where it has one, must be right. A record that cannot
be read ends its message: where the next one begins is not known. What was read before it counts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from collector.known import Names
from collector.payload import shown
from collector.rows import Dead, Rows
from detectors.sensor import Payload

DENSEST = 8
"""Samples a byte at most: no encoding packs more than 2, so a header that claims more is not believed."""


class Records:
    """Decodes the records of one payload."""

    def __init__(self, names: Names, payload: Payload) -> None:
        self._names, self._scale = names, payload.scale

    def decode(self, data: bytes, rows: Rows) -> None:
        """Add every record's samples; raises Dead where one cannot be read."""
        from pymseed import MS3Record, PymseedError  # a third of a second, for sites that have it

        if not data:
            raise Dead("empty", "no record")
        number = 0
        try:
            for number, record in enumerate(MS3Record.from_buffer(data), 1):
                self.take(record, rows, number)
        except (PymseedError, ValueError) as error:
            raise Dead("unparsable", f"record {number + 1}: not miniSEED: {' '.join(str(error).split())}") from error

    def take(self, record: Any, rows: Rows, number: int) -> None:
        """Add one record's samples, or why not."""
        try:
            self._record(record, rows)
        except Dead as dead:
            rows.bury(dead, f"record {number}: ")

    def _record(self, record: Any, rows: Rows) -> None:
        known = self._names.find(rows.topic, source_words(record.sourceid))
        if not record.samplecnt:
            raise Dead("empty", "no samples", known.id)
        if record.samplecnt > DENSEST * record.reclen:
            raise Dead("wrong_length", f"{record.samplecnt} samples in {record.reclen} bytes", known.id)
        rate = record.samprate
        if not (math.isfinite(rate) and 0 < rate < 1e6):
            raise Dead("bad_rate", f"rate {shown(rate)}: samples a second, above 0", known.id)
        record.unpack_data()
        if record.sampletype == "t":
            raise Dead("wrong_type", "text, samples are needed", known.id)
        samples = np.array(record.np_datasamples, np.float64) * self._scale
        start = rows.arrival() if known.arrival else int(record.starttime)
        rows.add_wave(known.index, start, rate, samples)


def source_words(source: str) -> dict[str, str]:
    """network, station, location and channel of FDSN:NET_STA_LOC_B_S_SS; `source` is the whole."""
    parts = source.removeprefix("FDSN:").split("_")
    if len(parts) != 6:
        raise Dead("unparsable", f"source {shown(source)}: FDSN:NET_STA_LOC_BAND_SOURCE_POSITION is needed")
    network, station, location, *channel = parts
    joined = "".join(channel) if all(len(part) == 1 for part in channel) else "_".join(channel)
    return {"source": source, "network": network, "station": station, "location": location, "channel": joined}
