"""Recordings of others: mappings, zones, units, mistakes. Oracles: values by hand, zoneinfo, pymseed, pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymseed import DataEncoding, MS3Record

from collector.errors import Rejected
from collector.recorded import Source, pieces
from collector.replaying import replay
from detectors.document import SiteMistakes
from detectors.site import read_site
from simulators.columns import read_columns
from simulators.table_clock import Clock

SITE = read_site({
    "site": {"id": "pit", "timezone": "Asia/Shanghai", "simulated": True},
    "payload": {"line": {"topic": "line/#", "line": {"value": "value", "unit": "unit"}, "precision": "s"}},
    "sensor": {
        "ch4": {"area": "face", "quantity": "methane", "unit": "%vol", "lel": 5.0, "every": "5s"},
        "temp": {"area": "face", "quantity": "temperature", "unit": "degC"},
        "fan": {"area": "face", "states": ["stopped", "running"]},
        "geo": {"area": "wall", "quantity": "velocity", "unit": "mm/s", "rate": 200},
    },
    "rule": {"gas": {"sensors": ["ch4"], "detector": {"kind": "signal.limit", "limit": "1 %vol", "reset": "0.9 %vol"},
                     "priority": "high", "guidance": "Withdraw"}},
})  # fmt: skip
S = 10**9
START = int(datetime(2026, 3, 29, 0, 0, tzinfo=UTC).timestamp()) * S
Told = list[tuple[str, int, Any]]


def read(tmp_path: Path, text: str, mapping: str | None = None, name: str = "r.csv", **more: int) -> Told:
    path, columns = tmp_path / name, tmp_path / "columns.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    if mapping is not None:
        columns.write_text(mapping)
    source = Source(path, None if mapping is None else columns, **more)
    return [
        (rows.names[s], t, None if np.isnan(v) else v)
        for rows in pieces(source, SITE)
        for s, t, v in zip(rows.sensor.tolist(), rows.time.tolist(), rows.value.tolist(), strict=True)
    ]


WIDE = """\
form = "wide"
delimiter = ";"
decimal = ","
time = ["Datum", "Zeit"]
format = "%d.%m.%Y %H:%M:%S"
zone = "Europe/Berlin"
header = 3
missing = ["---"]
[sensors]
"CH4 (%LEL)" = { sensor = "ch4", unit = "%LEL" }
"T [K]" = { sensor = "temp", unit = "K" }
"Lüfter" = "fan"
"""


def test_a_wide_table_as_a_data_logger_writes_it(tmp_path: Path) -> None:
    text = (
        "Logger 7\r\nexported\r\nDatum;Zeit;CH4 (%LEL);T [K];Lüfter;Remark\r\n"
        "28.03.2026;23:59:59;10,5;294,65;running;\r\n29.03.2026;00:00:04;---;;stopped;ok\r\n\r\n"
    )
    at = int(datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC).timestamp()) * S
    got = read(tmp_path, text, WIDE)
    assert [(name, time) for name, time, _ in got] == [
        ("ch4", at), ("temp", at), ("fan", at), ("ch4", at + 5 * S), ("temp", at + 5 * S), ("fan", at + 5 * S),
        ("Remark", at + 5 * S),
    ]  # fmt: skip
    assert [value for _, _, value in got] == [pytest.approx(0.525), pytest.approx(21.5), 1.0, None, None, 0.0, None]


LONG = """\
time = "When"
sensor = "Tag"
value = "Val"
unit = "U"
[sensors]
"A/CH4" = "ch4"
"""


def test_a_long_table_with_a_unit_a_row(tmp_path: Path) -> None:
    text = (
        "Tag,When,Val,U\nA/CH4,2026-03-29T00:00:00Z,50,%LEL\nA/CH4,2026-03-29T08:00:05+08:00,1.5,%vol\n"
        "temp,2026-03-29T00:00:06Z,20,\nB,2026-03-29T00:00:07Z,x,y\n"
    )
    assert read(tmp_path, text, LONG) == [
        ("ch4", START, 2.5), ("ch4", START + 5 * S, 1.5), ("temp", START + 6 * S, 20.0), ("B", START + 7 * S, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "text"),
    [("excel", "46110"), ("excel", "46110.0"), ("s", "1774742400"), ("ms", "1774742400000"), ("ns", str(START)),
     ("us", "1774742400000000"), ("s", "1774742400.000000"), ("%d/%m/%y %H.%M", "29/03/26 00.00")],
)  # fmt: skip
def test_times_in_other_forms(tmp_path: Path, form: str, text: str) -> None:
    assert read(tmp_path, f"time,sensor,value\n{text},ch4,1\n", f'format = "{form}"\nzone = "UTC"') == [
        ("ch4", START, 1.0)
    ]


def test_excels_fractions_of_a_day_are_right_to_the_millisecond(tmp_path: Path) -> None:
    """0.1 s as Excel stores it: 12:34:56.1 on day 46110."""
    serial = 46110 + (12 * 3600 + 34 * 60 + 56.1) / 86400
    ((_, time, _),) = read(tmp_path, f"time,sensor,value\n{serial!r},ch4,1\n", 'format = "excel"\nzone = "UTC"')
    assert time == START + (12 * 3600 + 34 * 60 + 56) * S + 100_000_000


@pytest.mark.parametrize(
    ("mapping", "text", "words"),
    [
        ('format = "%Y"', "time,sensor,value\n2026,ch4,1", "line 2: found column 'time': .*'2026': it has no zone"),
        ('zone = "Europe/Berlin"', "time,sensor,value\n2026-03-29T01:59:00,ch4,1\n2026-03-29T02:30:00,ch4,1",
         "line 3: found column 'time': .* the clocks of Europe/Berlin skip it"),
        ('zone = "Europe/Berlin"', "time,sensor,value\n2026-10-25T02:30:00,ch4,1", "show it twice; say ambiguous"),
        ('zone = "UTC"', "time,sensor,value\n2026-03-29T01:59:00,ch4,1\n2026-03-29T02:30:00Z,ch4,1",
         "line 3: .* with and without a zone are mixed"),
        ('zone = "UTC"', "time,sensor,value\n46110.5,ch4,1", 'line 2: .*say format = "excel"'),
        ('zone = "UTC"', "time,sensor,value\nlast week,ch4,1", "line 2: .*not ISO 8601; say `format`"),
        ('format = "excel"', "time,sensor,value\n-3,ch4,1", "line 2: .*no day number"),
        ('format = "s"', "time,sensor,value\nnan,ch4,1", "line 2: .*not a time"),
        ('format = "s"', "time,sensor,value\n1e300,ch4,1", "line 2"),
        ("", "time,sensor,wert\n1,ch4,1", "line 1: found no column 'value'"),
        ("", "time,sensor,value,value\n1,ch4,1,1", "line 1: found two columns 'value'"),
        ('format = "s"', 'time,sensor,value\n1,ch4,"1,5"', "line 2: found column 'value': .* '1,5'; .*decimal = "),
        ('format = "s"', "time,sensor,value\n1,ch4,1,5", "line 2: found 4 fields, .*a decimal comma"),
        ('format = "s"', "time,sensor,value\n1,ch4,1_0", "line 2: found column 'value': the value '1_0'"),
        ('format = "s"', "time,sensor,value\n1,fan,flying", "one of stopped, running"),
        ('format = "s"\ndecimal = ","\ndelimiter = ";"', "time;sensor;value\n1;ch4;1.000,5", "the value '1.000,5'"),
        ('format = "s"\nunit = "u"', "time,sensor,value,u\n1,ch4,1,mm", "line 2: found column 'u'"),
        ('encoding = "klingon"', "time,sensor,value\n", "encoding 'klingon'"),
        ('encoding = "ascii"\nformat = "s"', "time,sensor,value\n1,ch4,1\n2,chä,1\n", "text in ascii"),
        (None, "time,sensor,value\n46110,ch4,1\n", "line 2: found the time '46110', a day number of Excel"),
        (None, 'time,sensor,value\n1,ch4,"1,5"\n', "line 2: found the value '1,5'.*a decimal comma by --columns"),
        (None, "time,sensor,value\n1,ch4,1,5\n", "line 2: .*a decimal comma by --columns"),
        (None, "time,sensor\n1,ch4\n", "line 1: found the header"),
    ],
)  # fmt: skip
def test_a_mistake_names_line_and_column_and_what_to_say(
    tmp_path: Path, mapping: str | None, text: str, words: str
) -> None:
    with pytest.raises(Rejected, match=words) as refused:
        read(tmp_path, text, mapping)
    assert str(tmp_path / "r.csv") in str(refused.value)


@pytest.mark.parametrize(("say", "hours"), [("first", [0, 0]), ("second", [1, 1]), ("ascending", [0, 1])])
def test_the_hour_that_comes_twice_is_what_the_mapping_says(tmp_path: Path, say: str, hours: Sequence[int]) -> None:
    text = "time,sensor,value\n2026-10-25T02:30:00,ch4,1\n2026-10-25T02:00:00,ch4,1\n"
    got = read(tmp_path, text, f'zone = "Europe/Berlin"\nambiguous = "{say}"')
    start = datetime(2026, 10, 25, 0, tzinfo=UTC)
    wanted = [start + timedelta(hours=hours[0], minutes=30), start + timedelta(hours=hours[1])]
    assert [time for _, time, _ in got] == [int(at.timestamp()) * S for at in wanted]


@given(
    st.integers(631_152_000, 2_840_140_800),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_local_times_are_what_zoneinfo_says_or_refused(second: int, zone: str) -> None:
    """Which moments show as one local time is looked for quarter by quarter; one is read, none or two are refused."""
    place = ZoneInfo(zone)
    moment = datetime.fromtimestamp(second, UTC).replace(tzinfo=None)
    near = [second + quarter * 900 for quarter in range(-60, 61)]
    shows = [at for at in near if datetime.fromtimestamp(at, place).replace(tzinfo=None) == moment]
    clock = Clock(zone=place)
    if len(shows) == 1:
        assert clock.read(moment.isoformat()) == shows[0] * S
    else:
        with pytest.raises(ValueError, match="twice" if shows else "skip"):
            clock.read(moment.isoformat())


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ('form = "tall"', "allowed: long, wide"), ('zone = "Mars"', "zone of the IANA"),
        ("nonsense = 1", "unknown key"),
        ('[sensors]\nx = "ch5"', "nearest 'ch4'"), ('[sensors]\nx = { sensor = "ch4", unit = "mm" }', "becomes %vol"),
        ('delimiter = ","\ndecimal = ","', "another than `decimal`"), ('ambiguous = "both"', "ascending"),
    ],
)  # fmt: skip
def test_a_mapping_with_mistakes_is_refused(mapping: str, words: str) -> None:
    with pytest.raises(SiteMistakes, match=words):
        read_columns(mapping, SITE.sensors)


def test_line_protocol_of_another_system(tmp_path: Path) -> None:
    text = (
        "# export\ngas,sensor=ch4 value=0.5 1774742400\n"
        'fan,sensor=fan value="running" 1774742401\nx,sensor=co value=1 1774742402\n'
    )
    got = read(tmp_path, text, name="r.line")
    assert got == [("ch4", START, 0.5), ("fan", START + S, 1.0), ("co", START + S, None)]
    with pytest.raises(Rejected, match="line 2: found value 'one'"):
        read(tmp_path, "gas,sensor=ch4 value=0.5 1\ngas,sensor=ch4 value=one 1\n", name="r.lp")


def seed(path: Path, station: str, start: int, count: int) -> None:
    record = MS3Record(reclen=512, encoding=DataEncoding.FLOAT64)
    record.sourceid, record.samprate, record.formatversion, record.starttime = (
        f"FDSN:XX_{station}__H_H_Z",
        200.0,
        3,
        start,
    )
    with path.open("ab") as file:
        for one in record.generate(data_samples=np.ones(count), sample_type="d"):
            file.write(one)


def test_files_of_miniseed_are_put_together_by_time_and_strangers_counted(tmp_path: Path) -> None:
    for k in range(4):
        seed(tmp_path / "a.mseed", "geo", START + k * S, 200)
        seed(tmp_path / "b.mseed", "other", START + k * S, 200)
    result = replay(SITE, tmp_path)
    per_second = 200 // 50 + 1
    assert result.readings == result.unknown["other"]
    assert 4 * 200 / 64 <= result.readings <= 4 * per_second
    assert result.end == START + 4 * S
    whole = [wave for rows in pieces(Source(tmp_path), SITE) for wave in rows.waves]
    assert [w.time for w in whole] == sorted(w.time for w in whole)
    (tmp_path / "a.mseed").write_bytes(b"nothing of the kind" * 30)
    with pytest.raises(Rejected, match="record 1: not miniSEED"):
        replay(SITE, tmp_path)


@pytest.mark.parametrize("zoned", [True, False])
def test_parquet(tmp_path: Path, zoned: bool) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    moments = [datetime(2026, 3, 29, 0, 0, k, tzinfo=UTC if zoned else None) for k in range(3)]
    kind = pa.timestamp("ms", "Asia/Shanghai" if zoned else None)
    table = pa.table({"time": pa.array(moments, kind), "sensor": ["ch4", "temp", "co"], "value": [0.5, None, 1.0]})
    parquet.write_table(table, tmp_path / "r.parquet")
    if not zoned:
        with pytest.raises(Rejected, match="a zone is needed"):
            list(pieces(Source(tmp_path / "r.parquet"), SITE))
    (tmp_path / "c.toml").write_text('zone = "UTC"\ndecimal = ","\ndelimiter = ";"')
    source = Source(tmp_path / "r.parquet", None if zoned else tmp_path / "c.toml")
    (rows,) = pieces(source, SITE)
    assert rows.time.tolist() == [START, START + S, START + 2 * S]
    assert [rows.names[k] for k in rows.sensor] == ["ch4", "temp", "co"]
    assert rows.value[0] == 0.5
    assert np.isnan(rows.value[1])


def test_a_part_of_a_recording(tmp_path: Path) -> None:
    text = "time,sensor,value\n" + "".join(f"{START + k * S},ch4,{k}\n" for k in range(10))
    got = read(tmp_path, text, start=START + 3 * S, end=START + 6 * S)
    assert [value for _, _, value in got] == [3.0, 4.0, 5.0]


COMMA = 'form = "wide"\ntime = "t"\nformat = "s"\ndecimal = ","\ndelimiter = ";"\n[sensors]\nCH4 = "ch4"'


def test_the_same_readings_give_the_same_journal_whatever_they_lie_in(tmp_path: Path) -> None:
    values = [(START // S + k, value) for k, value in enumerate([0.5, 1.2, 1.3, 0.4, 1.1])]
    plain = "".join(f"{at * S},ch4,{v}\n" for at, v in values)
    (tmp_path / "plain.csv").write_text("time,sensor,value\n" + plain)
    (tmp_path / "r.line").write_text("".join(f"g,sensor=ch4 value={v} {at}\n" for at, v in values))
    (tmp_path / "wide.csv").write_text("t;CH4\n" + "".join(f"{at};{v:.1f}\n".replace(".", ",") for at, v in values))
    (tmp_path / "wide.toml").write_text(COMMA)
    first = replay(SITE, tmp_path / "plain.csv")
    line = replay(SITE, tmp_path / "r.line")
    wide = replay(SITE, tmp_path / "wide.csv", part=Source(tmp_path / "wide.csv", tmp_path / "wide.toml"))
    assert first.changes["raised"] == 2
    assert first.hash == line.hash == wide.hash


def test_a_recording_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Memory does not grow with the file: a piece is given out when a small share of the file is read."""
    path = tmp_path / "long.csv"
    path.write_text("t;CH4\n" + "".join(f"{1774742400 + k};0,5\n" for k in range(100_000)))
    (tmp_path / "c.toml").write_text(COMMA)
    shares: list[float | None] = []
    read_so_far = 0
    for rows in pieces(Source(path, tmp_path / "c.toml"), SITE, shares.append):
        read_so_far += len(rows)
        share = shares[-1]
        assert share is not None
        assert len(rows) <= 20_000
        assert abs(share - read_so_far / 100_000) < 0.05
    assert (read_so_far, len(shares)) == (100_000, 5)


