"""A full disk: first the reserve goes, then the connection; and all comes back by itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.clock import SECOND
from collector.collecting import Collector
from collector.errors import DiskFull, Unavailable
from collector.history import HistorySink
from collector.inbox import Inbox
from collector.judged import Judged
from collector.message import Message
from collector.reserve import Reserve, refused, reserve_file, spent
from collector.sinks import IntoHistory
from collector.spool import Spool
from collector.stored import Cursor
from tests.collector.test_collecting import Belt, Times, logged, reading

KB, MB = 1024, 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB of our own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no disk of our own can be mounted: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def own(folder: Path, sensor: str) -> list[dict[str, float]]:
    return [json.loads(m.payload) for m in logged(folder, "own") if m.topic == f"own/{sensor}"]


def fill_up(folder: Path) -> Path:
    """Take all the room there is."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (64 * KB, 4 * KB):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def test_a_full_disk_costs_the_reserve_then_the_connection_and_nothing_that_was_taken(
    disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.collecting.RETRY", 0.0)
    belts: list[Belt] = []

    def connect() -> Belt:
        belts.append(Belt())
        return belts[-1]

    times, spool = Times(), Spool(disk)
    collector = Collector(spool, Inbox(disk), times.clock(), connect)
    collector.reserve = Reserve(disk, 2 * MB)
    collector.turn()
    collector.turn()
    assert reserve_file(disk).stat().st_size == 2 * MB
    ballast = fill_up(disk)

    belts[0].waiting = [Message("pit/a", b"x" * 300_000, "mqtt")]
    collector.turn()
    assert (belts[0].released, spent(disk)) == ([], True)
    collector.turn()
    assert len(belts[0].released) == 1
    assert own(disk, "disk-reserve")[-1] == {"value": 1}
    assert "reserve=given-up" in caplog.text
    assert not belts[0].stopped

    kept = 0
    while not belts[0].stopped:
        times.ns += SECOND
        belts[0].waiting = [Message("pit/a", b"%d" % kept + b"x" * 300_000, "mqtt")]
        collector.turn()
        kept += 1
        assert kept < 50
    released = len(belts[0].released)
    assert len(logged(disk)) == released

    times.ns += 60 * SECOND
    ballast.unlink()
    collector.turn()
    collector.turn()
    assert len(belts) == 2
    assert len(logged(disk)) == released + 1, "what was held is on disk, though nobody can be told any more"
    blind = own(disk, "blind")[-1]
    assert blind["to"] - blind["from"] >= 60 * SECOND
    belts[1].waiting = [reading(1)]
    collector.turn()
    assert belts[1].released == [reading(1)]
    collector._reported = -1e9
    collector.turn()
    collector.turn()
    assert own(disk, "disk-reserve")[-1] == {"value": 0}
    assert not spent(disk)
    collector.close()
    assert belts[1].stopped
    spool.close()


def test_sqlite_and_the_system_both_say_full(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    pages = spool._store.execute("PRAGMA page_count").fetchone()[0]
    spool._store.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull):
        spool.append([Message("t", b"x" * 400_000, "mqtt")], 1, 1)
    spool.close()
    assert type(refused(tmp_path / "f", OSError(28, "No space left on device"))) is DiskFull
    assert type(refused(tmp_path / "f", OSError(5, "Input/output error"))) is Unavailable


def test_without_any_room_left_a_full_disk_disconnects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.collecting.RETRY", 0.0)
    belt, spool = Belt(), Spool(tmp_path)
    collector = Collector(spool, Inbox(tmp_path), Times().clock(), lambda: belt)
    with monkeypatch.context() as patched:
        patched.setattr(spool, "append", lambda *_: (_ for _ in ()).throw(DiskFull("full")))
        belt.waiting = [reading(1)]
        collector.turn()
    assert belt.stopped
    assert belt.released == []
    collector.turn()
    assert logged(tmp_path) == [reading(1)]
    spool.close()


def test_another_trouble_of_the_disk_keeps_reserve_and_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.collecting.RETRY", 0.0)
    belt, spool = Belt(), Spool(tmp_path)
    collector = Collector(spool, Inbox(tmp_path), Times().clock(), lambda: belt)
    collector.reserve = Reserve(tmp_path, MB)
    collector.turn()
    monkeypatch.setattr(spool, "append", lambda *_: (_ for _ in ()).throw(Unavailable("locked")))
    belt.waiting = [reading(1)]
    collector.turn()
    assert (belt.stopped, collector.reserve.whole) == (False, True)
    spool.close()


def test_history_waits_while_the_reserve_is_spent(tmp_path: Path) -> None:
    judged, cursor, reserve = Judged(tmp_path), Cursor(tmp_path, "history"), Reserve(tmp_path, MB)
    into = IntoHistory(judged, cursor, HistorySink(tmp_path, judged.series), lambda: spent(tmp_path))
    assert reserve.restore()
    assert not into.step()
    assert reserve.give_up()
    assert not reserve.give_up()
    with pytest.raises(DiskFull, match="history waits"):
        into.step()
    assert reserve.restore()
    assert not into.step()
    into.close()
    cursor.close()


def test_a_reserve_that_does_not_fit_is_not_taken(tmp_path: Path) -> None:
    assert not Reserve(tmp_path, 10**18).restore()
    assert not reserve_file(tmp_path).exists()