def test_a_backtest_takes_them_too_and_refuses_waveforms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from collector.cli import main

    site = (
        '[site]\nid = "p"\ntimezone = "UTC"\nsimulated = true\n[payload.a]\ntopic = "p/{sensor}"\n'
        'json = { value = "v", time = "t" }\n[sensor]\nch4 = { area = "f", quantity = "methane", unit = "%vol" }\n'
        '[rule.gas]\nsensors = ["ch4"]\npriority = "low"\nguidance = "Look"\n'
        'detector = { kind = "signal.limit", limit = "1 %vol", reset = "0.9 %vol" }\n'
    )
    (tmp_path / "a.toml").write_text(site)
    (tmp_path / "b.toml").write_text(site.replace('"1 %vol"', '"0.5 %vol"').replace('"0.9 %vol"', '"0.4 %vol"'))
    (tmp_path / "c.toml").write_text(COMMA)
    (tmp_path / "r.csv").write_text("t;CH4\n" + "".join(f"{START // S + k};0,{k % 7}\n" for k in range(70)))
    seed(tmp_path / "w.mseed", "ch4", START, 100)
    asked = ["--against", str(tmp_path / "b.toml"), "--processes", "1", "--columns", str(tmp_path / "c.toml")]
    assert main(["backtest", str(tmp_path / "a.toml"), str(tmp_path / "r.csv"), *asked]) == 0
    assert "gas/ch4" in capsys.readouterr().out
    assert main(["backtest", str(tmp_path / "a.toml"), str(tmp_path / "w.mseed"), *asked[:4]]) == 1
    assert "waveforms; `davylamp replay` judges them" in capsys.readouterr().err
